"""What the origin of a component means for a match, in SQL. See `service.purls.provenance`.

- A private name or registry meets our own advisories only. Public malware of the same name is kept as a possibility:
  somebody may have published it there for our builds to fetch.
- Public malware never surely means what came from another registry or from a commit.
- A record that condemns every version of a name surely means what came from the public registry; of the rest nobody
  can tell.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import ColumnElement, and_, case, or_, select, update

from service.advisories.models import Advisory, Affected
from service.advisories.ranges import END
from service.db import WriteSession, any_of
from service.inventory.catalogue_models import ComponentCoord, OsvPackage
from service.purls.provenance import ELSEWHERE, PRIVATE, PUBLIC

#: Of `Match.note`: the name is ours or came from elsewhere, and public malware bears it.
CONFUSION: Final = "dependency confusion?"

_MALWARE = Advisory.kind == "malware"
_OURS = Advisory.source == "own"
_CONDEMNED = and_(Affected.lo.is_not(None), Affected.lo == b"", Affected.hi == END)
_ORIGIN = ComponentCoord.provenance

#: The advisory may speak of the component.
HEARD: ColumnElement[bool] = or_(_ORIGIN != PRIVATE, _MALWARE, _OURS)

#: It surely does.
SURELY_MEANT: ColumnElement[bool] = or_(
    ~_MALWARE,
    _ORIGIN == PUBLIC,
    and_(_ORIGIN == "", ~_CONDEMNED),
    and_(_OURS, or_(_ORIGIN == PRIVATE, ~_CONDEMNED)),
)

#: What people should ask themselves first.
NOTE: ColumnElement[str] = case((and_(_MALWARE, ~_OURS, _ORIGIN.in_((PRIVATE, ELSEWHERE))), CONFUSION), else_="")


def unsettle_about(session: WriteSession, component_ids: Iterable[int], *, malware_only: bool = False) -> set[int]:
    """Have public advisories matched again that may speak of components whose origin is another now; gives their ids.

    *malware_only*: of the others nothing depends on that.
    """
    packages = (
        select(ComponentCoord.osv_package_id, OsvPackage.base_id)
        .join(OsvPackage, OsvPackage.id == ComponentCoord.osv_package_id)
        .where(ComponentCoord.component_id == any_of(component_ids))
        .cte()
    )
    own, bases = select(packages.c.osv_package_id), select(packages.c.base_id)
    speaking = select(Affected.advisory_id).where(
        or_(
            Affected.osv_package_id.in_(own),
            Affected.base_package_id.in_(own),
            Affected.osv_package_id.in_(bases),
        )
    )
    concerned = select(Advisory.id).where(Advisory.id.in_(speaking), ~_OURS)
    if malware_only:
        concerned = concerned.where(_MALWARE)
    return set(
        session.scalars(
            update(Advisory)
            .where(Advisory.id.in_(concerned.order_by(Advisory.id).with_for_update()))
            .values(settled=False)
            .returning(Advisory.id),
            execution_options={"synchronize_session": False},
        )
    )

"""What of the feed somebody sees: as things are now, whatever they were when the change was written.

An embargo that began yesterday hides what was written the day before; one that was lifted shows it. So a reader who
falls behind learns no more than one who keeps up, and a tombstone reaches whoever has something to remove.
"""

from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, and_, cast, exists, false, func, literal, not_, or_, select, true

from service.access.models import Team
from service.access.visibility import Sight
from service.changes.models import Change
from service.db import any_of
from service.incidents.models import Exposure, Incident
from service.incidents.tombstones import LOST

_incident, _exposure, _team = (
    Incident.__table__.alias("seen_incident"),
    Exposure.__table__.alias("seen_exposure"),
    Team.__table__.alias("seen_team"),
)

Condition = ColumnElement[bool]


def changes_seen(sight: Sight, *, team: str | None = None) -> Sequence[Condition]:
    """Give the conditions on `Change` for a reader who may see this much, and wants the changes of one team or all."""
    is_lost = Change.type.in_([f"incident.{LOST}", f"exposure.{LOST}"])
    if sight.unlimited and team is None:
        return [~is_lost]
    seen = _seen(sight)
    there = and_(seen, _teams_own(team)) if team is not None else seen
    return [or_(and_(~is_lost, seen), and_(is_lost, not_(func.coalesce(there, false())), _had(sight)))]


def _seen(sight: Sight) -> Condition:
    return and_(_not_embargoed(sight), _within(sight))


def _not_embargoed(sight: Sight) -> Condition:
    if sight.whole:
        return true()
    name = literal("INC-").concat(_incident.c.id)
    open_ = or_(Change.incident.is_(None), Change.incident.not_in(select(name).where(_incident.c.restricted)))
    if sight.team_id is None:
        return open_
    own = select(_exposure.c.id, _exposure.c.incident_id).join_from(
        _exposure, _incident, and_(_incident.c.id == _exposure.c.incident_id, _incident.c.restricted)
    )
    own_ = own.where(_exposure.c.team_id == sight.team_id).subquery("own")
    its = Change.exposure.in_(select(literal("EXP-").concat(own_.c.id)))
    of_incident = Change.incident.in_(select(literal("INC-").concat(own_.c.incident_id)))
    return or_(open_, its, and_(Change.exposure.is_(None), of_incident))


def _within(sight: Sight) -> Condition:
    """Give what concerns the products that a key is bound to."""
    if sight.products is None:
        return true()
    bound = _exposure.c.product_id == any_of(sorted(sight.products))
    exposed = exists().where(_exposure.c.id == _number(Change.exposure), bound)
    concerned = exists().where(_exposure.c.incident_id == _number(Change.incident), bound)
    return or_(exposed, and_(Change.exposure.is_(None), concerned))


def _teams_own(team: str) -> Condition:
    """Tell whether an exposure is the team's now."""
    joined = _exposure.join(_team, _team.c.id == _exposure.c.team_id)
    return exists().select_from(joined).where(_exposure.c.id == _number(Change.exposure), _team.c.name == team)


def _had(sight: Sight) -> Condition:
    """Tell whether somebody could see it before: only what one has seen can be taken away without telling more."""
    before = ~Change.restricted
    if sight.team_id is not None:
        name = select(_team.c.name).where(_team.c.id == sight.team_id).scalar_subquery()
        before = or_(before, Change.team == name)
    return and_(true() if sight.whole else before, _within(sight))


def _number(name: ColumnElement[str | None] | object) -> ColumnElement[int]:
    """Read the number out of `EXP-41`."""
    return cast(func.substr(name, 5), BigInteger)

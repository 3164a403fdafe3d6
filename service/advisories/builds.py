"""Whether an advisory's entry and a component speak of the same build, in SQL. See `service.purls.builds`.

- Ordinary entries are for ordinary packages, and for those that Ubuntu Pro built.
- ``standard`` entries are for what Ubuntu Pro did not build.
- A module's entries are for packages that the same stream built. Where one side does not name its stream, versions of
  the same line are taken for the same stream, others for perhaps the same.
- Packages of headers meet advisories of our own only; documentation is never more than possible.
"""

from sqlalchemy import ColumnElement, and_, func, or_

from service.advisories.models import Advisory, Affected
from service.inventory.catalogue_models import ComponentCoord
from service.purls.builds import ESM, STANDARD
from service.purls.codeless import DOCUMENTATION, HEADERS

_SPOKEN, _BUILT = Affected.build, ComponentCoord.build
_IN_MODULES = and_(_SPOKEN.contains("/"), _BUILT.contains("/"))
_STREAM, _OWN_STREAM = func.split_part(_SPOKEN, "/", 1), func.split_part(_BUILT, "/", 1)
_LINE, _OWN_LINE = func.split_part(_SPOKEN, "/", 2), func.split_part(_BUILT, "/", 2)
_SAME_STREAM = and_(_STREAM == _OWN_STREAM, _STREAM != "")
_UNNAMED = or_(_STREAM == "", _OWN_STREAM == "")

#: The entry may speak of the component. Nearly every pair is decided by the first comparison.
CONCERNS: ColumnElement[bool] = and_(
    or_(
        _SPOKEN == _BUILT,
        and_(_SPOKEN == "", _BUILT == ESM),
        and_(_SPOKEN == STANDARD, _BUILT == ""),
        and_(_IN_MODULES, or_(_SAME_STREAM, _UNNAMED)),
    ),
    or_(ComponentCoord.relation != HEADERS, Advisory.source == "own"),
)

#: It surely does.
SURELY: ColumnElement[bool] = and_(
    _SPOKEN != STANDARD,
    or_(~_IN_MODULES, _SAME_STREAM, func.starts_with(_OWN_LINE, _LINE)),
    ComponentCoord.relation != DOCUMENTATION,
)

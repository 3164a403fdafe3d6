"""Which ecosystem orders its versions how, as the one table of ecosystems says (``service.purls.ecosystem_table``)."""

from functools import lru_cache
from typing import Final

from service.purls.coordinates import PURL_PLACE
from service.purls.ecosystem_table import TABLE
from service.purls.ecosystems import is_repackaged, rules_of

#: Every ecosystem that the table knows, without suffix.
ECOSYSTEMS: Final = frozenset(row.name for row in TABLE)

#: What SemVer ignores is all that tells one rebuild from the next: ``3.1.10+echo.1`` is fixed by ``3.1.10+echo.2``.
#: Pub's order is SemVer's with builds.
_REBUILDS: Final = {"semver": "pub"}

#: What OSV has no ecosystem for, by purl type. Maven's order makes sense of most that is published anywhere: words for
#: what comes before a release sort below it, others above (``1.1.1-rc1`` < ``1.1.1`` < ``1.1.1w``).
_BY_PURL: Final = {"alpm": "alpm", "apk": "apk", "deb": "dpkg", "rpm": "rpm"}
_ANYTHING: Final = "maven"


@lru_cache(maxsize=4_096)
def family_of(ecosystem: str) -> str | None:
    """Name the family whose order an ecosystem's versions follow.

    Args:
        ecosystem: As OSV writes it, with or without suffix (``Debian:13``, ``Maven:https://repo.example``).

    Returns:
        None where versions have no order, and for ecosystems that we do not know: listed versions only.
    """
    if ecosystem.startswith(f"{PURL_PLACE}:"):
        return _BY_PURL.get(ecosystem.partition(":")[2].partition("/")[0], _ANYTHING)
    row = rules_of(ecosystem)
    if row is None or not row.order:
        return None
    return _REBUILDS.get(row.order, row.order) if is_repackaged(ecosystem) else row.order

"""What other names an advisory gives its own flaw, and which flaws of others it is evidence for. Pure.

``aliases`` join: all names of one flaw. ``upstream`` never joins: the flaws that a distribution's record passes on.
Where feeds depart from that, the tables below say how.
"""

import re
from dataclasses import dataclass
from typing import Protocol

#: Notices that bundle flaws. Without `upstream` they list them in `related` (AlmaLinux always, others in older
#: records), or in `aliases` (early Debian ones), where they must not join CVE to CVE.
_BUNDLES = (
    "ALSA-",
    "ALBA-",
    "ALEA-",
    "RLSA-",
    "RXSA-",
    "RHSA-",
    "RHBA-",
    "RHEA-",
    "SUSE-",
    "openSUSE-",
    "MGASA-",
    "OESA-",
    "CLSA-",
    "PHSA-",
    "USN-",
    "LSN-",
    "DSA-",
    "DLA-",
    "ELA-",
    "DTSA-",
    "UBUNTU-CVE-",
)

#: They write every known name of one flaw into `upstream`: its CVE says it all, the rest would be counted twice.
_ONE_FLAW = ("JLSEC-", "CGA-", "BREW-")

_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
#: ``UBUNTU-CVE-2024-3094``: a distribution's own view of a CVE.
_VIEW_OF_CVE = re.compile(r"[A-Z]+-(CVE-\d{4}-\d{4,})")
_GHSA = re.compile(r"ghsa(?:-[2-9cfghjmpqrvwx]{4}){3}", re.IGNORECASE)


class Referring(Protocol):
    """What a record says of other names, whether just read or stored."""

    @property
    def osv_id(self) -> str: ...  # noqa: D102 - as OSV's `id`
    @property
    def aliases(self) -> tuple[str, ...]: ...  # noqa: D102 - as OSV's
    @property
    def upstream(self) -> tuple[str, ...]: ...  # noqa: D102 - as OSV's
    @property
    def related(self) -> tuple[str, ...]: ...  # noqa: D102 - as OSV's


@dataclass(frozen=True, slots=True)
class References:
    """`names`: of its own flaw, its id first; empty where it only passes on others. `evidence`: those it passes on."""

    names: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def spoken(self) -> tuple[str, ...]:
        """Every name that it speaks of."""
        return (*self.names, *self.evidence)


def references(record: Referring) -> References:
    """Read what a record refers to."""
    aliases = tuple(dict.fromkeys(_spelled(alias) for alias in record.aliases))
    evidence = tuple(dict.fromkeys(_flaw(name) for name in record.upstream))
    if record.osv_id.startswith(_BUNDLES):
        evidence = evidence or _cves((*aliases, *record.related))
        aliases = ()
    if record.osv_id.startswith(_ONE_FLAW) and len(cves := _cves(evidence)) == 1:
        evidence = cves
    if not aliases and not evidence and (view := _VIEW_OF_CVE.fullmatch(record.osv_id)):
        evidence = (view[1],)
    names = (record.osv_id, *aliases) if aliases or not evidence else ()
    names = tuple(dict.fromkeys(names))
    return References(names, tuple(name for name in evidence if name not in names))


def _cves(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(flaw for name in names if _CVE.fullmatch(flaw := _flaw(name))))


def _flaw(name: str) -> str:
    """Name the flaw itself where a distribution's view of it is named."""
    view = _VIEW_OF_CVE.fullmatch(name)
    return view[1] if view else _spelled(name)


def _spelled(name: str) -> str:
    """Spell an id as its database does; some feeds write ``ghsa-…`` and ``cve-…``."""
    if _GHSA.fullmatch(name):
        return "GHSA" + name[4:].lower()
    return upper if _CVE.fullmatch(upper := name.upper()) else name


def preference(name: str) -> tuple[int, int, str]:
    """Sort key of names: people say the CVE, else the GHSA, else the malware id; then the shortest."""
    rank = next((rank for rank, prefix in enumerate(("CVE-", "GHSA-", "MAL-")) if name.startswith(prefix)), 3)
    return rank, len(name), name

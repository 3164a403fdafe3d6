"""Which components a distribution's package brought along: a Python module inside a deb, a Go module built into an rpm.

syft states it in SPDX, for files that a package database lists and that another cataloger found too (``OTHER`` with a
comment); CycloneDX says it by nesting. The distribution patches such a copy under its own version, so that its
advisories say more of it than the registry's do; what follows from that is decided where both are identified.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from service.sbom.document import Component, Scope

#: How the comments begin: syft's, and ours in exports that cannot name the owner.
OVERLAP = "ownership-by-file-overlap"
PACKAGED = "packaged-by-distribution"

_DISTRIBUTION = re.compile(r"pkg:/*(?:alpine|alpm|apk|arch|deb|debian|rpm|ubuntu)/", re.IGNORECASE)


def is_distributions(component: Component) -> bool:
    """Tell whether a component is a distribution's package."""
    return _DISTRIBUTION.match(component.purl) is not None


def owned(components: Iterable[Component], owners: Mapping[str, str], packaged: frozenset[str]) -> Iterator[Component]:
    """Tell components whose they are.

    Args:
        components: Of one document.
        owners: Leads from refs to the refs of what brought them along; only distributions' packages count.
        packaged: Refs of what is said to be brought along by one that is not named.
    """
    listed = list(components)
    if not (owners or packaged):
        yield from listed
        return
    distributions = {one.ref for one in listed if one.ref in owners.values() and is_distributions(one)}
    for one in listed:
        if owners.get(one.ref) in distributions and not is_distributions(one):
            yield replace(one, owner=owners[one.ref])
        elif one.ref in packaged:
            yield replace(one, scope=Scope.PACKAGED)
        else:
            yield one

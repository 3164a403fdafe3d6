"""A component's last look-over, the same for every format: what it claims is bounded, and what is odd is noted."""

import msgspec

from service.sbom.bounded import within_bounds
from service.sbom.document import Component
from service.sbom.hashes import ALGORITHMS
from service.sbom.oddities import Oddities
from service.sbom.soundness import PLAIN_PURL, is_path, purl_oddity, version_in

#: Of these a name may hold a version; a file's or an algorithm's name is what it is.
_VERSIONED = frozenset({"library", "application", "framework"})


def looked_over(component: Component, where: str, oddities: Oddities) -> Component:
    """Bound *component*, split a version out of its name, and note what is odd; nearly always *component* itself."""
    found = within_bounds(component, where, oddities)
    purl = found.purl
    if purl:
        plain = PLAIN_PURL(purl)
        if (plain is None or plain[1] != found.version) and (code := purl_oddity(purl, found.version)):
            oddities.note(code, where)
    elif not found.version and found.type in _VERSIONED:
        found = _split(found, where, oddities)
    for algorithm, _ in found.hashes:
        if algorithm not in ALGORITHMS:
            oddities.note("unknown-hash-algorithm", where)
    name = found.name
    if (name[0] == "/" or name[1:2] == ":") and found.type != "file" and is_path(name):
        oddities.note("path-as-name", where)
    return found


def _split(found: Component, where: str, oddities: Oddities) -> Component:
    """Give ``xz-5.6.1`` without version or purl the version 5.6.1: asking for xz 5.6.1 would not find it otherwise."""
    split = version_in(found.name)
    if split is None:
        return found
    oddities.note("version-in-name", where)
    return msgspec.structs.replace(found, name=split[0], version=split[1])

"""Maven releases that exist several times: once for each runtime, or rebuilt by a vendor.

``9.2.1.jre8`` and ``9.2.1.jre11`` are one release for two runtimes, and Maven's order calls the first the lower one: a
fix in ``9.2.1.jre11`` would leave ``9.2.1.jre8`` affected. ``2.13.9.Final-redhat-00003`` is 2.13.9.Final as Red Hat
built it, and Maven puts it above 2.13.9.SP1. So two of them are compared by their releases, unless both are of one
kind.
"""

import re
from typing import Final, NamedTuple

from service.versions.maven import maven_compare

_VARIANT = re.compile(
    r"(?P<release>.*\d.*?)[.-](?:(?P<runtime>jre\d*|jdk\d+|java\d+|android)|(?P<rebuild>redhat-\d+))",
    re.IGNORECASE | re.DOTALL,
)
#: Of most releases the only runtime that is named, and the one that sorts above the others.
_USUAL_RUNTIME: Final = "jre"


class Variant(NamedTuple):
    """A version taken apart; `kind` is the runtime, ``redhat``, or '' where the version is the release itself."""

    release: str
    kind: str


def variant_of(version: str) -> Variant:
    """Take a Maven version apart."""
    found = _VARIANT.fullmatch(version)
    if found is None:
        return Variant(version, "")
    return Variant(found["release"], "redhat" if found["rebuild"] else found["runtime"].lower())


def needs_comparing(version: str) -> bool:
    """Tell whether no key can say where a version stands: it depends on what it is compared with."""
    return variant_of(version).kind not in ("", _USUAL_RUNTIME)


def compare_releases(a: str, b: str) -> int:
    """Compare two Maven versions, those of different kinds by their releases; -1, 0 or 1."""
    left, right = variant_of(a), variant_of(b)
    return maven_compare(a, b) if left.kind == right.kind else maven_compare(left.release, right.release)

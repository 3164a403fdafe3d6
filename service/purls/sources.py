"""The source package that a distribution built a package from: its advisories speak of nothing else.

In order of trust: the purl's ``upstream`` qualifier, what the document says beside the purl, and for Debian, Ubuntu and
Alpine a short table of packages that everybody has (``sources.toml``), for scanners that say neither.
"""

import re
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

from service.purls.canonical import Purl


class Source(NamedTuple):
    """A source package; `version` is '' where only its name is known."""

    name: str
    version: str


UNKNOWN: Final = Source("", "")

_SRC_RPM = re.compile(r"\.(?:no)?src(?:\.rpm)?$")
_NAME_VERSION_RELEASE = 3

#: Debian rebuilds a package for one architecture without touching the source: 5.6.1-1+b1 is built from 5.6.1-1.
_BINARY_REBUILD = re.compile(r"\+b\d+$")
#: Renamed for 64-bit time in 2024: libssl3t64.
_TIME64 = "t64"


def _load() -> dict[str, dict[str, str]]:
    """Give source by binary for each distribution, and for each release (``debian:11``) that differs from it."""
    tables = tomllib.loads((Path(__file__).parent / "sources.toml").read_text(encoding="utf-8"))
    flat = {
        section: {binary: source for source, binaries in sources.items() for binary in binaries}
        for section, sources in tables.items()
    }
    flat["ubuntu"] = flat["debian"]
    return {section: flat[section.partition(":")[0]] | known for section, known in flat.items()}


_KNOWN: Final = _load()


def source_of(purl: Purl, hint: Source, distribution: str) -> Source:
    """Find the source package of a distribution package, or `UNKNOWN`: then it may be its own.

    Args:
        purl: With ``upstream`` as ``xz-utils``, ``xz-utils@5.6.1-1`` or ``xz-5.6.0-2.fc40.src.rpm``.
        hint: What the document says in other fields.
        distribution: The label of its release (``debian:11``), or of none (``debian``).
    """
    upstream = purl.qualifiers.get("upstream")
    if upstream:
        return _read(upstream)
    if hint.name:
        return hint if hint.version else _read(hint.name)
    known = _KNOWN.get(distribution) or _KNOWN.get(purl.namespace)
    if not known:
        return UNKNOWN
    return Source(known.get(purl.name) or known.get(purl.name.removesuffix(_TIME64), ""), "")


def _read(text: str) -> Source:
    if _SRC_RPM.search(text):
        parts = _SRC_RPM.sub("", text).rsplit("-", 2)
        if len(parts) == _NAME_VERSION_RELEASE:
            return Source(parts[0], f"{parts[1]}-{parts[2]}")
    name, _, version = text.partition("@")
    return Source(name.strip(), version.strip())


def built_from(kind: str, version: str) -> str:
    """Give the source's version where only the package's is known."""
    return _BINARY_REBUILD.sub("", version) if kind == "deb" else version

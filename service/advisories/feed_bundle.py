"""What a bundle says of itself: the edition of a feed, carried to where the feed cannot be reached. Pure.

A bundle has the bucket's layout, and a manifest that names each file with its checksum, so that half a bundle is none::

    MANIFEST.json
    ecosystems.txt, <ecosystem>/modified_id.csv, <ecosystem>/all.zip, <ecosystem>/<id>.json
    signals/known_exploited_vulnerabilities.json, signals/epss_scores-current.csv.gz

The checksums find damage, not forgery: who carries bundles is trusted as the feed is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from service.advisories.feed_source import FeedUnavailable

MANIFEST = "MANIFEST.json"
MAX_MANIFEST_BYTES = 64 * 2**20
SIGNAL_FILES: Mapping[Literal["kev", "epss"], str] = {
    "kev": "signals/known_exploited_vulnerabilities.json",
    "epss": "signals/epss_scores-current.csv.gz",
}
MAX_SIGNAL_BYTES = 64 * 2**20

_FORMAT = "muster-advisories-bundle/1"


class BundledFile(msgspec.Struct, frozen=True):
    """One file of a bundle."""

    sha256: str
    bytes: int


class BundledEcosystem(msgspec.Struct, frozen=True):
    """What a bundle has of an ecosystem. `missing`: listed in its index, and nowhere to be had."""

    records: int
    missing: int = 0


class _Manifest(msgspec.Struct, frozen=True):
    format: str
    origin: str
    as_of: datetime
    complete: bool
    ecosystems: dict[str, BundledEcosystem]
    files: dict[str, BundledFile]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself.

    `origin`: the address of the feed that this is an edition of; `as_of`: when it began to be taken there; `complete`:
    it has all ecosystems that the feed had then.
    """

    origin: str
    as_of: datetime
    complete: bool
    ecosystems: Mapping[str, BundledEcosystem]
    files: Mapping[str, BundledFile]


def read_manifest(raw: bytes) -> Manifest:
    """Read ``MANIFEST.json``.

    Raises:
        FeedUnavailable: It is none, or of a format that a later version writes.
    """
    try:
        read = msgspec.json.decode(raw, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FeedUnavailable(f"this is no bundle: its manifest cannot be read: {error}") from error
    if read.format != _FORMAT:
        raise FeedUnavailable(f"this bundle is of the format {read.format[:80]!r}; {_FORMAT} is known here")
    if read.as_of.tzinfo is None:
        raise FeedUnavailable("this is no bundle: its manifest does not say when it was made")
    return Manifest(read.origin, read.as_of, read.complete, read.ecosystems, read.files)


def write_manifest(manifest: Manifest) -> bytes:
    """Write ``MANIFEST.json``."""
    document = _Manifest(
        _FORMAT, manifest.origin, manifest.as_of, manifest.complete, dict(manifest.ecosystems), dict(manifest.files)
    )
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1) + b"\n"

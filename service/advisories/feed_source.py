"""What a source of advisories is, whatever it lies on: OSV's bucket, a mirror, a folder, a bundle. Pure.

::

    ecosystems.txt                one ecosystem a line
    <ecosystem>/modified_id.csv   every record it has, as ``modified,id``
    <ecosystem>/all.zip           the records, ``<id>.json`` each
    <ecosystem>/<id>.json         one record; a mirror may lack these

Never asked inside a transaction. Every wait is bounded, every size limited; an answer cut short is an error, not an
answer.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol

from service.errors import UpstreamUnavailable

MAX_INDEX_BYTES = 256 * 2**20
MAX_ARCHIVE_BYTES = 4 * 2**30

ECOSYSTEMS, INDEX, ARCHIVE = "ecosystems.txt", "modified_id.csv", "all.zip"


class FeedUnavailable(UpstreamUnavailable):
    """The advisory feed did not answer as it should."""

    slug = "feed-unavailable"


class FeedBusy(FeedUnavailable):
    """The feed asks to be left alone for longer than a sync can wait."""


@dataclass(frozen=True, slots=True)
class Tags:
    """What the server said of an edition of a file, to ask with the next time."""

    etag: str | None = None
    last_modified: str | None = None


UNKNOWN = Tags()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file of a feed, and its tags."""

    content: bytes
    tags: Tags = UNKNOWN


#: Told (bytes so far, bytes in all or None) while a file arrives.
Arriving = Callable[[int, int | None], None]


def nobody(_done: int, _total: int | None) -> None:
    """Watch nothing."""


class FeedClient(Protocol):
    """One source of advisories. All methods raise `FeedUnavailable`.

    `url` is the feed's identity: of a bundle, the feed that it is an edition of. `as_of`: when that edition was taken
    there; None where we look at the feed itself. `is_complete`: it has all ecosystems of the feed, so that one that is
    not listed is lost; a bundle may have some only.
    """

    url: str
    as_of: datetime | None
    is_complete: bool

    def ecosystems(self) -> list[str]:
        """List the ecosystems that the feed has folders for."""
        ...

    def index(self, ecosystem: str, *, known: Tags = UNKNOWN) -> Fetched | None:
        """Fetch an ecosystem's index; None if it still is the one that the tags came with."""
        ...

    def archive_bytes(self, ecosystem: str) -> int | None:
        """Tell how large the ecosystem's archive is, without fetching it; None if nobody knows."""
        ...

    def archive(self, ecosystem: str, *, arriving: Arriving = nobody) -> AbstractContextManager[IO[bytes]]:
        """Fetch an ecosystem's archive as a seekable file that goes away afterwards."""
        ...

    def record(self, ecosystem: str, osv_id: str) -> bytes | None:
        """Fetch one record; None if the feed has no such file."""
        ...

    def records(self, ecosystem: str, osv_ids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Fetch records one by one, several at a time; yielded in the order in which they were asked for."""
        ...

    def file(self, name: str) -> AbstractContextManager[IO[bytes] | None]:
        """Open a file beside the ecosystems, such as a bundle's signals; None if there is none."""
        ...


def segment(name: str) -> str:
    """Refuse what would lead out of its folder."""
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise FeedUnavailable(f"{name[:80]!r} cannot be the name of a file of a feed")
    return name


def listed(content: bytes) -> list[str]:
    """Read ``ecosystems.txt``: a name a line, each once."""
    lines = (line.strip() for line in content.decode("utf-8", errors="replace").splitlines())
    return list(dict.fromkeys(segment(line) for line in lines if line))

"""What can go wrong with the embedded server.

::

    ServiceError
    └── EmbeddedError
        ├── NoBinaries         no PostgreSQL programs where we were told to look
        ├── NoAccount          root, and no unprivileged account to run the server as
        ├── OtherVersion       the data folder was written by another major version
        ├── FolderUnusable     the data folder belongs to somebody else or cannot be written
        └── CannotStart        initdb or the server gave up; quotes the end of its log
"""

from pathlib import Path
from typing import ClassVar

from service.errors import ServiceError

_TAIL_BYTES = 4096
_TAIL_LINES = 15


class EmbeddedError(ServiceError):
    """The embedded PostgreSQL server does not run."""

    slug: ClassVar[str] = "embedded-server"


class NoBinaries(EmbeddedError):  # noqa: N818 - like service.errors, read as sentences
    """There are no PostgreSQL programs here."""


class NoAccount(EmbeddedError):  # noqa: N818
    """PostgreSQL refuses to run as root, and no other account could be used."""


class OtherVersion(EmbeddedError):  # noqa: N818
    """The data folder belongs to another major version of PostgreSQL."""


class FolderUnusable(EmbeddedError):  # noqa: N818
    """The data folder cannot be used."""


class CannotStart(EmbeddedError):  # noqa: N818
    """PostgreSQL could not be started."""


def tail(log: Path, start: int = 0) -> str:
    """Give the last lines of the server's log, none from before byte *start*; a note if there are none."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(start, end - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError as unreadable:
        return f"(no log: {unreadable})"
    return "\n".join(text.splitlines()[-_TAIL_LINES:]) or "(the log is empty)"

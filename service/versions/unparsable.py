"""The one thing that can go wrong here."""

from typing import ClassVar, Self

from service.errors import Unreadable

#: Enough of a hostile version to recognise it in a message.
SHOWN = 80


class UnparsableVersion(Unreadable):
    """The ecosystem has no order for this version.

    Such a version is neither affected nor clean: the caller compares it as text with listed versions and
    otherwise shows it as unevaluated.
    """

    slug: ClassVar[str] = "unparsable-version"

    @classmethod
    def of(cls, version: str, ordering: str) -> Self:
        """Name the version and the ordering that cannot read it."""
        return cls(f"{version[:SHOWN]!r} cannot be read as a {ordering} version; compare it as text only.")

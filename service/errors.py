"""Everything that can go wrong and has a name.

::

    ServiceError
    ├── NotFound                what was asked for is not here, or not visible
    ├── Conflict                it is here already, or changed meanwhile
    ├── Refused                 a rule says no
    ├── Unauthenticated         no key, or one that is not valid
    ├── Forbidden               the key may not do this
    ├── Unreadable              the input cannot be understood
    ├── Unsupported             a format or encoding we do not take
    ├── TooLarge                the input is over a limit
    ├── Busy                    try again shortly
    └── UpstreamUnavailable     somebody else's server failed us

Rooms add leaves. A leaf's docstring is its title; the message says what to do next.
"""

from typing import ClassVar


class ServiceError(Exception):
    """Something went wrong."""

    #: Last segment of the problem's stable ``type``.
    slug: ClassVar[str] = "error"

    def __init__(self, detail: str = "", **members: object) -> None:
        """Say what happened and what to do next.

        Args:
            detail: One or two sentences for the person who reads it.
            members: Further fields of the problem (JSON values).
        """
        super().__init__(detail or self.title())
        self.detail = detail or self.title()
        self.members = members

    @classmethod
    def title(cls) -> str:
        """Give the first line of the class's docstring."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0].rstrip(".")


class NotFound(ServiceError):  # noqa: N818 - the field's words, read as sentences
    """Nothing is here under that name."""

    slug = "not-found"


class Conflict(ServiceError):  # noqa: N818
    """It is here already, or has changed meanwhile."""

    slug = "conflict"


class Refused(ServiceError):  # noqa: N818
    """A rule forbids this step."""

    slug = "refused"


class Unauthenticated(ServiceError):  # noqa: N818
    """A valid API key is needed."""

    slug = "unauthenticated"


class Forbidden(ServiceError):  # noqa: N818
    """This key may not do that."""

    slug = "forbidden"


class Unreadable(ServiceError):  # noqa: N818
    """The input cannot be read."""

    slug = "unreadable"


class Unsupported(ServiceError):  # noqa: N818
    """This format is not supported."""

    slug = "unsupported"


class TooLarge(ServiceError):  # noqa: N818
    """The input is over the limit."""

    slug = "too-large"


class Busy(ServiceError):  # noqa: N818
    """The service is busy; try again shortly."""

    slug = "busy"


class UpstreamUnavailable(ServiceError):  # noqa: N818
    """A server we depend on did not answer as it should."""

    slug = "upstream-unavailable"

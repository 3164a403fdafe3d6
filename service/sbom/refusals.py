"""Why an upload is not read: each refusal says what the bytes seem to be and what to do next."""

from service.errors import TooLarge, Unreadable, Unsupported


class NotAnSbom(Unreadable):
    """This is not an SBOM."""

    slug = "not-an-sbom"


class NothingToInventory(Unreadable):
    """The SBOM lists nothing."""

    slug = "nothing-to-inventory"


class Malformed(Unreadable):
    """The SBOM is damaged."""

    slug = "malformed-sbom"


class UnsupportedFormat(Unsupported):
    """This kind of SBOM is known, but not read."""

    slug = "unsupported-sbom"


class TooDeep(TooLarge):
    """The SBOM is nested too deeply."""

    slug = "sbom-too-deep"


class TooManyComponents(TooLarge):
    """The SBOM lists more components than allowed."""

    slug = "too-many-components"


def at(data: bytes, offset: int) -> str:
    """Name a place in *data* for people: line (from 1) and byte offset (from 0)."""
    newlines = data.count(b"\n", 0, offset)
    return f"line {newlines + 1}, byte {offset}"

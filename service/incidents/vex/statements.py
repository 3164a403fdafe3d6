"""What VEX documents say, whatever their format: as we tell it, and as we are told. Pure.

Justifications are CycloneDX's nine; OpenVEX and CSAF have five, so those two carry ours beside theirs, as the first
word of the reason (`with_justification`).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Format(StrEnum):
    """The formats of VEX."""

    OPENVEX = "openvex"
    CYCLONEDX = "cyclonedx"
    CSAF = "csaf"


class Status(StrEnum):
    """What a statement says of a vulnerability in a product. `RETRACTED`: it was never one, or is none any more."""

    UNDER_INVESTIGATION = "under_investigation"
    AFFECTED = "affected"
    FIXED = "fixed"
    NOT_AFFECTED = "not_affected"
    RETRACTED = "retracted"


#: CycloneDX's nine to the five of OpenVEX and CSAF.
FIVE: Final = {
    "code_not_present": "vulnerable_code_not_present",
    "code_not_reachable": "vulnerable_code_not_in_execute_path",
    "requires_configuration": "vulnerable_code_cannot_be_controlled_by_adversary",
    "requires_dependency": "vulnerable_code_cannot_be_controlled_by_adversary",
    "requires_environment": "vulnerable_code_cannot_be_controlled_by_adversary",
    "protected_by_compiler": "inline_mitigations_already_exist",
    "protected_at_runtime": "inline_mitigations_already_exist",
    "protected_at_perimeter": "inline_mitigations_already_exist",
    "protected_by_mitigating_control": "inline_mitigations_already_exist",
}
#: The five to the one of the nine that says no more than they do.
NINE: Final = {
    "component_not_present": "code_not_present",
    "vulnerable_code_not_present": "code_not_present",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "vulnerable_code_cannot_be_controlled_by_adversary": "requires_environment",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
}
#: What protects it stands outside the product, so whoever reads the five has to hear that the product is affected.
OUTSIDE: Final = "protected_at_perimeter"

_WITH_JUSTIFICATION = re.compile(rf"({'|'.join(FIVE)}):\s*(.*)", re.DOTALL)


def with_justification(justification: str, reason: str) -> str:
    """Write one of the nine in front of a reason."""
    return f"{justification}: {reason}"


def split_justification(text: str) -> tuple[str | None, str]:
    """Give the justification in front of a reason, if there is one, and the rest."""
    match = _WITH_JUSTIFICATION.fullmatch(text)
    return (match[1], match[2]) if match else (None, text)


def justified(five: str, text: str) -> tuple[str | None, str]:
    """Give one of the nine, and the reason, for one of the five ('' if none) and the text beside it.

    What the text says counts only where the five say the same less exactly.
    """
    ours, reason = split_justification(text)
    if ours is not None and (not five or FIVE[ours] == five):
        return ours, reason
    return NINE.get(five), text


# --- as we tell it -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProductVersion:
    """A product as one of its streams has it now (`release` ''), or as a supported release has it.

    `bom_link` leads to the SBOM that we export of it.
    """

    purl: str
    name: str
    version: str
    stream: str
    release: str
    bom_link: str


@dataclass(frozen=True, slots=True)
class Part:
    """A component of a product, exactly."""

    purl: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class PartRange:
    """Versions of a package for which a decision holds: its purl without version, and a vers expression."""

    package: str
    versions: str


@dataclass(frozen=True, slots=True)
class Told:
    """One statement: an exposure as it stands.

    `names` are the vulnerability's: the main one, then its aliases. `answer` is what is done about it: ``update``,
    ``rollback``, ``workaround``, ``removal``, ``claimed``, ``accepted`` or ''. `first_at` is when it was first stated,
    `since` since when it stands as it does.
    """

    exposure: str
    incident: str
    names: tuple[str, ...]
    title: str
    status: Status
    justification: str
    reason: str
    answer: str
    first_at: datetime
    since: datetime
    places: tuple[tuple[ProductVersion, Part], ...]
    ranges: tuple[PartRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who speaks: a name for people, and an address that tells them from others of that name."""

    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Issue:
    """A version of what we say about a product, and when which version was issued; the last one is this."""

    id: str
    dates: tuple[datetime, ...]

    @property
    def version(self) -> int:
        """Count from one."""
        return len(self.dates)


@dataclass(frozen=True, slots=True)
class Telling:
    """All that we say about one product. `address` is where it is to be had, without the format."""

    slug: str
    title: str
    publisher: Publisher
    address: str
    tool_version: str
    restricted: bool
    statements: tuple[Told, ...]
    issue: Issue

    @property
    def product_versions(self) -> list[ProductVersion]:
        """Give the product in every version that a statement speaks of, in the order of their purls."""
        return sorted({place for told in self.statements for place, _ in told.places}, key=lambda one: one.purl)


# --- as we are told ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """A product or component as a document names it; absent is ''. `purl` may lack its version."""

    id: str = ""
    purl: str = ""
    name: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a statement is about: a component, in a product or wherever it is (`product` None).

    `versions` is a vers expression of the component's versions, '' if its purl says it all.
    """

    product: Named | None
    component: Named | None
    versions: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of somebody. `place` is where in the document it stands, as a JSON pointer."""

    place: str
    names: tuple[str, ...]
    status: Status
    justification: str | None
    reason: str
    at: datetime | None
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """A document of somebody. `id` is '' where it has none; `version` is as it stands there, `order` sorts versions."""

    format: Format
    id: str
    author: str
    version: str
    issued_at: datetime | None
    claims: tuple[Claim, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """Give what sorts versions of the document."""
        return order_of(self.version)


def order_of(version: str) -> tuple[int, ...]:
    """Give the numbers of a version, without what is behind a release (SemVer)."""
    return tuple(int(part) for part in re.findall(r"\d{1,18}", re.split(r"[-+]", version)[0]))

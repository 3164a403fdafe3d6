"""What the words of SPDX 3 mean here: classes, relationship types, scopes, purposes.

They are spelt as the JSON-LD context compacts them (``software_Package``, ``dependsOn``); as full IRIs and in the
capitals of SPDX 2 (``DEPENDS_ON``, as sbom-tool writes them) they are understood too.
"""

from enum import Enum
from typing import Any, NamedTuple

from service.sbom.document import Scope
from service.sbom.texts import remembering


class Role(Enum):
    """What an element is to an inventory."""

    PACKAGE = "package"
    FILE = "file"
    RELATIONSHIP = "relationship"
    DOCUMENT = "document"
    COLLECTION = "SBOM, BOM or bundle"
    CREATION = "creation info"
    OTHER = "anything else"


class Meaning(Enum):
    """How a relationship is read."""

    USES = "start uses end"
    HOLDS = "start contains end"
    DESCRIBES = "start describes end"
    TOOL = "end is a tool of start"
    CONCLUDED = "start has the concluded licence end"
    DECLARED = "start has the declared licence end"
    NOTHING = "passed over"


class Reading(NamedTuple):
    """How a relationship type is read, and what its ends are for if they are not needed in production."""

    meaning: Meaning
    weakness: Scope | None = None


ROLES = {
    "Relationship": Role.RELATIONSHIP,
    "LifecycleScopedRelationship": Role.RELATIONSHIP,
    "software_Package": Role.PACKAGE,
    "software_File": Role.FILE,
}
_BY_NAME = {
    "File": Role.FILE,
    "SpdxDocument": Role.DOCUMENT,
    "Sbom": Role.COLLECTION,
    "Bom": Role.COLLECTION,
    "Bundle": Role.COLLECTION,
    "CreationInfo": Role.CREATION,
}
_USES = ("dependsOn", "hasStaticLink", "hasDynamicLink", "hasPrerequisite", "hasProvidedDependency", "trainedOn")
READINGS = {
    **dict.fromkeys(_USES, Reading(Meaning.USES)),
    "hasOptionalDependency": Reading(Meaning.USES, Scope.OPTIONAL),
    "testedOn": Reading(Meaning.USES, Scope.TEST),
    "contains": Reading(Meaning.HOLDS),
    "hasOptionalComponent": Reading(Meaning.HOLDS, Scope.OPTIONAL),
    "describes": Reading(Meaning.DESCRIBES),
    "usesTool": Reading(Meaning.TOOL, Scope.DEV),
    "hasConcludedLicense": Reading(Meaning.CONCLUDED),
    "hasDeclaredLicense": Reading(Meaning.DECLARED),
}
_FOLDED = {kind.lower(): reading for kind, reading in READINGS.items()}
_PASSED_OVER = Reading(Meaning.NOTHING)
# A build dependency may ship: what a build links in is not told apart.
_WEAK_SCOPES = {"development": Scope.DEV, "design": Scope.DEV, "test": Scope.TEST}
_DEFAULT_TYPES = {"AIPackage": "machine-learning-model", "DatasetPackage": "data", "File": "file"}
# Software purposes of 3.0.1, and what SPDX 2 or CycloneDX call them.
_SAME = (
    "application", "archive", "bom", "configuration", "container", "data", "device", "documentation", "evidence",
    "executable", "file", "firmware", "framework", "install", "library", "manifest", "module", "other", "patch",
    "platform", "requirement", "source", "specification", "test",
)  # fmt: skip
_PURPOSES = {
    **{word: word for word in _SAME},
    "deviceDriver": "device-driver",
    "diskImage": "disk-image",
    "filesystemImage": "filesystem-image",
    "model": "machine-learning-model",
    "operatingSystem": "operating-system",
}
_NOTHING = ("NoneElement", "NoAssertionElement", "NoneLicense", "NoAssertionLicense")


@remembering(1_024)
def class_of(said: str) -> str:
    """Give a class's own name: ``Package`` of ``software_Package`` and of ``https://…/terms/Software/Package``."""
    return said.rpartition("/")[2].rpartition("_")[2]


def role_of(said: Any) -> Role:  # noqa: ANN401 - a name, in JSON-LD also a list of names
    """Tell what an element of class *said* is to us; packages are also those of profiles to come."""
    if isinstance(said, list):
        return next((role for one in said if (role := role_of(one)) is not Role.OTHER), Role.OTHER)
    return _role_of(said) if isinstance(said, str) else Role.OTHER


@remembering(1_024)
def _role_of(said: str) -> Role:
    name = class_of(said)
    if name.endswith("Relationship"):
        return Role.RELATIONSHIP
    is_hardware = name.endswith("Hardware") and said.removesuffix(name).lower().rstrip("_/").endswith("hardware")
    return Role.PACKAGE if is_hardware or name.endswith("Package") else _BY_NAME.get(name, Role.OTHER)


@remembering(1_024)
def reading_of(kind: str) -> Reading:
    """Tell how a relationship type is read that is not spelt as in `READINGS`."""
    return _FOLDED.get(kind.rpartition("/")[2].strip().replace("_", "").lower(), _PASSED_OVER)


@remembering(1_024)
def weakness_in(scope: str) -> Scope | None:
    """Tell what a lifecycle scope makes of the ends of a relationship."""
    return _WEAK_SCOPES.get(scope.rpartition("/")[2].strip().lower())


@remembering(1_024)
def type_of(said: str, purpose: str) -> str:
    """Give the component type by purpose, without one by class; empty when the purpose is unknown."""
    if purpose:
        return _PURPOSES.get(purpose.rpartition("/")[2], "")
    name = class_of(said)
    return "device" if name.endswith("Hardware") else _DEFAULT_TYPES.get(name, "library")


def is_nothing(ref: str) -> bool:
    """Tell whether *ref* is one of the individuals that stand for "none" and "no assertion"."""
    return ref.endswith(_NOTHING)

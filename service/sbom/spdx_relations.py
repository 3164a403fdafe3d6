"""What SPDX 2 relationships mean for an inventory: edges, roots and scopes, in one pass.

Most relationships of real documents say that a package contains a file, so those are passed over first.
"""

from enum import Enum

from service.sbom.document import Scope
from service.sbom.oddities import Oddities
from service.sbom.ownership import OVERLAP, PACKAGED
from service.sbom.spdx_model import Relationship, SpdxDocument
from service.sbom.texts import given


class Meaning(Enum):
    """How a relationship type is read."""

    EDGE = "start uses end"
    REVERSED = "end uses start"
    HOLDS = "start contains end"
    HELD = "end contains start"
    DESCRIBES = "start describes end"
    DESCRIBED = "end describes start"


_EDGES = ("DEPENDS_ON", "DYNAMIC_LINK", "STATIC_LINK", "HAS_PREREQUISITE")
_REVERSED = (
    "DEPENDENCY_OF", "RUNTIME_DEPENDENCY_OF", "BUILD_DEPENDENCY_OF", "DEV_DEPENDENCY_OF", "TEST_DEPENDENCY_OF",
    "OPTIONAL_DEPENDENCY_OF", "PROVIDED_DEPENDENCY_OF", "PREREQUISITE_FOR",
)  # fmt: skip
_MEANINGS = {
    **dict.fromkeys(_EDGES, Meaning.EDGE),
    **dict.fromkeys(_REVERSED, Meaning.REVERSED),
    "CONTAINS": Meaning.HOLDS,
    "CONTAINED_BY": Meaning.HELD,
    "DESCRIBES": Meaning.DESCRIBES,
    "DESCRIBE": Meaning.DESCRIBES,  # trivy until 0.36
    "DESCRIBED_BY": Meaning.DESCRIBED,
}
#: The rest of SPDX 2.3's types (and 2.0's): they say nothing about what is in a product.
_OTHERS = frozenset(
    {
        "AMENDS", "ANCESTOR_OF", "BUILD_TOOL_OF", "COPY_OF", "DATA_FILE_OF", "DEPENDENCY_MANIFEST_OF", "DESCENDANT_OF",
        "DEV_TOOL_OF", "DISTRIBUTION_ARTIFACT", "DOCUMENTATION_OF", "EXAMPLE_OF", "EXPANDED_FROM_ARCHIVE", "FILE_ADDED",
        "FILE_DELETED", "FILE_MODIFIED", "GENERATED_FROM", "GENERATES", "METAFILE_OF", "OPTIONAL_COMPONENT_OF", "OTHER",
        "PACKAGE_OF", "PATCH_APPLIED", "PATCH_FOR", "REQUIREMENT_DESCRIPTION_FOR", "SPECIFICATION_FOR", "TEST_CASE_OF",
        "TEST_OF", "TEST_TOOL_OF", "VARIANT_OF",
    }
)  # fmt: skip
# A tuple: members are told apart by identity, while an enumeration's hash is computed in Python.
_BACKWARD = (Meaning.REVERSED, Meaning.HELD, Meaning.DESCRIBED)
#: What the start of such a relationship is for.
_WEAK = {
    "TEST_DEPENDENCY_OF": Scope.TEST,
    "TEST_TOOL_OF": Scope.TEST,
    "DEV_DEPENDENCY_OF": Scope.DEV,
    "DEV_TOOL_OF": Scope.DEV,
    "BUILD_TOOL_OF": Scope.DEV,
    "OPTIONAL_DEPENDENCY_OF": Scope.OPTIONAL,
}
#: Of several weak claims the one nearest to production counts.
_STRENGTH = {Scope.TEST: 0, Scope.DEV: 1, Scope.OPTIONAL: 2}


class Relations:
    """The relationships of one document, read.

    ``edges`` are (user, used) between known packages; what a package contains and is not known is taken for a file.
    ``roots`` are what the document describes, packages or not, in order and without repeats. ``owners`` lead from what
    a package brought along to that package; ``packaged`` is what an unnamed one did (`ownership`).
    """

    def __init__(self, document: SpdxDocument, known: frozenset[str], oddities: Oddities) -> None:
        self.edges: list[tuple[str, str]] = []
        self.known = known
        self._oddities = oddities
        self._me = given(document.id) or "SPDXRef-DOCUMENT"
        self._roots = dict.fromkeys(given(one) for one in document.describes or ())
        self._weak: dict[str, Scope] = {}
        self._needed: set[str] = set()
        self.owners: dict[str, str] = {}
        self.packaged: set[str] = set()
        for place, relationship in enumerate(document.relationships or ()):
            if relationship.kind != "CONTAINS" or relationship.end in known:
                self._take(place, relationship)

    @property
    def roots(self) -> list[str]:
        """Ids of what the document describes."""
        return [one for one in self._roots if one]

    def scopes(self) -> dict[str, Scope]:
        """Give the scopes other than required: an ordinary dependency on the same package outweighs them all."""
        return {ref: scope for ref, scope in self._weak.items() if ref not in self._needed}

    def _take(self, place: int, relationship: Relationship) -> None:
        kind = relationship.kind or ""
        meaning = _MEANINGS.get(kind)
        if meaning is None:
            kind = self._kind(place, kind)
            meaning = _MEANINGS.get(kind)
        if kind in _WEAK:
            self._weaken(given(relationship.start), _WEAK[kind])
        if meaning is None:
            self._own(relationship, relationship.comment or "")
            return
        start, end = given(relationship.start), given(relationship.end)
        if meaning in _BACKWARD:
            start, end = end, start
        if meaning in (Meaning.DESCRIBES, Meaning.DESCRIBED):
            if start == self._me:
                self._roots[end] = None
            return
        uses = meaning in (Meaning.EDGE, Meaning.REVERSED)
        if uses and kind not in _WEAK:
            self._needed.add(end)
        if start != end and start in self.known and end in self.known:
            self.edges.append((start, end))
        elif uses or start == end:
            self._note_no_edge(place, start, end)

    def _own(self, relationship: Relationship, comment: str) -> None:
        start, end = given(relationship.start), given(relationship.end)
        if comment.startswith(OVERLAP):
            self.owners.setdefault(end, start)
        elif comment.startswith(PACKAGED):
            self.packaged.add(start)

    def _kind(self, place: int, said: str) -> str:
        if said in _WEAK or said in _OTHERS:
            return said
        kind = said.strip().upper()
        known = kind in _MEANINGS or kind in _WEAK or kind in _OTHERS
        if not known or kind != said:
            self._oddities.note("wrong-case" if known else "unknown-relationship", f"/relationships/{place}")
        return kind

    def _note_no_edge(self, place: int, start: str, end: str) -> None:
        if start == end and start in self.known:
            self._oddities.note("self-dependency", f"/relationships/{place}")
        elif start and end:
            self._oddities.note("dangling-dependency", f"/relationships/{place}")

    def _weaken(self, ref: str, scope: Scope) -> None:
        self._weak[ref] = max(self._weak.get(ref, scope), scope, key=_STRENGTH.__getitem__)

"""The graph of an SPDX 3 document, walked once: what is what, and what points where.

Elements stay bytes (`msgspec.Raw`) and are decoded again when somebody asks for them; of relationships only what an
inventory needs is kept. Elements that stand in place of an id are walked as if they stood in the graph.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

import msgspec

from service.sbom.document import Scope
from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, TooManyComponents
from service.sbom.spdx3_model import Node
from service.sbom.spdx3_words import READINGS, ROLES, Meaning, Role, reading_of, role_of, weakness_in
from service.sbom.texts import as_text

Source = msgspec.Raw | dict[str, Any]
#: One end of a relationship: start, end, whether start uses the end or only contains it, what the end is for, and the
#: place of its element. A plain tuple, since they are the most of a document and named ones take long to make; without
#: enum members where they can be spared, since the collector would look at it again and again for their sake.
Relation = tuple[str, str, bool, Scope | None, int]

T = TypeVar("T")
_NODE = msgspec.json.Decoder(Node)
_JSON = msgspec.json.Decoder()
_BRACE = ord("{")
#: Of one element, beyond which further relationships add none: tuples that grow one by one take quadratic time.
_MOST_LICENCES = 50


class Collection(NamedTuple):
    """A document, an SBOM or a bundle."""

    id: str
    name: str
    roots: list[str]
    phases: list[str]
    creation: str


class Graph:
    """What stands in one document. Elements are known by their place in `sources`; ``files`` and ``others`` by id.

    ``packages`` are places, in order. ``relations`` are what becomes edges, ``descriptions`` lead from a collection to
    what it describes, ``tools`` are ends with what they are for, ``concluded`` and ``declared`` lead from an element to
    its licences.
    """

    def __init__(self, sources: list[Source], oddities: Oddities, max_packages: int) -> None:
        """Walk *sources*, which grows while it is walked: elements within elements come last.

        Raises:
            Malformed: An element cannot be decoded.
            TooManyComponents: More than *max_packages* packages.
        """
        self.packages: list[int] = []
        self.files: dict[str, int] = {}
        self.others: dict[str, int] = {}
        self.documents: dict[str, Collection] = {}
        self.collections: dict[str, Collection] = {}
        self.creations: list[int] = []
        self.relations: list[Relation] = []
        self.descriptions: dict[str, list[str]] = {}
        self.tools: list[tuple[str, Scope]] = []
        self.concluded: dict[str, tuple[str, ...]] = {}
        self.declared: dict[str, tuple[str, ...]] = {}
        self.sources = sources
        self._pointers: dict[int, str] = {}
        self._shared: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._oddities = oddities
        for place, source in enumerate(sources):
            try:
                node = _NODE.decode(source)  # type: ignore[arg-type]  # the others are dealt with below
            except (TypeError, msgspec.DecodeError, UnicodeDecodeError):
                found = self._node(source, place)
                if found is None:
                    continue
                node = found
            said = node.type or node.at_type
            role = ROLES.get(said) if said.__class__ is str else None
            if role is None:
                if said is None:
                    continue
                role = role_of(said)
            if role is Role.RELATIONSHIP:
                self._relate(node, place)
                continue
            self._take(node, role, place)
            if len(self.packages) > max_packages:
                raise TooManyComponents(f"The SBOM lists more than {max_packages:,} components. Split it by product.")

    def where(self, place: int) -> str:
        """Give the JSON pointer of an element."""
        return self._pointers.get(place) or f"/@graph/{place}"

    def element(self, ref: Any) -> dict[str, Any]:  # noqa: ANN401 - an id or the element itself
        """Give an element that is no package, as it is written; one that is elsewhere is empty."""
        if ref.__class__ is dict and ("type" in ref or "@type" in ref):
            return ref
        place = self.others.get(id_of(ref))
        return {} if place is None else self.at(place)

    def at(self, place: int) -> dict[str, Any]:
        """Give the element at *place*, as it is written; it is decoded once, however many ask for it."""
        source = self.sources[place]
        if isinstance(source, dict):
            return source
        found = self._decoded(_JSON, source, place)
        self.sources[place] = element = found if isinstance(found, dict) else {}
        return element

    def _node(self, source: Source, place: int) -> Node | None:
        if isinstance(source, dict):
            return msgspec.convert(source, Node)
        if memoryview(source)[0] != _BRACE:
            self._oddities.note("wrong-type", self.where(place))
            return None
        return self._decoded(_NODE, source, place)

    def _decoded(self, decoder: "msgspec.json.Decoder[T]", source: msgspec.Raw, place: int) -> T:
        try:
            return decoder.decode(source)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Malformed(f"The JSON cannot be read: {error}, within {self.where(place)}.") from error

    def _take(self, node: Node, role: Role, place: int) -> None:
        if node.creation_info.__class__ is dict:
            node.creation_info = self._ref(node.creation_info, place, "creationInfo")
        if node.supplied_by.__class__ is not str:
            self._refs(node.supplied_by, place, "suppliedBy")
        if node.originated_by is not None:
            self._refs(node.originated_by, place, "originatedBy")
        if role is Role.PACKAGE:
            self.packages.append(place)
            return
        ref = id_of(node.spdx_id) or id_of(node.at_id) or f"#{self.where(place)}"
        if role is Role.FILE:
            self.files.setdefault(ref, place)
            return
        self.others.setdefault(ref, place)
        if role is Role.CREATION:
            self.creations.append(place)
            self.others.setdefault(id_of(node.at_id) or ref, place)  # sbom-tool gives it two ids
        elif role is Role.DOCUMENT or role is Role.COLLECTION:
            self._collect(node, place, ref, self.documents if role is Role.DOCUMENT else self.collections)
        self._look_within(node, place)

    def _collect(self, node: Node, place: int, ref: str, among: dict[str, Collection]) -> None:
        self._refs(node.elements, place, "element")
        roots = self._refs(node.roots, place, "rootElement")
        phases = [as_text(one) for one in listed(node.phases)]
        among.setdefault(ref, Collection(ref, as_text(node.name), roots, phases, id_of(node.creation_info)))

    def _look_within(self, node: Node, place: int) -> None:
        """Walk what may stand within a creation info or a licence."""
        self._refs(node.created_by, place, "createdBy")
        self._refs(node.created_using, place, "createdUsing")
        self._refs(node.members, place, "expandedlicensing_member")
        self._refs(node.subject, place, "expandedlicensing_subjectLicense")
        self._refs(node.extendable, place, "expandedlicensing_subjectExtendableLicense")
        self._refs(node.addition, place, "expandedlicensing_subjectAddition")

    def _relate(self, node: Node, place: int) -> None:
        """Keep what a relationship says. Three of four elements come here, so the usual types are asked for first."""
        kind, start, ends, scope = node.kind, node.start, node.ends, node.scope
        reading = READINGS.get(kind) if kind.__class__ is str else None
        if reading is None:
            reading = reading_of(as_text(kind))
        if start.__class__ is not str:
            start = next(iter(self._refs(start, place, "from")), "")
        if ends.__class__ is not list:
            ends = self._refs(ends, place, "to")
        for one in ends:
            if one.__class__ is not str:
                ends = self._refs(ends, place, "to")
                break
        if reading.meaning is Meaning.NOTHING:
            return
        if not start:
            self._oddities.note("bad-relationship", self.where(place))
            return
        weakness = reading.weakness
        if scope.__class__ is str:
            weakness = weakness_in(scope) or weakness
        self._keep(reading.meaning, start, ends, weakness, place)

    def _keep(self, meaning: Meaning, start: str, ends: list[str], weakness: Scope | None, place: int) -> None:
        if meaning is Meaning.USES or meaning is Meaning.HOLDS:
            uses = meaning is Meaning.USES
            for end in ends:
                self.relations.append((start, end, uses, weakness, place))
        elif meaning is Meaning.CONCLUDED:
            self._license(self.concluded, start, ends)
        elif meaning is Meaning.DECLARED:
            self._license(self.declared, start, ends)
        elif meaning is Meaning.DESCRIBES:
            self.descriptions.setdefault(start, []).extend(ends)
        elif weakness is not None:
            self.tools += [(end, weakness) for end in ends]

    def _license(self, licences: dict[str, tuple[str, ...]], start: str, ends: list[str]) -> None:
        said = tuple(ends)
        refs = self._shared.setdefault(said, said)  # few licences for many packages
        before = licences.setdefault(start, refs)
        if before is not refs and len(before) < _MOST_LICENCES:
            licences[start] = (*before, *refs)

    def _refs(self, value: Any, place: int, key: str) -> list[str]:  # noqa: ANN401 - ids and elements, one or several
        """Give the ids in *value*; whole elements among them are walked later."""
        if value is None:
            return []
        if value.__class__ is str:
            return [value]
        if isinstance(value, list):
            refs = [self._ref(one, place, f"{key}/{number}") for number, one in enumerate(value)]
        else:
            refs = [self._ref(value, place, key)]
        return [one for one in refs if one]

    def _ref(self, value: Any, place: int, key: str) -> str:  # noqa: ANN401
        pointer = f"{self.where(place)}/{key}"
        if isinstance(value, str):
            return value
        if not isinstance(value, dict):
            self._oddities.note("wrong-type", pointer)
            return ""
        if "type" in value or "@type" in value:  # without one it is an id written as an object
            self._pointers[len(self.sources)] = pointer
            self.sources.append(value)
        return id_of(value) or f"#{pointer}"


def id_of(value: Any) -> str:  # noqa: ANN401
    """Give the id that *value* is or has."""
    if isinstance(value, dict):
        value = value.get("spdxId") or value.get("@id")
    return value if isinstance(value, str) else ""


def listed(value: Any) -> Iterable[Any]:  # noqa: ANN401
    """Give *value* as a list: JSON-LD writes lists of one without brackets."""
    return value if isinstance(value, list) else () if value is None else (value,)

"""SPDX 3 JSON-LD as a `Document`."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from service.sbom.document import Component, Document, Format, Subject
from service.sbom.encoding import without_bad_escapes
from service.sbom.graph import distinct
from service.sbom.lenient import MOST_OBJECTS, decode
from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, NothingToInventory, TooDeep, TooManyComponents
from service.sbom.soundness import is_instant
from service.sbom.spdx3_agents import Agents
from service.sbom.spdx3_graph import Collection, Graph, Source, id_of
from service.sbom.spdx3_model import Top
from service.sbom.spdx3_package import Packages
from service.sbom.spdx3_relations import contents_of, edges_of, roots_of, scopes_of
from service.sbom.spdx_subject import as_subject, only_wraps, operating_system_of
from service.sbom.texts import as_text

_VERSION = re.compile(r"3\.(\d{1,3})(?:\.\d{1,3})?")
_IN_CONTEXT = re.compile(r"spdx\.org/rdf/(3\.\d{1,3}(?:\.\d{1,3})?)(?![\w.])")
# The escapes that `without_bad_escapes` may have to replace. Elements are decoded one by one, so it is done before.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_DEFAULT = "3.0"
# An element left as bytes takes 56 bytes of its own, even where it is a digit that no count of objects sees.
_MOST_VALUES = 2 * MOST_OBJECTS


def read(data: bytes, oddities: Oddities, max_components: int) -> Document:
    """Read UTF-8 JSON-LD.

    Raises:
        Malformed: Not UTF-8, not JSON, or ``@graph`` is no list.
        TooDeep, TooManyComponents: Over a bound.
    """
    if len(data) > _MOST_VALUES and data.count(b",") > _MOST_VALUES:
        raise TooManyComponents(f"The JSON holds more than {_MOST_VALUES:,} values. Split the SBOM by product.")
    if _SUSPECT.search(data):
        data = without_bad_escapes(data, oddities)
    try:
        top = decode(data, Top, oddities)
        sources: list[Source] = [_alone(data)] if top.graph is None else [*top.graph]
        graph = Graph(sources, oddities, max_components)
        roots = roots_of(graph) or ([id_of(graph.at(0))] if top.graph is None else [])
        return _Reading(graph, roots, oddities, max_components).document(top.context)
    except RecursionError as error:
        raise TooDeep("The JSON is nested too deeply to be an SBOM. Flatten it and send it again.") from error


def _alone(data: bytes) -> dict[str, Any]:
    """Give the only element of a document without ``@graph``; what follows it was cut off (and noted) by `decode`."""
    try:
        found: dict[str, Any] = json.JSONDecoder(strict=False).raw_decode(data.decode().lstrip())[0]
    except ValueError as error:  # more digits than Python makes an integer of
        raise Malformed(f"The JSON cannot be read: {error}. Create the SBOM again.") from error
    return found


class _Reading:
    """One document, on its way."""

    def __init__(self, graph: Graph, roots: list[str], oddities: Oddities, most: int) -> None:
        self._graph = graph
        self._roots = roots
        self._oddities = oddities
        self._most = most
        self._agents = Agents(graph)
        self._packages = Packages(graph, self._agents, oddities)

    def document(self, context: Any) -> Document:  # noqa: ANN401 - a text, an object or a list of them
        graph = self._graph
        listed = [one for place in graph.packages if (one := self._packages.component(place))]
        listed = listed or list(self._deployed_files())
        me = next(iter([*graph.documents.values(), *graph.collections.values()]), None)
        subject, wrapping = self._subject(me, listed)
        components = tuple(self._scoped(one for one in listed if one is not wrapping))
        if not components:
            self._require_statement()
            self._oddities.note("no-components", "/@graph")
        known = {one.ref: one.ref for one in listed}
        if subject:
            known.setdefault(subject.ref, subject.ref)
        creation = self._creation(me)
        created = self._created(creation)
        return Document(
            format=Format.SPDX3_JSON_LD,
            spec_version=self._version(creation, context),
            subject=subject,
            components=components,
            dependencies=distinct([*self._from_document(subject, known), *edges_of(graph, known, self._oddities)]),
            tools=tuple(dict.fromkeys(self._agents.tools(creation))),
            operating_system=operating_system_of(components),
            serial=me.id if me and not me.id.startswith(("_:", "#")) else "",
            created=created,
            authors=self._agents.authors(creation),
            lifecycles=tuple(dict.fromkeys(phase for one in graph.collections.values() for phase in one.phases)),
            warnings=self._oddities.listed(),
        )

    def _require_statement(self) -> None:
        """Refuse a document without packages that has nothing else either, such as one that was cut off."""
        graph = self._graph
        if graph.packages:
            raise NothingToInventory("No package has a name, purl or spdxId. Create the SBOM again with names.")
        if not (graph.relations or graph.descriptions or graph.files or self._roots):
            raise NothingToInventory(
                "The SPDX document has no packages. Send the one that lists them, and send it whole."
            )

    def _deployed_files(self) -> Iterator[Component]:
        """List the files a document without packages is about, and the files within them."""
        wanted = contents_of(self._graph, self._roots)
        places = [place for ref, place in self._graph.files.items() if ref in wanted]
        if len(places) > self._most:
            raise TooManyComponents(f"The SBOM lists more than {self._most:,} components. Split it by product.")
        return (one for place in places if (one := self._packages.component(place)))

    def _subject(self, me: Collection | None, listed: list[Component]) -> tuple[Subject | None, Component | None]:
        """Find the subject, and the component to leave out because it only wraps the others, as `spdx._subject` does.

        The one root that is listed is the subject; where none is, the one root file.
        """
        roots = set(self._roots)
        found = [one for one in listed if one.ref in roots]
        if not found and (file := self._root_file()):
            return as_subject(file), None
        if len(found) != 1:
            return (Subject(ref=me.id, name=me.name) if me and me.name else None), None
        (root,) = found
        return as_subject(root), root if only_wraps(root, listed) else None

    def _root_file(self) -> Component | None:
        places = [self._graph.files[one] for one in self._roots if one in self._graph.files]
        return self._packages.component(places[0]) if len(places) == 1 else None

    def _from_document(self, subject: Subject | None, known: dict[str, str]) -> list[tuple[str, str]]:
        """Give the edges from a document that is itself the subject to what it is about."""
        if subject is None or subject.ref not in self._graph.others:
            return []
        return [(subject.ref, root) for root in self._roots if root in known]

    def _scoped(self, components: Iterator[Component]) -> Iterator[Component]:
        scopes = scopes_of(self._graph)
        for one in components:
            scope = scopes.get(one.ref) if scopes else None
            yield msgspec.structs.replace(one, scope=scope) if scope else one

    def _creation(self, me: Collection | None) -> dict[str, Any]:
        """Give the creation info of the document, else the first there is."""
        found = self._graph.element(me.creation) if me else {}
        if found or not self._graph.creations:
            return found
        return self._graph.at(self._graph.creations[0])

    def _created(self, creation: dict[str, Any]) -> str:
        said = as_text(creation.get("created"))
        if not is_instant(said):
            self._oddities.note("bad-timestamp" if said else "missing-field", "/@graph")
        return said

    def _version(self, creation: dict[str, Any], context: Any) -> str:  # noqa: ANN401
        said = as_text(creation.get("specVersion"))
        match = _VERSION.fullmatch(said)
        if match is None:
            in_context = _IN_CONTEXT.search(str(context)[:10_000])
            said = in_context[1] if in_context else _DEFAULT
            match = _VERSION.fullmatch(said)
        if match is None or match[1] != "0":
            self._oddities.note("unknown-version", "/@graph")
        return said

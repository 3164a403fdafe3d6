"""One SPDX 3 package, file or piece of hardware as a `Component`."""

from typing import Any

import msgspec

from service.sbom.document import Component
from service.sbom.graph import References
from service.sbom.hashes import hashes
from service.sbom.hints import source_from_info
from service.sbom.lenient import item
from service.sbom.oddities import Oddities
from service.sbom.scrutiny import looked_over
from service.sbom.soundness import is_licence
from service.sbom.spdx3_agents import Agents
from service.sbom.spdx3_graph import Graph, listed
from service.sbom.spdx3_licences import Licences
from service.sbom.spdx3_model import Package
from service.sbom.spdx3_words import class_of, type_of
from service.sbom.texts import as_text, given

_PACKAGE = msgspec.json.Decoder(Package)
_CONTACT = ("contact",)


class Packages:
    """Reads the packages of one graph, in any order."""

    def __init__(self, graph: Graph, agents: Agents, oddities: Oddities) -> None:
        self._graph = graph
        self._agents = agents
        self._oddities = oddities
        self._licences = Licences(graph)
        self._refs = References(oddities)

    def component(self, place: int) -> Component | None:
        """Read the element at *place*; ``None`` (and a warning) when nothing tells what it is."""
        where = self._graph.where(place)
        package = self._package(place, where)
        if package is None:
            return None
        identifier, name = package.spdx_id or package.at_id or "", given(package.name)
        if not identifier:
            self._oddities.note("missing-field", where)
        purl, cpes = self._identifiers(package, where)
        if not name:
            name = purl or identifier
            self._oddities.note("missing-name" if name else "empty-component", where)
            if not name:
                return None
        ref = self._refs.claim(identifier or f"#{where}", where)
        supplier, contact = self._supplier(package)
        info = package.source_info
        source_name, source_version = source_from_info(info) if info else ("", "")
        found = Component(
            ref=ref,
            name=name,
            version=given(package.version) or given(package.hardware_version),
            type=self._type(package, where),
            purl=purl,
            cpes=cpes,
            hashes=self._hashes(package.digests, where) if package.digests else (),
            licence=self._licence(identifier or ref, where),
            supplier=supplier,
            source_name=source_name,
            source_version=source_version,
            stated=_CONTACT if contact else (),
        )
        return looked_over(found, where, self._oddities)

    def _package(self, place: int, where: str) -> Package | None:
        source = self._graph.sources[place]
        if not isinstance(source, dict):
            try:
                return _PACKAGE.decode(source)
            except msgspec.ValidationError:
                pass  # by hand, below
        return item(source, Package, where, self._oddities)

    def _supplier(self, package: Package) -> tuple[str, str]:
        """Give name and contact of who supplies it, else of who made it."""
        said = self._agents.first(package.supplied_by)
        return said if said[0] else self._agents.first(package.originated_by)

    def _type(self, package: Package, where: str) -> str:
        said = package.type or package.at_type
        kind = type_of(said if said.__class__ is str else as_text(next(iter(listed(said)), "")), given(package.purpose))
        if not kind:
            self._oddities.note("unknown-type", where)
        return kind or "library"

    def _licence(self, ref: str, where: str) -> str:
        licence = self._licences.of(ref)
        if licence and not is_licence(licence):
            self._oddities.note("bad-licence", where)
        return licence

    def _identifiers(self, package: Package, where: str) -> tuple[str, tuple[str, ...]]:
        """Give the first purl and all CPEs; a second, different purl is warned about."""
        purl = given(package.purl)
        if not package.identifiers:
            return purl, ()
        cpes = []
        for one in listed(package.identifiers):
            said = self._graph.element(one)  # sbom-tool gives ids
            kind = _term(said.get("externalIdentifierType"))
            if kind in ("cpe22", "cpe23"):
                cpes.append(as_text(said.get("identifier")))
            elif kind in ("packageUrl", "purl"):  # sbom-tool writes "purl"
                locator = as_text(said.get("identifier"))
                if purl and locator != purl:
                    self._oddities.note("several-purls", where)
                purl = purl or locator
        return purl, tuple(dict.fromkeys(filter(None, cpes)))

    def _hashes(self, digests: Any, where: str) -> tuple[tuple[str, str], ...]:  # noqa: ANN401
        """Give the hashes; a package verification code is one of the list of its files, so it is passed over."""
        pairs = []
        for one in listed(digests):
            said = self._graph.element(one)
            if said.get("type") == "Hash" or class_of(as_text(said.get("type") or said.get("@type"))) == "Hash":
                pairs.append((_term(said.get("algorithm")), as_text(said.get("hashValue"))))
        found, bad = hashes(pairs)
        if bad:
            self._oddities.note("bad-hash", where, count=bad)
        return found


def _term(said: Any) -> str:  # noqa: ANN401
    """Give a word of one of the vocabularies, which may be spelt as an IRI."""
    return said if said.__class__ is str and "/" not in said else as_text(said).rpartition("/")[2]

"""People, organisations and tools of an SPDX 3 document."""

import re
from collections.abc import Iterator
from typing import Any

from service.sbom.document import Tool
from service.sbom.parties import cut
from service.sbom.spdx3_graph import Graph, id_of, listed
from service.sbom.spdx3_words import class_of
from service.sbom.spdx_package import party
from service.sbom.spdx_subject import tool_named
from service.sbom.texts import as_text

# sbom-tool keeps SPDX 2's "Tool: ".
_ROLE = re.compile(r"^Tool:\s*", re.IGNORECASE)
_NOBODY = ("", "")


class Agents:
    """Finds who is meant by an id or by an element in its place."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._met: dict[str, tuple[str, str]] = {}

    def first(self, who: Any) -> tuple[str, str]:  # noqa: ANN401 - an id or an element, one or several
        """Give name and contact of the first of *who* that has a name; an agent of another document has none."""
        if who.__class__ is str and who in self._met:  # nearly always
            return self._met[who]
        return next((found for one in listed(who) if (found := self._agent(one))[0]), _NOBODY)

    def authors(self, creation: dict[str, Any]) -> tuple[str, ...]:
        """Write the people and organisations who wrote the document as ``Name <contact>``."""
        people = (self._agent(one) for one in listed(creation.get("createdBy")) if not self._is_software(one))
        return cut(filter(None, (f"{name} <{contact}>".strip() if contact else name for name, contact in people)))

    def tools(self, creation: dict[str, Any]) -> Iterator[Tool]:
        """Name the tools that wrote it, software agents among them."""
        said = [*listed(creation.get("createdUsing")), *filter(self._is_software, listed(creation.get("createdBy")))]
        for one in said:
            if name := _ROLE.sub("", as_text(self._graph.element(one).get("name"))):
                yield tool_named(name)

    def _is_software(self, who: Any) -> bool:  # noqa: ANN401
        element = self._graph.element(who)
        return class_of(as_text(element.get("type") or element.get("@type"))) in ("SoftwareAgent", "Tool")

    def _agent(self, who: Any) -> tuple[str, str]:  # noqa: ANN401
        key = id_of(who)
        if key in self._met:
            return self._met[key]
        element = self._graph.element(who)
        found = (party(as_text(element.get("name"))), self._contact(element))
        if key:
            self._met[key] = found
        return found

    def _contact(self, agent: dict[str, Any]) -> str:
        """Give the first mail address, else the first web address, else nothing."""
        said = [self._graph.element(one) for one in listed(agent.get("externalIdentifier"))]
        mails = [one for one in said if as_text(one.get("externalIdentifierType")).endswith("email")]
        found = (as_text(one.get("identifier")) for one in (*mails, *said))
        return next((one for one in found if "@" in one or "://" in one), "")

"""SPDX 3 licences, which are elements that point to one another, as expressions."""

import re
from collections.abc import Iterable
from typing import Any

from service.sbom.bounded import LONGEST_LICENCE, LONGEST_NAME
from service.sbom.licences import all_of
from service.sbom.refusals import TooManyComponents
from service.sbom.spdx3_graph import Graph, id_of, listed
from service.sbom.spdx3_words import class_of, is_nothing
from service.sbom.texts import as_text

#: Sets within sets. Real ones stay below five.
DEEPEST = 50
#: Characters that sets may add up to when written out, for each element of the document and anyway: a long licence that
#: is in every set would take sixty times the document.
_MOST_EACH, _MOST_ANYWAY = 200, 1_000_000
_LISTED = re.compile(r"spdx\.org/licenses/([^/#?]+?)(?:\.html|\.json)?$")
_REFERENCE = re.compile(r"\b((?:DocumentRef-[\w.-]+:)?(?:LicenseRef|AdditionRef)-[\w.-]+)$")
_NO_VALUE = frozenset({"NOASSERTION", "NONE"})
_SUBJECT = "expandedlicensing_subjectLicense"


class Licences:
    """Writes the licences of one document, each once."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._written: dict[str, str] = {}
        self._joined: dict[tuple[str, ...], str] = {}
        self._room = _MOST_ANYWAY + _MOST_EACH * len(graph.sources)

    def of(self, ref: str) -> str:
        """Give the licence of a package: the concluded one, else the declared; several apply together."""
        concluded, declared = self._graph.concluded.get(ref), self._graph.declared.get(ref)
        return (concluded and self._all(concluded)) or (declared and self._all(declared)) or ""

    def _all(self, refs: tuple[str, ...]) -> str:
        joined = self._joined.get(refs)
        if joined is None:
            joined = all_of(self._bounded(refs, 0))
            self._joined[refs] = self._within_room(joined) if len(refs) > 1 else joined
        return joined

    def _bounded(self, refs: Iterable[Any], depth: int) -> list[str]:
        """Write *refs* until there is more than fits a licence: sets of sets may be endless when written out."""
        written, size = [], 0
        for ref in refs:
            if text := self._expression(ref, depth):
                written.append(text)
                size += len(text)
            if size > LONGEST_LICENCE:
                break
        return written

    def _expression(self, ref: Any, depth: int) -> str:  # noqa: ANN401 - an id or the licence itself
        key = id_of(ref)
        if key in self._written:
            return self._written[key]
        if key:
            self._written[key] = ""  # a licence that contains itself adds nothing
        found = "" if depth > DEEPEST else self._read(self._graph.element(ref), key, depth)
        found = found[: LONGEST_LICENCE + 1]
        if key:
            self._written[key] = found
        return found

    def _within_room(self, written: str) -> str:
        self._room -= len(written)
        if self._room < 0:
            raise TooManyComponents("The licences are too long when written out. Create the SBOM again.")
        return written

    def _read(self, element: dict[str, Any], ref: str, depth: int) -> str:
        written = self._composed(element, depth)
        return _plain(element, ref) if written is None else self._within_room(written)

    def _composed(self, element: dict[str, Any], depth: int) -> str | None:
        """Write a set or an operator; ``None`` where the element is neither."""
        name = class_of(as_text(element.get("type") or element.get("@type")))
        if name == "ConjunctiveLicenseSet":
            return all_of(self._bounded(listed(element.get("expandedlicensing_member")), depth + 1))
        if name == "DisjunctiveLicenseSet":
            members = self._bounded(listed(element.get("expandedlicensing_member")), depth + 1)
            return " OR ".join(dict.fromkeys(members))
        if name == "OrLaterOperator":
            subject = self._expression(element.get(_SUBJECT), depth + 1)
            return subject and f"{subject}+"
        if name == "WithAdditionOperator":
            subject = self._expression(element.get("expandedlicensing_subjectExtendableLicense"), depth + 1)
            addition = self._expression(element.get("expandedlicensing_subjectAddition"), depth + 1)
            return f"{subject} WITH {addition}" if subject and addition else subject
        return None


def _plain(element: dict[str, Any], ref: str) -> str:
    """Write a licence that is no set: its expression, its id on the SPDX list or of its own, else its name."""
    if expression := as_text(element.get("simplelicensing_licenseExpression")):
        return "" if expression.upper() in _NO_VALUE else expression
    for pattern in (_LISTED, _REFERENCE):
        if match := pattern.search(ref[-LONGEST_NAME:]):  # both stand at its end, and searching is quadratic
            return match[1]
    name = as_text(element.get("name"))
    return "" if is_nothing(ref) or name.upper() in _NO_VALUE else name

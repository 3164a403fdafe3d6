"""SPDX 2 as YAML: event by event into the tree that its JSON would be.

Every scalar stays the text it is: a loader would read version 1.10 as the number 1.1 and a time as a date. Aliases are
shared in memory and counted as if written out, so that a bomb is refused before it grows.
"""

from collections.abc import Iterator
from typing import Any, NoReturn

import yaml  # type: ignore[import-untyped]

from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, TooDeep, TooManyComponents
from service.sbom.translation import noted, translated, without_what_is_passed_over

DEEPEST = 100
#: Characters that aliases may add up to, beyond ten times what was written.
MOST_ALIASED = 10_000_000
_PLAIN = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}


def as_json(data: bytes) -> bytes:
    """Translate without spdx-tools' opinion."""
    oddities = Oddities()
    return translated(tree_of(data, oddities), oddities)


def tree_of(data: bytes, oddities: Oddities) -> dict[str, Any]:
    """Read UTF-8 YAML as mappings, lists, texts, booleans and nulls.

    Raises:
        Malformed: Not YAML, not one mapping, or an alias to itself.
        TooDeep, TooManyComponents: Nested, or grown by aliases, beyond any SBOM.
    """
    try:
        tree = _Reading(oddities, 10 * len(data) + MOST_ALIASED).whole(yaml.parse(data, Loader=yaml.CBaseLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", at line {mark.line + 1}" if mark else ""
        raise Malformed(f"The YAML cannot be read: {error.problem}{place}. Create the SBOM again.") from error
    except yaml.YAMLError as error:
        raise Malformed(f"The YAML cannot be read: {str(error)[:200]}. Create the SBOM again.") from error
    return without_what_is_passed_over(tree)


class _Open:
    """A mapping or list whose end has not come; ``weight`` is its size in characters, aliases written out."""

    __slots__ = ("anchor", "holder", "key", "weight")

    def __init__(self, holder: dict[str, Any] | list[Any], anchor: str | None) -> None:
        self.holder = holder
        self.anchor = anchor
        self.key: str | None = None
        self.weight = 2


class _Reading:
    """Builds the tree; keeps its own stack, so that depth is ours to bound."""

    def __init__(self, oddities: Oddities, most: int) -> None:
        self._oddities = oddities
        self._most = most
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._documents: list[Any] = []

    def whole(self, events: Iterator[yaml.Event]) -> dict[str, Any]:
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.MappingStartEvent):
                self._begin({}, event)
            elif isinstance(event, yaml.SequenceStartEvent):
                self._begin([], event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._end(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
        if len(self._documents) != 1 or not isinstance(self._documents[0], dict):
            raise Malformed("The YAML is not one mapping. Send the SBOM document itself.")
        return self._documents[0]

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        value: Any = event.value
        if not event.style and value in _PLAIN:
            value = _PLAIN[value] if self._awaits_value() else value
        else:
            value = noted(value, f"line {event.start_mark.line + 1}", self._oddities)
        weight = len(event.value) + 3
        if event.anchor:
            self._anchors[event.anchor] = (value, weight)
        self._put(value, weight, event)

    def _awaits_value(self) -> bool:
        """Tell whether a value comes next; otherwise it is a mapping's key."""
        around = self._open[-1] if self._open else None
        return around is None or isinstance(around.holder, list) or around.key is not None

    def _begin(self, holder: dict[str, Any] | list[Any], event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= DEEPEST:
            raise TooDeep("The YAML is nested too deeply to be an SBOM. Flatten it and send it again.")
        if not self._awaits_value():
            _refuse("a key is not a text", event)
        if event.anchor:
            self._anchors.pop(event.anchor, None)
        self._open.append(_Open(holder, event.anchor))

    def _end(self, event: yaml.Event) -> None:
        done = self._open.pop()
        if done.anchor:
            self._anchors[done.anchor] = (done.holder, done.weight)
        self._put(done.holder, done.weight, event)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            _refuse(f"*{event.anchor[:40]} stands for nothing, or for itself", event)
        self._put(*self._anchors[event.anchor], event)

    def _put(self, value: Any, weight: int, event: yaml.Event) -> None:  # noqa: ANN401 - what YAML holds
        if not self._open:
            if self._documents and value is not None:
                _refuse("a second document begins; send each SBOM by itself", event)
            if value is not None:
                self._documents.append(value)
            return
        around = self._open[-1]
        around.weight += weight
        if around.weight > self._most:
            raise TooManyComponents("The YAML's aliases add up to more than any SBOM has. Write them out.")
        if isinstance(around.holder, list):
            around.holder.append(value)
        elif around.key is None:
            if not isinstance(value, str):
                _refuse("a key is not a text", event)
            around.key = value
        else:
            _set(around.holder, around.key, value)
            around.key = None


def _set(holder: dict[str, Any], key: str, value: Any) -> None:  # noqa: ANN401
    if key != "<<":
        holder[key] = value
        return
    # YAML 1.1's merge key: what is written beside it counts more, and may have come before.
    for source in value if isinstance(value, list) else [value]:
        if isinstance(source, dict):
            holder.update({name: one for name, one in source.items() if name not in holder})


def _refuse(reason: str, event: yaml.Event) -> NoReturn:
    raise Malformed(f"The YAML cannot be read: {reason}, at line {event.start_mark.line + 1}. Create the SBOM again.")

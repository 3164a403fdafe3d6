"""Ways to damage a document: byte by byte, line by line, and along the structure of its syntax."""

import random
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import orjson
from lxml import etree

TOKENS = (
    b'"', b"{", b"}", b"[", b"]", b"null", b"1e999", rb"\ud800", rb"\u0000", b"<text>", b"</text>", b"\0", b"\xff",
    b"<!--", b"<?", b"&", b"-1", b"\n", b"\r", b":", b",", b"<component>", b"</component>", b"9" * 400, b"<![CDATA[",
    b"SPDXID: x\n", b"PackageName:\n", b"\xef\xbb\xbf", b"\xfe\xff", b"<!DOCTYPE a>", b"&a", b"*a", b"<<: *a", b"- ",
    b"!!python/object:os.system ", b"---\n", b"%TAG ! tag:x,2000:\n", b'rdf:resource="#x"', b'rdf:nodeID="x"',
    b"@context", b"@graph", b"_:b0", b"[" * 3_000, b'{"a":' * 3_000, b"a" * 9_000, b"\xe2\x80\xae",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1.5, "", "\0", " ", "x" * 5_000, [], {}, [None], {"a": []}, ["x"], 2**63, 1e308, "NONE",
    "NOASSERTION", "pkg:", "pkg:npm/%00", "pkg:npm/a@1?a=%FF", "cpe:2.3:a", "SPDXRef-DOCUMENT", "1.7", "SPDX-2.9",
    "\ufffe", "\U0001f600", "2026-02-30T25:00:00Z", [[[]]], [{"a": {"b": {}}}], {"@id": "_:b0"}, {"": ""}, "MIT AND (",
    "-", "@", "/",
)  # fmt: skip

Damage = Callable[[bytes, bytes, random.Random], bytes]


# --- bytes -----------------------------------------------------------------------------------------------------------


def cut(data: bytes, _donor: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randrange(1, 40) :]


def insert(data: bytes, _donor: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + chance.choice(TOKENS) + data[place:]


def repeat(data: bytes, _donor: bytes, chance: random.Random) -> bytes:
    start, place = chance.randrange(len(data)), chance.randrange(len(data))
    return data[:place] + data[start : start + chance.randrange(1, 200)] + data[place:]


def truncate(data: bytes, _donor: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def flip(data: bytes, _donor: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]


def splice(data: bytes, donor: bytes, chance: random.Random) -> bytes:
    """Go on with another document somewhere in its middle."""
    return data[: chance.randrange(len(data))] + donor[chance.randrange(len(donor)) :]


def recode(data: bytes, _donor: bytes, chance: random.Random) -> bytes:
    encoding = chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1"))
    return data.decode(errors="replace").encode(encoding, errors="replace")


# --- lines: tag-value, YAML, Turtle ----------------------------------------------------------------------------------


def move_lines(data: bytes, donor: bytes, chance: random.Random) -> bytes:
    """Copy some lines, of the document itself or of another, to another place; indented otherwise now and then."""
    lines, others = data.splitlines(keepends=True), chance.choice((data, donor)).splitlines(keepends=True)
    start = chance.randrange(len(others))
    moved = others[start : start + chance.choice((1, 1, 3, 20))]
    if chance.random() < 0.3:
        moved = [b" " * chance.randrange(8) + line.lstrip() for line in moved]
    place = chance.randrange(len(lines))
    return b"".join(lines[:place] + moved + lines[place + chance.choice((0, 0, 1, 5)) :])


# --- trees: JSON, XML ------------------------------------------------------------------------------------------------


def retype(data: bytes, donor: bytes, chance: random.Random) -> bytes:
    """Put a value of another type, or a piece of another document, somewhere into a JSON document."""
    document, holders = _json(data)
    if not holders:
        return cut(data, donor, chance)
    holder, key = chance.choice(holders)
    holder[key] = chance.choice(VALUES)
    return _written(document, data)


def graft(data: bytes, donor: bytes, chance: random.Random) -> bytes:
    """Put a piece of another JSON document somewhere: where it fits by its key, or anywhere."""
    (document, holders), (_, gifts) = _json(data), _json(donor)
    if not holders or not gifts:
        return splice(data, donor, chance)
    source, name = chance.choice(gifts)
    fitting = [place for place in holders if place[1] == name and isinstance(name, str)]
    holder, key = chance.choice(fitting or holders) if chance.random() < 0.7 else chance.choice(holders)
    if isinstance(holder.get(key) if isinstance(holder, dict) else holder[key], list) and chance.random() < 0.5:
        holder[key].append(source[name])
    else:
        holder[key] = source[name]
    return _written(document, data)


def merge(data: bytes, donor: bytes, _chance: random.Random) -> bytes:
    """Join two JSON documents: members of both, lists one after the other."""
    (one, _), (other, _) = _json(data), _json(donor)
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return data + donor
    for key, value in other.items():
        if isinstance(value, list) and isinstance(one.get(key), list):
            one[key] += value
        else:
            one.setdefault(key, value)
    return _written(one, data)


def rename(data: bytes, donor: bytes, chance: random.Random) -> bytes:
    document, holders = _json(data)
    named = [place for place in holders if isinstance(place[1], str)]
    if not named:
        return cut(data, donor, chance)
    (holder, key), (_, other) = chance.choice(named), chance.choice(named)
    holder[chance.choice((other, key.upper(), key + " ", ""))] = holder.pop(key)
    return _written(document, data)


def _json(data: bytes) -> tuple[Any, list[tuple[Any, Any]]]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None, []
    return document, _places(document)


def _written(document: Any, otherwise: bytes) -> bytes:  # noqa: ANN401 - JSON
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:  # nested into itself too deeply
        return otherwise


def _places(root: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401
    """Give where every value within *root* hangs: its holder and its key."""
    found: list[tuple[Any, Any]] = []
    waiting = [root]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys]
    return found


def move_elements(data: bytes, donor: bytes, chance: random.Random) -> bytes:
    """Copy, rename, empty or unlink an XML element, of the document itself or of another."""
    tree, gifts = _xml(data), _xml(chance.choice((data, donor)))
    if not tree or not gifts:
        return splice(data, donor, chance)
    target, gift = chance.choice(tree), deepcopy(chance.choice(gifts))
    what = chance.randrange(5)
    if what == 0:
        target.append(gift)
    elif what == 1:
        target.tag = gift.tag
    elif what == 2:
        target.text, target.tail = chance.choice((None, "", "x" * 5_000, "NOASSERTION")), gift.tail
    elif what == 3 and target.attrib:
        del target.attrib[chance.choice(list(target.attrib))]
    elif (above := target.getparent()) is not None:
        above.remove(target)
    return etree.tostring(tree[0].getroottree())


def _xml(data: bytes) -> list[etree._Element]:
    try:
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return []
    return [element for element in root.iter() if isinstance(element.tag, str)]


_ANY: tuple[Damage, ...] = (cut, insert, repeat, truncate, flip, splice, recode)
_TREE: tuple[Damage, ...] = (retype, retype, graft, graft, merge, rename)


def damages_of(data: bytes) -> Sequence[Damage]:
    """Give the damages that suit a document's syntax, those along its structure more often."""
    start = data.lstrip()[:1]
    if start == b"{":
        return _ANY + _TREE * 2
    return _ANY + (move_elements,) * 12 if start == b"<" else _ANY + (move_lines,) * 12

"""Damaged documents of every format: a document or an error of ours, never anything else, and nothing unstorable."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from service.errors import ServiceError
from service.sbom import read

SAMPLES = sorted((Path(__file__).parents[1] / "data" / "sbom").glob("shop.*"))
ROUNDS = 40_000
TOKENS = (
    b'"', b"{", b"}", b"[", b"]", b"null", b"1e999", rb"\ud800", rb"\u0000", b"<text>", b"</text>", b"\0", b"\xff",
    b"<!--", b"<?", b"&", b"-1", b"\n", b"\r", b":", b",", b"<component>", b"</component>", b"9" * 400, b"<![CDATA[",
    b"SPDXID: x\n", b"PackageName:\n", b"\xef\xbb\xbf", b"\xfe\xff", b"<!DOCTYPE a>",
)  # fmt: skip
VALUES: tuple[Any, ...] = (None, True, 0, -1.5, "", "\0", "x" * 5_000, [], {}, [None], {"a": []}, ["x"], 2**63)


def cut(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randrange(1, 40) :]


def insert(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + chance.choice(TOKENS) + data[place:]


def repeat(data: bytes, chance: random.Random) -> bytes:
    start, place = chance.randrange(len(data)), chance.randrange(len(data))
    return data[:place] + data[start : start + chance.randrange(1, 200)] + data[place:]


def truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def retype(data: bytes, chance: random.Random) -> bytes:
    """Put a value of another type somewhere into a JSON document; other formats are cut."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return cut(data, chance)
    holder, key = chance.choice(list(places(document)) or [({"": 0}, "")])
    holder[key] = chance.choice(VALUES)
    return orjson.dumps(document)


def places(value: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - JSON
    found = []
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        found += [(value, key), *places(value[key])]
    return found


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (cut, insert, repeat, truncate, retype, retype)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_damaged_documents_are_read_or_refused_in_our_words(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same damages every time
    samples = [path.read_bytes() for path in SAMPLES]
    read_count = 0
    for _ in range(ROUNDS):
        data = chance.choice(samples)
        for _ in range(chance.choice((1, 1, 2, 5))):
            data = chance.choice(DAMAGES)(data, chance) or b" "
        try:
            document = read(data)
        except ServiceError:
            continue
        read_count += 1
        assert storable(document)
    print(f"{read_count} of {ROUNDS} read")
    assert read_count > ROUNDS / 10


def storable(value: Any) -> bool:  # noqa: ANN401 - a document or a part of it
    """Tell that Postgres takes every text within: it encodes as UTF-8 and holds no NUL."""
    if isinstance(value, str):
        return b"\0" not in value.encode()
    if isinstance(value, msgspec.Struct):
        return storable(msgspec.structs.astuple(value))
    return not isinstance(value, tuple) or all(map(storable, value))

"""Damaged documents of every format: a document or an error of ours, never anything else, and nothing unstorable.

MUSTER_FUZZ_SECONDS is spent on each reader (60 unless given), MUSTER_FUZZ_SEED begins another row of damages. With the
corpus at hand, real documents are damaged and grafted onto each other; without it, our own samples.
"""

import importlib
import os
import random
import time
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from damages import damages_of
from real_files import NoCorpus, find_corpus

from service.errors import ServiceError
from service.sbom import Document, read, sniff, spdx_json, spdx_translated
from service.sbom.encoding import note_encoding
from service.sbom.envelope import open_envelopes
from service.sbom.oddities import Oddities
from service.sbom.translation import Translated

SECONDS = float(os.environ.get("MUSTER_FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("MUSTER_FUZZ_SEED", "1"))
SAMPLES = sorted((Path(__file__).parents[1] / "data" / "sbom").glob("shop.*"))
MOST_SECONDS = 5.0
#: A real document beyond this leaves too few rounds.
MOST_BYTES = 40_000
MOST_DONORS = 300

pytestmark = [pytest.mark.soak, pytest.mark.timeout(int(SECONDS * 1.5) + 60)]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_damaged_documents_are_read_or_refused_in_our_words(sample: Path, tmp_path: Path) -> None:
    chance = random.Random(f"{SEED} {sample.name}")  # noqa: S311 - the same damages every time
    own = sample.read_bytes()
    documents = [own] * 3 + real_documents().get(sniff(own), [])
    rounds = read_count = 0
    slowest = 0.0
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        data = damaged(chance.choice(documents), chance.choice(documents), chance)
        began = time.monotonic()
        try:
            read_count += judged(data)
            slowest = max(slowest, time.monotonic() - began)
            assert slowest < MOST_SECONDS
        except BaseException:
            (tmp_path / "document").write_bytes(data)  # what is to blame stays there
            raise
        rounds += 1
    print(f"{sample.name}: {rounds} documents, {read_count} read, slowest {slowest:.2f} s")
    assert read_count > rounds / 20


def judged(data: bytes) -> bool:
    """Tell whether *data* is read; what comes of it must be storable and make sense."""
    try:
        document = read_here(data)
    except ServiceError:
        return False
    assert storable(document)
    assert coherent(document)
    return True


def damaged(data: bytes, donor: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 5))):
        data = chance.choice(damages_of(data))(data, donor, chance) or b" "
    return data


def read_here(data: bytes) -> Document:
    """Read as `read` does, but in this process where that would start another: a start takes longer than a reading."""
    oddities = Oddities()
    opened = open_envelopes(data, oddities)
    if opened.format not in spdx_translated._WAYS:
        return read(data)
    note_encoding(data, oddities)
    plain = spdx_translated._inspected(opened.sbom, opened.format, transcoded=opened.transcoded)
    _, module = spdx_translated._WAYS[opened.format]
    found = msgspec.json.decode(importlib.import_module(module).as_json(plain), type=Translated)
    return spdx_json.read(bytes(found.document), oddities, 1_000_000, opened.format)


@cache
def real_documents() -> dict[str, list[bytes]]:
    """Give small documents of the corpus by format; none without the corpus."""
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    try:
        folders = [find_corpus()(name) for name in ("sbom-dev", "sbom-invalid")]
    except NoCorpus:
        return found
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
        try:
            kind = sniff(data)
        except ServiceError:
            continue
        if len(found[kind]) < MOST_DONORS:
            found[kind].append(data)
    return found


def storable(value: Any) -> bool:  # noqa: ANN401 - a document or a part of it
    """Tell that Postgres takes every text within: it encodes as UTF-8 and holds no NUL."""
    if isinstance(value, str):
        return b"\0" not in value.encode()
    if isinstance(value, msgspec.Struct):
        return storable(msgspec.structs.astuple(value))
    return not isinstance(value, tuple) or all(map(storable, value))


def coherent(document: Document) -> bool:
    """Tell that refs are unique, that edges have both ends, and that nothing is without a name."""
    refs = {one.ref for one in document.components}
    ends = {end for edge in document.dependencies for end in edge}
    known = refs | ({document.subject.ref} if document.subject else set())
    return len(refs) == len(document.components) and ends <= known and all(one.name for one in document.components)

"""The schemas' verdicts on official examples are what their file names promise."""

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from service.errors import ServiceError
from service.sbom import read
from service.sbom.conformance import Verdict, check

if TYPE_CHECKING:
    from real_files import Corpus

_VERSION = re.compile(rb"cyclonedx\.org/schema/bom/(\d\.\d)|\"specVersion\"\s*:\s*\"(\d\.\d)\"")


def promised(path: Path) -> Verdict | None:
    found = re.match(r"(valid|invalid)-", path.name)
    return Verdict(found[1]) if found else None


def version_of(data: bytes) -> str:
    found = _VERSION.search(data)
    return ((found[1] or found[2]) if found else b"?").decode()


@pytest.mark.soak
@pytest.mark.parametrize("ending", ["json", "xml"])
def test_official_examples_get_the_verdict_that_their_names_promise(corpus: "Corpus", ending: str) -> None:
    folders = (corpus("sbom-dev") / "spec-cyclonedx", corpus("sbom-invalid") / "spec")
    verdicts: Counter[tuple[str, str]] = Counter()
    surprises = []
    for path in sorted(one for folder in folders for one in folder.rglob(f"*.{ending}")):
        promise, data = promised(path), path.read_bytes()
        if promise is None:
            continue
        try:
            found = check(data, version_of(data))
        except ServiceError as refusal:
            print(f"{path.name}: refused before any schema: {refusal.detail[:80]}")
            verdicts[promise, "refused"] += 1
            if promise is Verdict.VALID:
                surprises.append(path.name)
            continue
        verdicts[promise, found.verdict] += 1
        if found.verdict is not promise:
            surprises.append(f"{path.name}: {found.verdict} {found.reason} {found.first[:1]}")
    print(f"{ending}: {dict(verdicts)}", *surprises, sep="\n")
    assert verdicts[Verdict.VALID, Verdict.VALID] > 200
    assert surprises == []


@pytest.mark.soak
def test_real_sboms_get_a_verdict(corpus: "Corpus") -> None:
    verdicts: Counter[tuple[str, str]] = Counter()
    for path in sorted(one for one in corpus("sbom-dev").rglob("*") if one.is_file()):
        data = path.read_bytes()
        try:
            document = read(data)
        except ServiceError:
            continue
        found = check(data, document.spec_version)
        verdicts[document.format, found.verdict] += 1
        if found.verdict is Verdict.UNCHECKED:
            print(f"{path.name}: {found.reason}")
        assert orjson.dumps(found.reason)
        assert (found.verdict is Verdict.INVALID) == bool(found.first)
    for (kind, verdict), count in sorted(verdicts.items()):
        print(f"{kind:16} {verdict:10} {count:5}")
    assert verdicts.total() > 700

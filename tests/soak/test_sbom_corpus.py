"""Real and hostile files: all are answered in our words, and the counts are those somebody else counted."""

import csv
import gzip
import json
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree

from service.errors import ServiceError
from service.sbom import Document, Format, read

if TYPE_CHECKING:
    from real_files import Corpus

SAMPLE_SIZE = 60
MOST_SECONDS = 5.0

#: What we refuse of the collected real files, and why.
REFUSED = {
    "cyclonedx-bom-examples/VEX-*vex*.json": "a VEX without components is no inventory, whatever its subject",
    "wild-bom-shelter/istio-source.spdx": "cut off within a <text>; what follows is lost",
}

#: Where we accept (with a warning) what the collection proposes to reject: rejecting would hide the other components.
ACCEPTED = {
    "spec/*/invalid-component-type-*": "an unknown type is read as library",
    "spec/*/invalid-missing-component-type-*": "a missing type is read as library",
    "cdx/component-null.json": "null says nothing either",
    "cdx/component-no-name.json": "the purl has the name",
    "wild/powershell-2.2.6.spdx.json": "a page footer after the document hides nothing",
    "syntax/huge-exponent.json": "the number stands where we do not read",
    "syntax/huge-int.json": "the number stands where we do not read",
    "xml/many-attributes.xml": "unknown attributes are passed over, in 0.05 s",
    "bomb/spaces-50mb.json.gz": "the bound on decompressed bytes is the door's",
    "bomb/string-50mb.json.gz": "the bound on decompressed bytes is the door's",
}


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "MANIFEST.tsv").read_text().splitlines(), delimiter="\t"))


def listed(table: dict[str, str], name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in table)


# --- real files ------------------------------------------------------------------------------------------------------


def test_a_sample_of_real_files_is_read_and_counted_right(corpus: "Corpus") -> None:
    folder = corpus / "sbom-dev"
    every = rows(folder)

    check_all(folder, every[:: len(every) // SAMPLE_SIZE])


@pytest.mark.soak
def test_every_real_file_is_read_and_counted_right(corpus: "Corpus") -> None:
    folder = corpus / "sbom-dev"

    print(*sorted(check_all(folder, rows(folder)).items()), sep="\n")


def check_all(folder: Path, chosen: list[dict[str, str]]) -> Counter[str]:
    tally: Counter[str] = Counter()
    wrong = []
    for row in chosen:
        name, data = row["file"], (folder / row["file"]).read_bytes()
        label = f"{name.split('/')[0]} {row['format']}"
        try:
            document = read(data)
        except ServiceError as refusal:
            tally[f"{label}: {type(refusal).__name__}"] += 1
            if not listed(REFUSED, name):
                wrong.append(f"{name} refused: {refusal}")
            continue
        tally[f"{label}: read"] += 1
        theirs, expected = counted(data, document)
        if int(row["components"]) not in (theirs, expected) or len(document.components) != expected:
            wrong.append(f"{name}: {len(document.components)} read, {expected} expected, manifest {row['components']}")
    assert wrong == []
    return tally


def counted(data: bytes, document: Document) -> tuple[int, int]:
    """Count by other means: as the manifest does, and what of it is a component to us.

    The manifest counts nested components in JSON but not those within ``metadata.component``; in XML every
    ``<component ...>...</component>`` that a plain search finds, the subject included and nested ones swallowed; in
    SPDX every package, where we leave out a root that only wraps the others, and count the root file if there is none.
    """
    if document.format is Format.CYCLONEDX_JSON:
        bom = json.JSONDecoder(strict=False).raw_decode(data.decode("utf-8-sig").lstrip())[0]
        subject = (bom.get("metadata") or {}).get("component") or {}
        nested = sum(1 for _ in flat(bom.get("components")))
        return nested, nested + sum(1 for _ in flat(subject.get("components")))
    if document.format is Format.CYCLONEDX_XML:
        found = len(re.findall(rb"<(?:\w+:)?component[ >].*?</(?:\w+:)?component>", data, re.DOTALL))
        return found, in_inventory(data) - nameless(document)
    if document.format is Format.SPDX3_JSON_LD:
        packages = sum(one["type"].endswith("Package") for one in json.loads(data)["@graph"])
        return packages, packages - (1 if only_wraps(document) else 0) if packages else 1
    if document.format is Format.SPDX_JSON:
        packages = len(json.loads(data).get("packages") or ())
    else:
        packages = len(re.findall(r"^PackageName:", re.sub(r"(?s)<text>.*?</text>", "", text(data)), re.MULTILINE))
    return packages, packages - (1 if only_wraps(document) else 0)


def text(data: bytes) -> str:
    return data.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def flat(parts: list[dict[str, Any]] | None) -> Iterator[dict[str, Any]]:
    for part in parts or ():
        yield part
        yield from flat(part.get("components"))


def in_inventory(data: bytes) -> int:
    """Count the component elements that have only components, the subject and the root around them."""
    around = {"components", "component", "metadata", "bom"}
    return sum(
        {etree.QName(one).localname for one in element.iterancestors()} <= around
        and etree.QName(element.getparent()).localname == "components"
        for element in etree.fromstring(data).iter("{*}component")
    )


def nameless(document: Document) -> int:
    """Count the components that were left out for want of a name: those warned about and not read."""
    return sum(one.count for one in document.warnings if one.code == "empty-component")


def only_wraps(document: Document) -> bool:
    subject = document.subject
    if subject is None or not subject.type:  # the document itself
        return False
    return subject.ref not in {one.ref for one in document.components}


# --- hostile and broken files ----------------------------------------------------------------------------------------


@pytest.mark.soak
def test_every_hostile_file_gets_an_answer_of_ours_within_seconds(corpus: "Corpus") -> None:
    folder = corpus / "sbom-invalid"
    wrong, slowest = [], (0.0, "")
    for row in rows(folder):
        name = row["file"]
        data = decompressed(folder / name)
        if data is None:
            continue
        began = time.monotonic()
        accepted = answer(data)
        slowest = max(slowest, (time.monotonic() - began, name))
        expected = row["expect"]
        if accepted and expected == "reject" and not listed(ACCEPTED, name):
            wrong.append(f"{name} was read, should be refused: {row['detail'][:100]}")
        if not accepted and expected.startswith("accept"):
            wrong.append(f"{name} was refused, should be read: {row['detail'][:100]}")

    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"slowest {slowest[0]:.2f} s: {slowest[1]}; peak of the process {peak_bytes / 1e6:.0f} MB")
    assert wrong == []
    assert slowest[0] < MOST_SECONDS


def answer(data: bytes) -> bool:
    """Tell whether *data* is read; anything but a document or an error of ours fails the test."""
    try:
        read(data)
    except ServiceError:
        return False
    return True


def decompressed(path: Path) -> bytes | None:
    """Undo a transport encoding, as the door does; ``None`` where that fails already."""
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError):
        return None

"""Real SPDX, written anew as YAML, XML and RDF by spdx-tools: read like the JSON it came from."""

import csv
import json
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from sbom_oracles import canonical
from spdx_tools.spdx.model.document import Document as SpdxDocument
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.writer.write_anything import write_file

from service.sbom import Document, Format, read, spdx_json, spdx_rdf, spdx_xml, spdx_yaml
from service.sbom.oddities import Oddities

if TYPE_CHECKING:
    from real_files import Corpus

#: Above this spdx-tools' RDF writer needs minutes.
MOST_BYTES = 700_000
KINDS = {"yaml": Format.SPDX_YAML, "xml": Format.SPDX_XML, "rdf.xml": Format.SPDX_RDF}
WALKS = {"yaml": spdx_yaml.as_json, "xml": spdx_xml.as_json, "rdf.xml": spdx_rdf.as_json}


class Said(NamedTuple):
    """What a document says whatever its serialisation: RDF orders nothing, spdx-tools respells licences."""

    components: frozenset[tuple[object, ...]]
    dependencies: frozenset[tuple[str, str]]
    subject: object
    tools: frozenset[object]
    created: str
    serial: str


def said(document: Document) -> Said:
    return Said(
        frozenset(
            (one.ref, one.name, one.version, one.type, canonical(one.purl), frozenset(one.cpes), frozenset(one.hashes),
             one.supplier, one.scope, one.source_name, one.source_version)
            for one in document.components
        ),
        frozenset(document.dependencies),
        document.subject,
        frozenset(document.tools),
        document.created,
        document.serial,
    )  # fmt: skip


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_real_spdx_says_the_same_in_every_serialisation(corpus: "Corpus", tmp_path: Path) -> None:
    folder = corpus / "sbom-dev"
    tally: Counter[str] = Counter()
    differing: list[str] = []
    for row in csv.DictReader((folder / "MANIFEST.tsv").read_text().splitlines(), delimiter="\t"):
        if row["format"] != "spdx-json" or int(row["bytes"]) > MOST_BYTES:
            continue
        document = accepted((folder / row["file"]).read_bytes())
        if document is None:
            tally["spdx-tools cannot read the JSON"] += 1
            continue
        if len({one.spdx_id for one in document.packages}) < len(document.packages):
            tally["two packages share an id: in RDF they are one"] += 1
            continue
        differing += [f"{row['file']} {one}" for one in compared(document, tmp_path, tally)]

    print(*sorted(tally.items()), sep="\n")
    assert differing == []


def accepted(data: bytes) -> SpdxDocument | None:
    """Read JSON as spdx-tools does, odd times mended so that more of them get through."""
    try:
        tree = json.loads(data)
        tree["creationInfo"]["created"] = tree["creationInfo"]["created"][:19] + "Z"
        document: SpdxDocument = JsonLikeDictParser().parse(tree)  # type: ignore[no-untyped-call]
        return document  # noqa: TRY300 - the type needs a name
    except Exception:  # noqa: BLE001 - it raises all sorts
        return None


def compared(document: SpdxDocument, folder: Path, tally: Counter[str]) -> list[str]:
    """Write it in all formats; read each both ways; say where one differs from the JSON."""
    reference = said(read(written(document, folder, "json")))
    differing = []
    for ending, kind in KINDS.items():
        data = written(document, folder, ending)
        through = read(data)
        assert through.format is kind
        translated = json.loads(WALKS[ending](data))["document"]
        own = spdx_json.read(json.dumps(translated).encode(), Oddities(), 1_000_000)
        for way, reading in (("through", through), ("own", own)):
            verdict = difference(reference, said(reading))
            refused = any(one.code == "not-conformant" for one in through.warnings) and way == "through"
            tally[f"{ending} {way}: {verdict or 'agrees'}{', refused by spdx-tools' if refused else ''}"] += 1
            if verdict:
                differing.append(f"{ending} {way}: {verdict}")
    return differing


def written(document: SpdxDocument, folder: Path, ending: str) -> bytes:
    path = folder / f"written.{ending}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_file(document, str(path), validate=False)
    return path.read_bytes()


def difference(one: Said, other: Said) -> str:
    """Name the parts that differ, with a first example of each."""
    parts = []
    for name, mine, theirs in zip(Said._fields, one, other, strict=True):
        if mine == theirs:
            continue
        if isinstance(mine, frozenset) and isinstance(theirs, frozenset):
            parts.append(f"{name} {sorted(map(str, mine - theirs))[:1]} / {sorted(map(str, theirs - mine))[:1]}")
        else:
            parts.append(f"{name} {mine} / {theirs}")
    return "; ".join(parts)

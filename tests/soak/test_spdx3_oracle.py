"""Our reading of real SPDX 3 documents against spdx-python-model's: every package, edge, licence and maker."""

import csv
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from sbom_oracles import oracle, ours
from spdx_python_model import load_data

from service.sbom import Component, Format, Subject, read

if TYPE_CHECKING:
    from pathlib import Path

    from real_files import Corpus

COUNT = 26
#: Where both readings differ, and why ours is right. None does.
EXPLAINED: dict[str, str] = {}


def documents(corpus: "Corpus") -> "Iterator[Path]":
    folder = corpus / "sbom-dev"
    for row in csv.DictReader((folder / "MANIFEST.tsv").read_text().splitlines(), delimiter="\t"):
        if row["format"] == "spdx3-jsonld":
            yield folder / row["file"]


@pytest.mark.soak
def test_packages_and_edges_of_all_real_documents_are_those_the_model_reads(corpus: "Corpus") -> None:
    differing = {}
    read_count = 0
    for path in documents(corpus):
        data = path.read_bytes()
        document = read(data)
        assert document.format is Format.SPDX3_JSON_LD
        read_count += 1
        mine, theirs = ours(document), oracle(document.format, data)
        print(f"{path.name}: {len(mine.components)} components, {mine.edge_count} edges")
        if mine != theirs:
            differing[path.name] = (mine, theirs)

    assert read_count == COUNT
    assert set(differing) == set(EXPLAINED), differing


@pytest.mark.soak
def test_what_a_package_says_is_what_the_model_reads(corpus: "Corpus") -> None:
    checked = 0
    for path in documents(corpus):
        data = path.read_bytes()
        document = read(data)
        model, objects = load_data(json.loads(data))
        licences = licences_in(model, objects)
        for component in document.components:
            assert fields(component) == said(objects.find_by_id(component.ref), licences), (path.name, component.ref)
            checked += 1
        assert document.created.removesuffix("Z") in created_in(model, objects)
        if isinstance(document.subject, Subject) and document.subject.type:
            assert objects.find_by_id(document.subject.ref).name == document.subject.name
    print(f"{checked} components")
    assert checked > COUNT


def fields(one: Component) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": one.version,
        "hashes": set(one.hashes),
        "supplier": one.supplier,
        "licence": one.licence,
    }


def said(package: Any, licences: dict[tuple[str, str], set[str]]) -> dict[str, Any]:  # noqa: ANN401 - the model's
    makers = [package.suppliedBy, *package.originatedBy]
    pairs = [
        (one.algorithm.rpartition("/")[2].replace("_", ""), one.hashValue)
        for one in package.verifiedUsing
        if type(one).__name__ == "Hash"
    ]
    concluded, declared = (licences.get((kind, package._id), set()) for kind in ("Concluded", "Declared"))
    return {
        "name": package.name,
        "version": getattr(package, "software_packageVersion", None) or "",
        "hashes": set(pairs),
        "supplier": next((maker.name for maker in makers if maker is not None and maker.name), ""),
        "licence": " AND ".join(concluded or declared),
    }


def licences_in(model: Any, objects: Any) -> dict[tuple[str, str], set[str]]:  # noqa: ANN401
    """Give the expressions by relationship and package; real documents use no licence sets."""
    found: dict[tuple[str, str], set[str]] = {}
    for relation in objects.foreach_type(model.Relationship):
        kind = relation.relationshipType.rpartition("/")[2].removeprefix("has").removesuffix("License")
        for end in relation.to:
            text = getattr(end, "simplelicensing_licenseExpression", "")
            if kind in ("Concluded", "Declared") and text not in ("", "NOASSERTION", "NONE"):
                found.setdefault((kind, relation.from_._id), set()).add(text)
    return found


def created_in(model: Any, objects: Any) -> set[str]:  # noqa: ANN401
    return {one.created.strftime("%Y-%m-%dT%H:%M:%S") for one in objects.foreach_type(model.CreationInfo)}

"""Our readers against cyclonedx-python-lib and spdx-tools, on our own samples always, on the corpus in the soak."""

import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sbom_oracles import oracle, ours

from service.sbom import Format, read

if TYPE_CHECKING:
    from real_files import Corpus

OWN = sorted((Path(__file__).parents[1] / "data" / "sbom").glob("shop.*"))
#: Above this spdx-tools needs minutes.
MOST_BYTES = {Format.SPDX_TAG_VALUE: 200_000, Format.SPDX_JSON: 2_500_000}


@pytest.mark.parametrize("sample", OWN, ids=lambda path: path.name)
def test_own_samples_are_read_as_the_reference_libraries_read_them(sample: Path) -> None:
    data = sample.read_bytes()
    document = read(data)

    assert ours(document) == oracle(document.format, data)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_whatever_the_reference_libraries_read_of_the_corpus_is_read_alike(corpus: "Corpus") -> None:
    folder = corpus / "sbom-dev"
    tally: Counter[str] = Counter()
    differing = []
    for row in csv.DictReader((folder / "MANIFEST.tsv").read_text().splitlines(), delimiter="\t"):
        verdict = compare(folder / row["file"])
        tally[f"{row['format']}: {verdict.split(':')[0]}"] += 1
        if verdict.startswith("differs"):
            differing.append(f"{row['file']} {verdict}")

    print(*sorted(tally.items()), sep="\n")
    assert differing == []


def compare(path: Path) -> str:
    data = path.read_bytes()
    try:
        document = read(data)
    except Exception as error:  # noqa: BLE001 - what we refuse is tested elsewhere
        return f"refused by us: {type(error).__name__}"
    if len(data) > MOST_BYTES.get(document.format, 5_000_000):
        return "too large for the oracle"
    try:
        other = oracle(document.format, data)
    except Exception as error:  # noqa: BLE001 - the oracles raise all sorts
        return f"refused by the oracle: {type(error).__name__}"
    mine = ours(document)
    if mine == other:
        return "agrees"
    only_ours, only_theirs = mine.components - other.components, other.components - mine.components
    return f"differs: {sorted(only_ours)[:3]} / {sorted(only_theirs)[:3]}, {mine.edge_count} / {other.edge_count} edges"

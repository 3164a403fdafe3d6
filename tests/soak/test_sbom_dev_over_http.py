"""Every real SBOM of the corpus through the door: taken, or refused with a reason; never a 5xx."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from real_files import Corpus
from serving import Served, serving

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

#: What is refused, and why that is right. The standard's own examples (spec-cyclonedx) are all taken.
REFUSED = {
    "cyclonedx-bom-examples/VEX-*vex*.json": "a VEX without components is no inventory, whatever its subject",
    "wild-bom-shelter/istio-source.spdx": "cut off within a <text>; what follows is lost",
}


@pytest.fixture(scope="module")
def served(module_database: str) -> Iterator[Served]:
    with serving(module_database) as server:
        yield server


def test_every_file_is_taken_or_refused_with_a_reason(corpus: Corpus, served: Served) -> None:
    folder = corpus("sbom-dev")
    table: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    reasons: Counter[tuple[str, str]] = Counter()
    differing, refused = [], []
    for place, row in enumerate(manifest(folder)):
        answer = served.client.post(f"/v1/products/file-{place}/sboms", content=(folder / row["file"]).read_bytes())
        top = row["file"].partition("/")[0]
        said = answer.json()
        assert answer.status_code < 500, (row["file"], said)
        if answer.status_code not in (200, 201):
            refused.append(row["file"])
            table[top, row["format"]]["refused"] += 1
            reasons[top, f"{answer.status_code} {said['title']}: {said['detail'][:90]}"] += 1
            continue
        table[top, row["format"]]["warned" if said["warnings"] else "accepted"] += 1
        total = said["components"]["total"]
        if row["components"].isdigit() and total != int(row["components"]):
            differing.append((row["file"], row["components"], total))
    print_table(table, reasons, differing)
    assert [name for name in refused if not any(fnmatch(name, known) for known in REFUSED)] == []


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "MANIFEST.tsv").open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def print_table(
    table: dict[tuple[str, str], Counter[str]],
    reasons: Counter[tuple[str, str]],
    differing: list[tuple[str, str, int]],
) -> None:
    print(f"\n{'folder':26}{'format':18}{'accepted':>9}{'warned':>8}{'refused':>8}")
    for (top, kind), counts in sorted(table.items()):
        print(f"{top:26}{kind:18}{counts['accepted']:9}{counts['warned']:8}{counts['refused']:8}")
    for (top, reason), count in sorted(reasons.items()):
        print(f"{count:4} x {top}: {reason}")
    # One row a component: what a document lists twice counts once, and an SPDX document's own root is its subject.
    print(f"{len(differing)} files where distinct components differ from what the manifest counts:")
    for name, listed, total in differing[:40]:
        print(f"     {name}: manifest {listed}, distinct {total}")

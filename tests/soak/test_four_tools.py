"""Fifty images, four scanners: the same packages are the same components, and what still differs is explained."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from four_tools import TOOLS, Comparison, compare, images_of
from real_files import Corpus

from service.errors import ServiceError
from service.inventory.entries import entries_of
from service.purls import BadPurl, Identity, parse
from service.purls.releases import RELEASE_PACKAGES, release_of
from service.purls.sources import UNKNOWN, source_of
from service.sbom import read

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

IMAGES = 50


@pytest.fixture(scope="module")
def compared(corpus: Corpus) -> Comparison:
    images = list(images_of(corpus("sbom-bench")).values())
    chosen = images[:: max(1, len(images) // IMAGES)][:IMAGES]
    result = compare(chosen)
    print(f"\n{len(images)} images have SBOMs of {', '.join(TOOLS)}; {len(chosen)} compared")
    print("\n".join(_report(result)))
    return result


def test_tools_that_look_at_the_same_packages_list_the_same_components(compared: Comparison) -> None:
    for left, right in combinations(TOOLS, 2):
        tally = compared.pairs[left, right]
        common = tally.agree + tally.other_version
        # tern leaves the release out of rpm versions and lists what later layers replaced.
        least = 0.94 if "tern" in (left, right) else 0.97
        assert tally.agree >= least * common, (left, right, tally)


def test_before_identification_next_to_nothing_agrees(compared: Comparison) -> None:
    assert compared.everywhere_raw == 0
    assert compared.everywhere > 1_600
    assert compared.union < 0.55 * compared.union_raw


def test_no_disagreement_is_of_our_making(compared: Comparison) -> None:
    ours = ("same package and version; qualifiers differ", "same package and version; the distribution's release")
    listed = sum(tally.left + tally.right for tally in compared.pairs.values())

    assert sum(count for cause, count in compared.causes.items() if cause.startswith(ours)) < listed / 1_000


def test_the_table_of_sources_says_what_syft_and_trivy_say(corpus: Corpus) -> None:
    wrong: Counter[tuple[str, str, str, str]] = Counter()
    for file in _files(corpus("sbom-bench"), "syft", "trivy"):
        for identity, listed in _distributed(file):
            purl = parse(listed)
            stated = purl.qualifiers.pop("upstream", "") or identity.source_name
            known = source_of(purl, UNKNOWN, identity.distribution).name
            if stated and known and known != (identity.source_name or identity.name):
                wrong[identity.distribution, identity.name, known, identity.source_name] += 1

    assert not wrong


def test_the_package_that_owns_os_release_names_the_release(corpus: Corpus) -> None:
    wrong, checked = [], 0
    for file in _files(corpus("sbom-bench"), "syft", "trivy"):
        for identity, listed in _distributed(file):
            said = release_of(identity.name, parse(listed).version) if identity.name in RELEASE_PACKAGES else None
            vendor, _, release = identity.distribution.partition(":")
            if said and release and said[0] == vendor:
                checked += 1
                if said[1].partition(".")[0] != release.removeprefix("v").partition(".")[0]:
                    wrong.append((file.name, listed, said))

    assert wrong == []
    assert checked > 400


def _files(folder: Path, *tools: str) -> list[Path]:
    return sorted(file for tool in tools for file in folder.rglob(f"spdx-{tool}-*.json"))


def _distributed(file: Path) -> Iterator[tuple[Identity, str]]:
    """Give the packages of distributions with their purls as listed."""
    try:
        entries = entries_of(read(file.read_bytes()))
    except ServiceError:
        return
    for _, entry in entries:
        if entry.identity.distribution and entry.listed.purl:
            try:
                parse(entry.listed.purl)
            except BadPurl:
                continue
            yield entry.identity, entry.listed.purl


def _report(result: Comparison) -> list[str]:
    """Lay the comparison out as a table."""
    lines = ["pair          left   right    raw  agree  other version  only left  only right"]
    for (left, right), t in result.pairs.items():
        lines.append(
            f"{left + '/' + right:12}{t.left:6}{t.right:8}{t.raw:7}{t.agree:7}{t.other_version:15}"
            f"{t.only_left:11}{t.only_right:12}"
        )
    lines.append(f"all together: {result.union_raw} distinct raw, {result.union} identified")
    lines.append(f"in all four:  {result.everywhere_raw} raw, {result.everywhere} identified")
    for cause, count in result.causes.most_common():
        examples = result.examples[cause]
        lines += [f"{count:6} {cause}", *(f"         {one}" for one in examples[:: max(1, len(examples) // 3)][:3])]
    return lines

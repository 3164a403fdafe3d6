"""Our readers beside the reference libraries: the same files, the same run, in processes of their own.

``python -m benchmarks.beside [--seconds N] [--limit N]``; part of ``benchmarks.parsing``.

Compared are files that both accept within the limit. What a library refuses, or does not finish, is counted and left
out, which flatters the library. Seconds are processor time, the quickest of up to five readings. A format's files are
read in an order whose every beginning is spread evenly over the sizes, until the format's share of time is used up.
Where the corpus has none of a format, real SPDX JSON is converted by spdx-tools beforehand.
"""

import argparse
import logging
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.children import Reading, RefusedError, TooSlowError, measure_apart
from benchmarks.libraries import ENDINGS, Way, convert, library, name_of_library, ours, ours_without_the_process
from benchmarks.surroundings import corpus

from service.errors import ServiceError
from service.heap import settle_heap
from service.sbom import Format, sniff

#: For the whole comparison on an idle machine; a file that is slow to the end may add one limit for each format.
SECONDS = 150.0
LIMIT_SECONDS = 20.0
MOST_FILES = 60
#: spdx-tools' writers need minutes for large ones.
MOST_CONVERTED, MOST_CONVERTED_BYTES = 12, 700_000
#: Below this the interpreter's own growth hides the document's.
LEAST_BYTES = 300_000
_SAMPLES = Path(__file__).parents[1] / "data" / "sbom"
#: Quick ones first: what they leave of their time goes to those that follow.
_ORDER = {
    Format.SPDX3_JSON_LD: "shop.spdx3.json",
    Format.CYCLONEDX_JSON: "shop.cdx.json",
    Format.CYCLONEDX_XML: "shop.cdx.xml",
    Format.SPDX_XML: "shop.spdx.xml",
    Format.SPDX_YAML: "shop.spdx.yaml",
    Format.SPDX_RDF: "shop.spdx.rdf",
    Format.SPDX_JSON: "shop.spdx.json",
    Format.SPDX_TAG_VALUE: "shop.spdx",
}


class Pair(NamedTuple):
    """One file, read by both."""

    size_bytes: int
    ours: Reading
    library: Reading


class Compared(NamedTuple):
    """A format's files that both read, and how many were tried, refused or not finished."""

    pairs: list[Pair]
    tally: Counter[str]


def main(arguments: Sequence[str] = ()) -> None:
    """Compare every format, print a line for each."""
    parser = argparse.ArgumentParser(prog="beside")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for the whole comparison")
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="seconds for one file")
    asked = parser.parse_args(arguments)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        logging.disable()  # spdx-tools logs what it does not know
        _compare_all(asked.seconds, asked.limit, Path(folder))
        logging.disable(logging.NOTSET)


def _compare_all(seconds: float, limit: float, folder: Path) -> None:
    files = _files()
    settle_heap()  # as the server does; children then copy less
    end = time.monotonic() + seconds
    for kind in ENDINGS:
        files[kind] = list(_converted(files[Format.SPDX_JSON], folder, kind, time.monotonic() + seconds / 20))
    print(f"\nreading, ours beside the reference libraries (limit {limit:.0f} s a file)")
    print(_HEADINGS)
    for place, kind in enumerate(_ORDER):
        share = (end - time.monotonic()) / (len(_ORDER) - place)
        ways: dict[str, Way] = {kind.value: ours}
        if kind in ENDINGS:
            ways = {f"{kind.value}, process": ours, kind.value: ours_without_the_process(kind)}
        for title, way in ways.items():
            _print(title, kind, _compare(kind, way, files[kind], share / len(ways), limit), len(files[kind]))


def _files() -> dict[Format, list[Path]]:
    """Find the corpus's files by format, in the order in which they are read."""
    found: dict[Format, list[Path]] = {kind: [] for kind in Format}
    for path in (corpus() / "sbom-dev").rglob("*"):
        if path.is_file() and path.suffix not in (".tsv", ".md"):
            try:
                found[sniff(path.read_bytes())].append(path)
            except ServiceError:
                continue
    found[Format.SPDX_JSON] += (corpus() / "sbom-bench").iterdir()
    return {kind: _spread(paths) for kind, paths in found.items()}


def _spread(paths: list[Path]) -> list[Path]:
    """Order files so that every beginning has all sizes: halves first, then quarters, then eighths."""
    ordered = sorted(paths, key=lambda path: (path.stat().st_size, path.name))
    bits = len(ordered).bit_length()
    places = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits))
    return [ordered[place] for place in places if place < len(ordered)]


def _converted(paths: list[Path], folder: Path, kind: Format, end: float) -> Iterator[Path]:
    small = [path for path in paths if path.stat().st_size < MOST_CONVERTED_BYTES]
    made = 0
    for number, path in enumerate(small):
        if made == MOST_CONVERTED or time.monotonic() > end:
            return
        target = folder / f"{number}{ENDINGS[kind]}"
        try:
            measure_apart(path, lambda data, target=target: convert(data, target), warm_up=(), limit_seconds=20)  # type: ignore[misc]
        except (TooSlowError, RefusedError):
            continue
        made += 1
        yield target


def _compare(kind: Format, way: Way, paths: list[Path], seconds: float, limit: float) -> Compared:
    compared = Compared([], Counter())
    warm_up = [(_SAMPLES / _ORDER[kind]).read_bytes()]
    theirs = library(kind)
    for one in (way, theirs):  # so that what is imported at first need is there before the fork
        with suppress(Exception):  # spdx-tools takes a bare 13 in YAML for a number, and gives up
            one(warm_up[0])
    end = time.monotonic() + seconds
    for path in paths[:MOST_FILES]:
        if time.monotonic() > end:
            break
        compared.tally["tried"] += 1
        who = "ours"
        try:
            mine = measure_apart(path, way, warm_up=warm_up, limit_seconds=limit)
            who = "library"
            other = measure_apart(path, theirs, warm_up=warm_up, limit_seconds=limit)
        except TooSlowError:
            compared.tally[f"{who} over the limit"] += 1
        except RefusedError:
            compared.tally[f"{who} refused"] += 1
        else:
            compared.pairs.append(Pair(path.stat().st_size, mine, other))
    return compared


_HEADINGS = (
    f"{'format':19} {'files':>5} {'components':>10} {'ours c/s':>9} {'library c/s':>11} {'ratio':>6}"
    f"  {'our peak':>11} {'its peak':>11}   tried; left out\n"
    f"{'':65}  {'median most':>11} {'median most':>11}   (÷ file size)"
)


def _print(title: str, kind: Format, compared: Compared, count: int) -> None:
    pairs, tally = compared
    tried = f"{tally.pop('tried', 0)} of {count}"
    left_out = ", ".join(f"{name}: {number}" for name, number in sorted(tally.items())) or "none left out"
    components = sum(one.ours.number for one in pairs)
    rates = [
        components / seconds if (seconds := sum(reading.seconds for reading in readings)) else 0.0
        for readings in ([one.ours for one in pairs], [one.library for one in pairs])
    ]
    ratio = rates[0] / rates[1] if rates[1] else 0.0
    peaks = f"{_peaks(pairs, 'ours') if title == kind else _NO_PEAKS} {_peaks(pairs, 'library')}"
    print(
        f"{title:19} {len(pairs):5} {components:10,} {rates[0]:9,.0f} {rates[1]:11,.0f} {ratio:6.1f}"
        f"  {peaks}   {tried}; {left_out} ({name_of_library(kind)})",
        flush=True,
    )


#: Too small to tell, or in a process whose own start takes most of it.
_NO_PEAKS = f"{'-':>6} {'-':>4}"


def _peaks(pairs: list[Pair], whose: str) -> str:
    grown = [getattr(one, whose).growth_bytes / one.size_bytes for one in pairs if one.size_bytes > LEAST_BYTES]
    return f"{median(grown):6.1f} {max(grown):4.0f}" if grown else _NO_PEAKS


if __name__ == "__main__":
    main(sys.argv[1:])

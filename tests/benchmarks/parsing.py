"""How fast SBOMs are read, and in how much memory.

``python -m benchmarks.parsing [FOLDER...]``; without a folder, ``sbom-bench`` and ``sbom-dev`` of the corpus.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.children import RefusedError, measure_apart
from benchmarks.libraries import ours
from benchmarks.surroundings import corpus

from service.errors import ServiceError
from service.sbom import Format, read, sniff

#: Below this the interpreter's own growth hides the document's.
LEAST_BYTES = 300_000
#: Files whose memory is measured, spread evenly: each costs a process.
MOST_FORKS = 200
LIMIT_SECONDS = 60.0

#: Read before anything is measured, so that libraries and tables are there; those that need no process of their own.
WARMING_UP = [
    (Path(__file__).parents[1] / "data" / "sbom" / name).read_bytes()
    for name in ("shop.cdx.json", "shop.cdx.xml", "shop.spdx.json", "shop.spdx", "shop.spdx3.json")
]


class Speed(NamedTuple):
    """One file, read."""

    format: Format
    size_bytes: int
    component_count: int
    seconds: float


def main(arguments: Sequence[str] = ()) -> None:
    """Print both tables for each folder."""
    named = [Path(one) for one in arguments]
    for data in WARMING_UP:
        read(data)
    folders = {folder: _files(folder) for folder in named or [corpus() / name for name in ("sbom-bench", "sbom-dev")]}
    for folder, files in folders.items():
        # Memory first: a parent that has read much passes its free memory on to its children.
        print(f"\n{folder.name}: {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:,.0f} MB")
        _print_memory([path for path in files if path.stat().st_size > LEAST_BYTES])
    for folder, files in folders.items():
        print(f"\n{folder.name}")
        _print_speed([speed for path in files if (speed := _speed(path))])


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".tsv", ".md"))


def _speed(path: Path) -> Speed | None:
    data = path.read_bytes()
    began = time.process_time()
    try:
        document = read(data)
    except ServiceError:
        return None
    return Speed(document.format, len(data), len(document.components), time.process_time() - began)


def _print_speed(speeds: list[Speed]) -> None:
    by_format = defaultdict(list)
    for speed in speeds:
        by_format[speed.format.value].append(speed)
    print(f"{'format':16} {'files':>6} {'components':>11} {'comp/s/core':>12} {'MB/s':>7} {'slowest':>8}")
    for name, some in sorted([*by_format.items(), ("all", speeds)]):
        count, seconds = sum(one.component_count for one in some), sum(one.seconds for one in some)
        megabytes = sum(one.size_bytes for one in some) / 1e6
        slowest = max(one.seconds for one in some)
        per_second, flow = count / seconds, megabytes / seconds
        print(f"{name:16} {len(some):6} {count:11,} {per_second:12,.0f} {flow:7.0f} {slowest:6.3f} s")


def _print_memory(paths: list[Path]) -> None:
    growth = defaultdict(list)
    for path in paths[:: max(1, len(paths) // MOST_FORKS)]:
        with suppress(RefusedError, ServiceError):
            kind = sniff(path.read_bytes())
            reading = measure_apart(path, ours, warm_up=WARMING_UP, limit_seconds=LIMIT_SECONDS)
            growth[kind.value].append(reading.growth_bytes / path.stat().st_size)
    print(f"{'peak growth / file size':26} {'files':>6} {'median':>7} {'p95':>6} {'most':>6}")
    for name, ratios in sorted(growth.items()):
        ratios.sort()
        print(
            f"{name:26} {len(ratios):6} {median(ratios):7.1f} {ratios[int(len(ratios) * 0.95)]:6.1f} {ratios[-1]:6.1f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])

"""How fast SBOMs are read, and in how much memory.

``python -m benchmarks.parsing [FOLDER]``; without a folder, ``sbom-bench`` and ``sbom-dev`` of the corpus.
"""

import os
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from service.errors import ServiceError
from service.sbom import Format, read

#: Below this the interpreter's own growth hides the document's.
LEAST_BYTES = 300_000
#: Files whose memory is measured, spread evenly: each costs a process.
MOST_FORKS = 200


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


def main(arguments: list[str] | None = None) -> None:
    """Print both tables for each folder."""
    for data in WARMING_UP:
        read(data)
    folders = {folder: _files(folder) for folder in [Path(one) for one in arguments or ()] or list(_corpus())}
    for folder, files in folders.items():
        # Memory first: a parent that has read much passes its free memory on to its children.
        print(f"\n{folder.name}: {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:,.0f} MB")
        _print_memory([path for path in files if path.stat().st_size > LEAST_BYTES])
    for folder, files in folders.items():
        print(f"\n{folder.name}")
        _print_speed([speed for path in files if (speed := _speed(path))])


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".tsv", ".md"))


def _corpus() -> Iterator[Path]:
    root = os.environ.get("MUSTER_CORPUS")
    found = [Path(root) / name for name in ("sbom-bench", "sbom-dev")] if root else []
    if not any(folder.is_dir() for folder in found):
        raise SystemExit("name a folder of SBOMs, or set MUSTER_CORPUS to the unpacked corpus")
    yield from (folder for folder in found if folder.is_dir())


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
        kind, ratio = _in_a_child(path)
        if kind:
            growth[kind].append(ratio)
    print(f"{'peak growth / file size':26} {'files':>6} {'median':>7} {'p95':>6} {'most':>6}")
    for kind, ratios in sorted(growth.items()):
        ratios.sort()
        print(
            f"{kind:26} {len(ratios):6} {median(ratios):7.1f} {ratios[int(len(ratios) * 0.95)]:6.1f} {ratios[-1]:6.1f}"
        )


def _in_a_child(path: Path) -> tuple[str, float]:
    """Read one file in a process of its own; the file's bytes count as growth. Linux only."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(send, _growth(path).encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as answer:
        kind, _, ratio = answer.read().partition(" ")
    os.waitpid(child, 0)
    return kind, float(ratio or 0)


def _growth(path: Path) -> str:
    for data in WARMING_UP:  # a forked process has a copy of a page only once it writes there
        read(data)
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    before = _high_water_bytes()
    try:
        document = read(path.read_bytes())
    except ServiceError:
        return ""
    return f"{document.format.value} {(_high_water_bytes() - before) / path.stat().st_size}"


def _high_water_bytes() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main(sys.argv[1:])

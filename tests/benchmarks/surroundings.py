"""What every benchmark needs: where the corpus is, what machine this is, how times are summed up."""

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

from real_files import Corpus, NoCorpus, find_corpus


def corpus() -> Corpus:
    """Give the corpus that MUSTER_CORPUS names, or the one beside the checkout."""
    try:
        return find_corpus()
    except NoCorpus as missing:
        raise SystemExit(str(missing)) from missing


def describe_machine() -> str:
    """Name the processor, cores, memory, Python and how busy the machine is: figures mean nothing without."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = next((int(line.split()[1]) // 2**20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, {memory} GiB, Python {platform.python_version()}, load {load:.1f}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def percentiles(seconds: Sequence[float]) -> str:
    """Give p50, p95, p99 and the worst in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    p50, p95, p99 = (cuts[i - 1] * 1000 for i in (50, 95, 99))
    return (
        f"p50 {p50:6.1f}  p95 {p95:6.1f}  p99 {p99:6.1f}  worst {max(seconds) * 1000:6.1f} ms  ({len(seconds)} times)"
    )


def resident_megabytes(pid: int) -> float:
    """Give the memory that a process and those it started hold now, in MB."""
    return sum(_kilobytes(one, "VmRSS") for one in (pid, *_started_by(pid))) / 1000


def memory_of(pid: int) -> str:
    """Say how much memory a process and those it started hold now, and the most that each has held, summed up."""
    pids = [pid, *_started_by(pid)]
    now, peak = (sum(_kilobytes(one, name) for one in pids) / 1000 for name in ("VmRSS", "VmHWM"))
    several = f" in {len(pids)} processes" if len(pids) > 1 else ""
    return f"{now:,.0f} MB now, {peak:,.0f} MB at most{several}"


def _kilobytes(pid: int, name: str) -> int:
    return next((int(line.split()[1]) for line in _lines(f"/proc/{pid}/status") if line.startswith(name)), 0)


def _started_by(pid: int) -> list[int]:
    """Find a process's children and theirs. Linux only."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(word) for listed in lists for line in _lines(str(listed)) for word in line.split()]
    return [found for child in children for found in (child, *_started_by(child))]

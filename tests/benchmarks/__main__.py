"""All benchmarks, one after the other: ``make bench``. They print figures and judge nothing.

``python -m benchmarks [parsing] [inventory] [searching] [sync]`` runs those named.
"""

import sys
from collections.abc import Callable

from benchmarks import inventory, parsing, searching, sync
from benchmarks.surroundings import corpus, describe_machine


def main(names: list[str]) -> None:
    """Run and print."""
    print(describe_machine(), flush=True)
    acts: dict[str, Callable[[], None]] = {
        "parsing": lambda: parsing.main([str(corpus() / "sbom-bench")]),
        "inventory": lambda: inventory.main([]),
        "searching": lambda: searching.main([]),
        "sync": sync.main,
    }
    for name in names or ["parsing", "inventory", "searching"]:
        print(f"\n== {name}", flush=True)
        acts[name]()


if __name__ == "__main__":
    main(sys.argv[1:])

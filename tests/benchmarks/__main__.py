"""All benchmarks, one after the other: ``make bench``. They print figures and judge nothing.

``python -m tests.benchmarks [parsing] [inventory] [searching] [sync]`` runs those named.
"""

import sys

from tests.benchmarks import inventory, parsing, searching, sync
from tests.benchmarks.surroundings import corpus, describe_machine


def main(names: list[str]) -> None:
    """Run and print."""
    print(describe_machine(), flush=True)
    acts = {
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

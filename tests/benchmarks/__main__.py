"""All benchmarks, one after the other: ``make bench``. They print figures and judge nothing.

``python -m benchmarks [NAME...]`` runs those named; README.md beside the tests says what each measures.
"""

import sys
from collections.abc import Callable

from benchmarks import (
    beside,
    crowd,
    declaring,
    exposures,
    giant,
    inventory,
    meanwhile,
    parsing,
    rematch,
    searching,
    sync,
)
from benchmarks.surroundings import corpus, describe_machine

#: Together under twelve minutes on two idle cores.
USUAL = ("parsing", "beside", "inventory", "searching", "crowd", "giant", "meanwhile", "exposures", "declaring")


def main(names: list[str]) -> None:
    """Run and print."""
    print(describe_machine(), flush=True)
    acts: dict[str, Callable[[], None]] = {
        "parsing": lambda: parsing.main([str(corpus() / "sbom-bench")]),
        "beside": beside.main,
        "inventory": lambda: inventory.main([]),
        "searching": lambda: searching.main([]),
        "sync": sync.main,
        "crowd": crowd.main,
        "giant": lambda: giant.main([]),
        "meanwhile": lambda: meanwhile.main([]),
        "exposures": lambda: exposures.main([]),
        "declaring": lambda: declaring.main([]),
        "rematch": rematch.main,
    }
    for name in names or USUAL:
        print(f"\n== {name}", flush=True)
        acts[name]()


if __name__ == "__main__":
    main(sys.argv[1:])

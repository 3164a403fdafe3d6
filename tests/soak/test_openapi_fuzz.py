"""Whatever is sent over HTTP, a real server answers as its description says, to those who may do all and to readers.

MUSTER_FUZZ_SECONDS are spent on each (60 unless given), MUSTER_FUZZ_CALLS on an operation before the next one's turn;
MUSTER_FUZZ_SEED begins another row of calls. `pytest -m soak -s` shows how often which operation answered what.
"""

import os
import random
import time
from collections.abc import Iterator
from itertools import count, takewhile

import pytest
import schemathesis
from made_up_calls import Judge, furnish, settings
from serving import Served, serving

SECONDS = float(os.environ.get("MUSTER_FUZZ_SECONDS", "60"))
CALLS = int(os.environ.get("MUSTER_FUZZ_CALLS", "20"))
SEED = int(os.environ.get("MUSTER_FUZZ_SEED", "1"))

pytestmark = [pytest.mark.soak, pytest.mark.timeout(int(SECONDS * 1.5) + 180)]


@pytest.fixture(scope="module")
def served(module_database: str) -> Iterator[Served]:
    with serving(module_database) as server:
        yield server


@pytest.mark.parametrize("role", ["admin", "reader"])
def test_whatever_is_sent_is_answered_as_described(served: Served, role: str) -> None:
    answer = served.client.post("/v1/keys", json={"name": "the fuzzer", "role": role})
    headers = {"Authorization": f"Bearer {answer.json()['key']}"}
    schema = schemathesis.openapi.from_url(f"{served.client.base_url}/openapi.json", config=settings())
    judge = Judge(schema, headers)
    until = time.monotonic() + SECONDS
    for round_ in takewhile(lambda _: time.monotonic() < until, count()):
        known = furnish(served.client, name=f"{role}-{round_}")
        # In any order: what an early operation puts out of use, the later ones find so.
        operations = random.Random(SEED + round_).sample(judge.operations, len(judge.operations))  # noqa: S311 - no secret
        for operation in takewhile(lambda _: time.monotonic() < until, operations):
            judge.call(operation, known, times=CALLS, seed=SEED + round_)
    for label, seen in judge.statuses.items():
        print(label, dict(sorted(seen.items())))
    print(f"{sum(seen.total() for seen in judge.statuses.values())} calls; never done:", *judge.never_done(), sep="\n")
    assert not judge.faults, "\n\n".join([*judge.faults.values(), served.log()[-2000:]])

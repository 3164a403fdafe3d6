"""Whatever builds, feeds, people and the clock do, in whatever order: the lifecycle's invariants hold after each act.

`MUSTER_HISTORIES` lives of `MUSTER_STEPS` acts each; few here, many in the soak. `-s` prints how many there were.
"""

import os
from datetime import timedelta

import pytest
from histories import COMPONENTS, NAMES, RANGES
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from invariants import violations
from lives import ANN, BEN, PRODUCTS, Lives, some
from sqlalchemy import Engine
from story import Story, empty
from told_lives import LODASH

SMALL, STEPS = 5, 12
products = st.sampled_from(PRODUCTS)
streams = st.sampled_from(["main", "main", "1.x"])
purls = st.sampled_from(sorted(COMPONENTS))
#: Few components, so that what one SBOM has another often has too; mostly such as ship.
contents = st.dictionaries(purls, st.sampled_from(["required", "required", "required", "optional", "dev"]), max_size=6)
actors = st.sampled_from([ANN, BEN])
advisories = st.sampled_from(sorted(RANGES))
seldom = st.sampled_from([False] * 5 + [True])
steps = st.sampled_from(
    ["acknowledged", "in_progress", "fix_claimed", "not_affected", "not_affected", "risk_accepted", "resolved", "open"]
)


class Machine(RuleBasedStateMachine):
    """One life after the other, each on an empty database."""

    engine: Engine
    lived = 0
    acted = 0

    def __init__(self) -> None:
        super().__init__()
        self.lives = Lives(Story(self.engine))
        type(self).lived += 1

    def teardown(self) -> None:
        empty(self.engine)

    @invariant()
    def holds(self) -> None:
        type(self).acted += 1
        assert violations(self.lives) == []

    @initialize(ranges=st.integers(0, 2), listed=contents, based=st.booleans())
    def begin(self, ranges: int, listed: dict[str, str], *, based: bool) -> None:
        for name in ("GHSA-2222-2222-2222", "PYSEC-2024-1", "DEBIAN-CVE-2024-3", "GHSA-3333-3333-3333"):
            self.lives.tell(name, ranges)
        self.lives.upload("base", some(LODASH) | listed)
        self.lives.upload("shop", some(LODASH) | listed)
        if based:
            self.lives.build_on("shop", "base")

    @rule(product=products, stream=streams, listed=contents, tool=st.sampled_from(["syft"] * 5 + ["trivy"]))
    def upload(self, product: str, stream: str, listed: dict[str, str], tool: str) -> None:
        self.lives.upload(product, listed, stream=stream, tool=tool)

    @rule(product=products, listed=contents, label=st.sampled_from(["1.0", "2.0"]))
    def release(self, product: str, listed: dict[str, str], label: str) -> None:
        self.lives.upload(product, listed, label=label)
        self.lives.support(product, label, supported=True)

    @rule(product=products, label=st.sampled_from(["1.0", "2.0"]), supported=st.booleans())
    def support(self, product: str, label: str, *, supported: bool) -> None:
        self.lives.support(product, label, supported=supported)

    @rule(product=products, listed=contents, kind=st.sampled_from(["late", "preview", "correction"]))
    def upload_oddly(self, product: str, listed: dict[str, str], kind: str) -> None:
        if kind == "preview":
            self.lives.upload(product, listed, stream="pr-7", preview=True)
        else:
            ago = timedelta(hours=3) if kind == "late" else None
            self.lives.upload(product, listed, ago=ago, replaces=kind == "correction")

    @rule(product=products, stream=streams)
    def repeat(self, product: str, stream: str) -> None:
        self.lives.repeat(product, stream)

    @rule(product=products, stream=streams, back=st.integers(0, 1))
    def void(self, product: str, stream: str, back: int) -> None:
        self.lives.void(product, stream, back)

    @rule(product=products, stream=streams, whole=st.booleans())
    def retire(self, product: str, stream: str, *, whole: bool) -> None:
        if whole:
            self.lives.archive(product)
        else:
            self.lives.retire(product, stream)

    @rule(product=products, base=st.none() | products)
    def build_on(self, product: str, base: str | None) -> None:
        self.lives.build_on(product, base)

    @rule(
        name=advisories,
        ranges=st.integers(0, 2),
        names=st.integers(0, 2),
        withdrawn=st.sampled_from([False] * 5 + [True]),
    )
    def tell(self, name: str, ranges: int, names: int, *, withdrawn: bool) -> None:
        self.lives.tell(name, ranges, names, withdrawn=withdrawn)

    @rule(name=advisories, ranges=st.integers(0, 2))
    def tell_again(self, name: str, ranges: int) -> None:
        self.lives.tell(name, ranges)

    @rule(cve=st.sampled_from(["CVE-2024-1", "CVE-2024-3"]))
    def exploit(self, cve: str) -> None:
        self.lives.exploit(cve)

    @rule(number=st.integers(0, 7), to=steps, actor=actors, days=st.sampled_from([0.5, 7, 89, 400]))
    def step(self, number: int, to: str, actor: object, days: float) -> None:
        self.lives.step(number, to, actor=actor, days=days)  # type: ignore[arg-type]

    @rule(number=st.integers(0, 7), actor=actors)
    def approve(self, number: int, actor: object) -> None:
        self.lives.approve(number, actor=actor)  # type: ignore[arg-type]

    @rule(number=st.integers(0, 7), to=st.sampled_from(["not_affected", "resolved"]))
    def decide(self, number: int, to: str) -> None:
        if self.lives.step(number, to, actor=ANN):
            self.lives.approve(number, actor=BEN)

    @rule(days=st.sampled_from([0.1, 1, 8, 31]))
    def wait(self, days: float) -> None:
        self.lives.wait(days)


def live(engine: Engine, histories: int, steps: int, *, derandomize: bool) -> None:
    Machine.engine, Machine.lived, Machine.acted = engine, 0, 0
    wanted = settings(
        max_examples=int(os.environ.get("MUSTER_HISTORIES", histories)),
        stateful_step_count=int(os.environ.get("MUSTER_STEPS", steps)),
        deadline=None,
        derandomize=derandomize,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(Machine, settings=wanted)
    finally:
        print(f"{Machine.lived} histories, {Machine.acted} states looked at, {len(NAMES)} advisories")


def test_invariants_hold_whatever_happens(engine: Engine) -> None:
    live(engine, SMALL, STEPS, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_invariants_hold_in_many_long_lives(engine: Engine) -> None:
    live(engine, 300, 40, derandomize=False)

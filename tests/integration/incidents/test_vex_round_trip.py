"""What people decided in one installation, told in each format and heard in another that has the same inventory."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import pytest
import vex_oracles
from osv_bucket import make_record
from sqlalchemy import Engine
from story import Story, empty

from service.access.roles import Actor, Role
from service.db import reading, writing
from service.flows.vex_hearing import Heard, hear
from service.flows.vex_telling import About, tell
from service.incidents.decisions import decisions_of
from service.incidents.lifecycle import JUSTIFICATIONS, Decision, transition
from service.incidents.vex.statements import Format, Publisher
from service.incidents.vex_sources import NewSource, replace_sources

CERT = Actor("cert", Role.CERT, key_id=1)
HEAD = Actor("head of the cert", Role.CERT, key_id=2)
ACME = Publisher("Acme", "https://acme.example")
BASE = "https://muster.acme.example"
ELSEWHERE = "https://muster.other.example"

#: One package for each of the nine, and one for each status.
NAMES = tuple(f"lib{number}" for number in range(len(JUSTIFICATIONS)))
STATUSES = ("open", "acknowledged", "in_progress", "fix_claimed", "risk_accepted", "resolved", "withdrawn")
DECIDED = {f"CVE-2026-1{number:03}": justification for number, justification in enumerate(JUSTIFICATIONS)}
OTHERS = {f"CVE-2026-2{number:03}": status for number, status in enumerate(STATUSES)}
BUNDLE = "CVE-2026-3000"
#: A decision that a person bound to fewer versions than the advisory names.
NARROWED = "CVE-2026-1002"


class Made(NamedTuple):
    justification: str | None
    reason: str
    bounds: frozenset[tuple[str, str]]


def inventory(story: Story) -> None:
    """Let a product have all of it: in two versions of itself, with a Debian package and a scoped one among it."""
    parts = [f"pkg:npm/{name}@1.0.0" for name in NAMES] + [f"pkg:npm/st{n}@1.0.0" for n in range(len(STATUSES))]
    parts += ["pkg:npm/%40acme/JSONStream@1.0.0", "pkg:deb/debian/liblzma5@5.6.1-1?distro=debian-13&upstream=xz-utils"]
    story.product("shop", title="The Shop")
    story.feed(
        *(
            make_record(cve, f"npm/{name}", "introduced 0", "fixed 1.0.1", aliases=[f"GHSA-{cve[4:]}"])
            for cve, name in zip(DECIDED, NAMES, strict=True)
        ),
        *(make_record(cve, f"npm/st{n}", "introduced 0", "fixed 1.0.1") for n, cve in enumerate(OTHERS)),
        bundle(),
    )
    story.upload("shop", *parts)
    story.upload("shop", *parts[:3], stream="2.x", version="2.0+1")
    story.support("shop", "2.0+1", supported=True)


def bundle() -> dict[str, object]:
    record = make_record(BUNDLE, "npm/@acme/JSONStream", "introduced 0", "fixed 2.0.0")
    deb = make_record(BUNDLE, "Debian:13/xz-utils", "introduced 0", "fixed 5.6.1+really5.4.5-1")
    return record | {"affected": record["affected"] + deb["affected"]}


def decide(story: Story) -> None:
    for cve, justification in DECIDED.items():
        versions = ">=0.5,<1.0.1" if cve == NARROWED else None
        step(
            story, cve, "not_affected", justification=justification, reason=f"Why: {cve}; so it is.", versions=versions
        )
    step(story, BUNDLE, "not_affected", justification="code_not_reachable", reason="Neither is called.")
    step(story, "CVE-2026-2001", "acknowledged")
    step(story, "CVE-2026-2002", "in_progress", reason="We update.")
    step(story, "CVE-2026-2003", "fix_claimed")
    step(story, "CVE-2026-2004", "risk_accepted", reason="Internal only.", expires_at=story.now + timedelta(days=30))
    step(story, "CVE-2026-2005", "resolved", reason="Patched by hand.", evidence={"commit": "abc"})
    story.feed(make_record("CVE-2026-2006", "npm/st6", "introduced 0", "fixed 1.0.1", withdrawn="2026-03-02T09:00:00Z"))


def step(story: Story, cve: str, to: str, **said: object) -> None:
    exposure = story.exposure("shop", cve)
    assert exposure is not None
    with writing(story.engine) as session:
        decision = Decision(to, approved_by="a second person", **said)  # type: ignore[arg-type]
        transition(session, exposure.id, decision, actor=CERT, now=story.tick())


def made(story: Story) -> dict[str, Made]:
    """Give the decisions that stand, by vulnerability; ranges as what holds of them."""
    found = {}
    for cve in (*DECIDED, *OTHERS, BUNDLE):
        exposure = story.exposure("shop", cve)
        assert exposure is not None
        with reading(story.engine) as session:
            for one in decisions_of(session, [exposure.id], standing=True).get(exposure.id, []):
                if one.to == "not_affected":
                    narrowed = [b.narrowed.removeprefix("vers:npm/").replace("|", ",") for b in one.bounds]
                    ranges = frozenset(
                        (b.package, f"{b.range} {n}".strip()) for b, n in zip(one.bounds, narrowed, strict=True)
                    )
                    found[cve] = Made(one.justification, one.reason, ranges)
    return found


def told(story: Story, form: Format, **about: str) -> bytes:
    return tell(story.engine, About("shop", **about), form, publisher=ACME, base=BASE, actor=CERT, now=story.tick())


def heard(story: Story, document: bytes, **more: bool) -> Heard:
    return hear(story.engine, document, trusted=(), base=ELSEWHERE, actor=CERT, now=story.tick(), **more)


def believe(story: Story, **more: object) -> None:
    with writing(story.engine) as session:
        source = NewSource("https://acme.example", "our vendor", **more)  # type: ignore[arg-type]
        replace_sources(session, [source], actor=HEAD, now=story.now)


@pytest.fixture(scope="module")
def documents(engine: Engine) -> Iterator[tuple[dict[Format, bytes], dict[str, Made]]]:
    story = Story(engine)
    inventory(story)
    decide(story)
    yield {form: told(story, form) for form in Format}, made(story)
    empty(engine)


@pytest.mark.parametrize("form", Format)
def test_the_same_is_decided_where_it_is_heard(
    documents: tuple[dict[Format, bytes], dict[str, Made]], engine: Engine, form: Format
) -> None:
    written, decided = documents
    assert set(decided) == {*DECIDED, BUNDLE}
    assert vex_oracles.faults(written[form]) == []
    empty(engine)
    other = Story(engine)
    inventory(other)
    believe(other)
    outcome = {one["vulnerability"]: one for one in heard(other, written[form]).results}

    assert made(other) == decided
    assert all(outcome[cve]["outcome"] == "applied" for cve in (*DECIDED, BUNDLE)), outcome
    statuses = {cve: other.status("shop", cve) for cve in OTHERS}
    assert statuses == dict.fromkeys(OTHERS, "open") | {"CVE-2026-2005": "fix_claimed"}
    again = heard(other, written[form])
    assert {one["outcome"] for one in again.results} == {"ignored"}
    assert made(other) == decided

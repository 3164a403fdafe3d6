"""A name becomes our own while an upload is on the way that lists it: nothing slips through, whoever comes first."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from interleaving import Act, interleave
from osv_bucket import make_record
from sboms import make_sbom
from sqlalchemy import Engine, func, select
from story import CERT, Story, empty

from service.advisories.models import Match
from service.db import connect, reading
from service.flows.private_names import remove_namespace, set_namespace
from service.flows.receiving import Request, receive_upload

OURS = "pkg:npm/%40acme/billing@1.0.0"
PUBLIC = make_record("GHSA-2222-2222-2222", "npm/@acme/billing", "introduced 0", aliases=["CVE-2024-1111"])
PATTERN = "npm:@acme/*"

Engines = tuple[Engine, Engine]
Acts = Callable[[], tuple[Act, Act]]


@pytest.fixture(scope="module")
def engines(database_url: str) -> Iterator[Engines]:
    both = connect(database_url), connect(database_url)
    yield both
    for each in both:
        each.dispose()


def upload() -> Act:
    data = make_sbom(OURS)
    return lambda engine, now: receive_upload(engine, data, Request("shop", actor="ci"), now=now)


def declare(engine: Engine, now: datetime) -> None:
    set_namespace(engine, PATTERN, reason="ours", actor=CERT, now=now)


def remove(engine: Engine, now: datetime) -> None:
    remove_namespace(engine, PATTERN, actor=CERT, now=now)


def run(story: Story, engines: Engines, acts: tuple[Act, Act], *, before: int, private: bool) -> bool:
    """Run one race; tells whether the first act was stopped at all."""
    story.feed(PUBLIC)
    if not private:
        declare(story.engine, story.tick())
    stopped = interleave(*acts, engines, before=before, now=story.tick())
    where = f"stopped before {before}"
    with reading(story.engine) as session:
        assert session.scalar(select(func.count()).select_from(Match)) == (0 if private else 1), where
    assert story.status("shop", "CVE-2024-1111") in ({None, "withdrawn"} if private else {"open"}), where
    assert story.differences() == [], where
    empty(story.engine)
    return stopped


RACES = [
    pytest.param(lambda: (upload(), declare), True, id="a pattern comes during an upload"),
    pytest.param(lambda: (declare, upload()), True, id="an upload comes during a pattern"),
    pytest.param(lambda: (upload(), remove), False, id="a pattern goes during an upload"),
    pytest.param(lambda: (remove, upload()), False, id="an upload comes while a pattern goes"),
]


@pytest.mark.parametrize(("acts", "private"), RACES[:2])
@pytest.mark.parametrize("before", [14])
def test_nothing_slips_through(story: Story, engines: Engines, acts: Acts, before: int, *, private: bool) -> None:
    run(story, engines, acts(), before=before, private=private)


@pytest.mark.soak
@pytest.mark.parametrize(("acts", "private"), RACES)
def test_nothing_slips_through_at_any_statement(story: Story, engines: Engines, acts: Acts, *, private: bool) -> None:
    before = 1
    while run(story, engines, acts(), before=before, private=private):
        before += 1

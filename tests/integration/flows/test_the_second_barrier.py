"""An upload that began after a feed's first barrier, and has not committed when the feed looks for usage."""

from collections.abc import Iterator
from itertools import count

import pytest
from interleaving import interleave_twice
from osv_bucket import make_record
from sboms import make_sbom
from sqlalchemy import Engine
from story import CERT, Story, empty

from service.db import connect
from service.flows.publishing import publish_advisory
from service.flows.receiving import Request, receive_upload

OLD = "pkg:npm/lodash@4.17.20"
LODASH = make_record("OURS-1", "npm/lodash", "introduced 0", "fixed 4.17.21")
#: The first statement of matching: the ranges are known, the first barrier is passed, the matches are not there yet.
MATCHING = "FROM match"

Engines = tuple[Engine, Engine, Engine]


@pytest.fixture(scope="module")
def engines(database_url: str) -> Iterator[Engines]:
    three = connect(database_url), connect(database_url), connect(database_url)
    yield three
    for each in three:
        each.dispose()


def _run(story: Story, engines: Engines, then: int | str) -> bool:
    story.upload("wiki", OLD)
    data = make_sbom(OLD)
    stopped = interleave_twice(
        lambda engine, now: publish_advisory(engine, LODASH["id"], dict(LODASH), actor=CERT, now=now),
        lambda engine, now: receive_upload(engine, data, Request("shop", actor="ci"), now=now),
        engines,
        before=MATCHING,
        then=then,
        now=story.tick(),
    )
    assert story.status("shop", LODASH["id"]) == "open", f"stopped before {then}"
    assert story.differences() == []
    return stopped


def test_an_upload_between_matching_and_usage_is_not_missed(story: Story, engines: Engines) -> None:
    assert _run(story, engines, "JOIN exposure")


@pytest.mark.soak
def test_an_upload_stopped_anywhere_between_matching_and_usage_is_not_missed(story: Story, engines: Engines) -> None:
    for then in count(1):
        if not _run(story, engines, then):
            break
        empty(story.engine)

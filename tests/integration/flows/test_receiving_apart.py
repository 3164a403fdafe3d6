"""Large SBOMs are taken in by a process of their own, with the same outcome."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from multiprocessing import active_children
from pathlib import Path

import pytest
from sboms import make_sbom
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError

from service.db import connect, reading
from service.errors import Busy
from service.flows import parcels, receiving_apart
from service.flows.parcels import Parcel
from service.flows.receiving import Request, receive_upload
from service.flows.receiving_apart import receive_parcel
from service.inventory.models import Upload
from service.sbom.refusals import NotAnSbom

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LODASH = "pkg:npm/lodash@4.17.20"


@pytest.fixture
def own_engine(fresh_database: str) -> Iterator[Engine]:
    engine = connect(fresh_database)
    yield engine
    engine.dispose()


@pytest.fixture
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "LARGE_BYTES", 1)


@pytest.mark.usefixtures("_everything_is_large")
def test_the_answer_is_the_same(own_engine: Engine) -> None:
    sbom = make_sbom(LODASH, "pkg:npm/left-pad@1.3.0")
    with Parcel(sbom[:10], sbom[10:]) as parcel:
        assert parcel.path is not None
        file = Path(parcel.path)
        apart = receive_parcel(own_engine, parcel, Request(product="apart", actor="tests"), now=NOON)
    assert not file.exists()
    here = receive_upload(own_engine, sbom, Request(product="here", actor="tests"), now=NOON)
    assert (apart.created, apart.verdict, apart.component_count) == (True, here.verdict, 2)
    same = {"components", "findings", "unevaluated", "missing_feeds", "quality", "warnings"}
    assert {name: apart.values[name] for name in same} == {name: here.values[name] for name in same}
    assert active_children() == []


@pytest.mark.usefixtures("_everything_is_large")
def test_a_refusal_is_the_same_and_nothing_is_stored(own_engine: Engine) -> None:
    with Parcel(b"<html>") as parcel, pytest.raises(NotAnSbom, match="HTML"):
        receive_parcel(own_engine, parcel, Request(product="apart", actor="tests"), now=NOON)
    with reading(own_engine) as session:
        assert session.scalar(select(func.count()).select_from(Upload)) == 0


@pytest.mark.usefixtures("_everything_is_large")
def test_one_at_a_time_and_the_others_are_told_when_to_come_again(
    own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving_apart, "_PATIENCE_SECONDS", 0)
    with receiving_apart._TURN, Parcel(make_sbom(LODASH)) as parcel, pytest.raises(Busy) as busy:
        receive_parcel(own_engine, parcel, Request(product="apart", actor="tests"), now=NOON)
    assert busy.value.members["retry_after"] == 120


def test_what_is_small_stays_in_memory() -> None:
    with Parcel(b"a", b"bc") as parcel:
        assert (parcel.path, parcel.size, parcel.head(), parcel.data()) == (None, 3, b"abc", b"abc")
    with Parcel() as empty:
        assert (empty.head(), empty.data()) == (b"", b"")


@pytest.mark.usefixtures("_everything_is_large")
def test_few_wait_since_each_that_does_holds_a_thread(own_engine: Engine) -> None:
    with ExitStack() as others, Parcel(make_sbom(LODASH)) as parcel:
        for _ in range(5):
            others.enter_context(receiving_apart._place())
        with pytest.raises(Busy, match="waiting") as busy:
            receive_parcel(own_engine, parcel, Request(product="apart", actor="tests"), now=NOON)
    assert busy.value.members["retry_after"] == 300


@pytest.mark.usefixtures("_everything_is_large")
def test_a_database_that_is_away_is_not_taken_for_a_large_sbom() -> None:
    nowhere = connect("postgresql://nobody@127.0.0.1:1/nothing")
    with Parcel(make_sbom(LODASH)) as parcel, pytest.raises(OperationalError, match="refused"):
        receive_parcel(nowhere, parcel, Request(product="apart", actor="tests"), now=NOON)


def test_an_error_that_does_not_survive_the_way_says_what_it_was() -> None:
    class Fussy(Exception):  # noqa: N818
        def __init__(self, one: str, two: str) -> None:
            super().__init__(one + two)

    came = receiving_apart._portable(Fussy("a", "b"))
    assert (type(came), str(came)) == (RuntimeError, "Fussy: ab")

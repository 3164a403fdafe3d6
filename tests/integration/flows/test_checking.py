"""Stored documents are held against their schemas one at a time, and none of them keeps the next from its turn."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Event
from typing import Any, NoReturn

import orjson
import pytest
from pydantic import SecretStr
from sboms import make_sbom
from sqlalchemy import Engine, select, update
from story import empty

from service.db import reading, writing
from service.errors import Busy
from service.flows.checking import check_next, conformance_of
from service.flows.receiving import Request, receive_upload
from service.inventory.models import Document
from service.jobs.context import Interrupted, JobContext
from service.jobs.kinds import kinds_of
from service.sbom.conformance import LARGEST_BYTES
from service.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def own_engine(engine: Engine) -> Iterator[Engine]:
    """Give the shared database, for acts that really commit; what they leave is removed afterwards."""
    yield engine
    empty(engine)


@pytest.fixture
def run(own_engine: Engine) -> Callable[..., list[dict[str, object]]]:
    """Run the job once; gives what it noted as progress."""

    def act(*, stopping: bool = False) -> list[dict[str, object]]:
        noted: list[dict[str, object]] = []
        stop = Event()
        if stopping:
            stop.set()
        settings = Settings(secret_key=SecretStr("x"), osv_url="none")
        context = JobContext(
            own_engine, settings, lambda: NOON, "check", "1", {}, stop, lambda progress: noted.append(dict(progress))
        )
        kinds_of(settings)["check"].run(context)
        return noted

    return act


def upload(engine: Engine, data: bytes) -> int:
    receipt = receive_upload(engine, data, Request("shop", actor="ci"), now=NOON)
    sbom: Any = receipt.values["sbom"]
    return int(sbom["id"])


def conformances(engine: Engine) -> list[Any]:
    with reading(engine) as session:
        return [conformance_of(session, one) for one in session.scalars(select(Document.id).order_by(Document.id))]


def valid() -> bytes:
    return make_sbom("pkg:npm/lodash@4.17.20")


def invalid() -> bytes:
    return orjson.dumps(orjson.loads(valid()) | {"colour": "red"})


def test_an_upload_leaves_its_document_unchecked_and_the_job_checks_it(
    own_engine: Engine, run: Callable[..., list[dict[str, object]]]
) -> None:
    upload(own_engine, valid())
    upload(own_engine, invalid())
    assert conformances(own_engine) == [None, None]
    assert run() == [{"valid": 1, "invalid": 1}]
    first, second = conformances(own_engine)
    assert (first["verdict"], first["error_count"], first["first"]) == ("valid", 0, [])
    assert (second["verdict"], second["error_count"]) == ("invalid", 1)
    assert "colour" in second["first"][0]["message"]
    assert run() == [{}]


def test_a_document_that_takes_its_checker_down_does_not_come_again(own_engine: Engine) -> None:
    upload(own_engine, valid())
    upload(own_engine, valid())

    class Down(BaseException):
        """What the end of a process looks like from within."""

    def crash(*_: object) -> NoReturn:
        raise Down

    with pytest.raises(Down):
        check_next(own_engine, crash)
    assert check_next(own_engine) == "valid"
    assert check_next(own_engine) is None
    first, second = conformances(own_engine)
    assert (first["verdict"], first["reason"]) == ("unchecked", "Its check began and has not ended.")
    assert second["verdict"] == "valid"


def test_a_document_keeps_its_turn_while_too_many_are_read_at_once(own_engine: Engine) -> None:
    upload(own_engine, valid())

    def busy(*_: object) -> NoReturn:
        raise Busy("Later.")

    with pytest.raises(Busy):
        check_next(own_engine, busy)
    assert conformances(own_engine) == [None]
    assert check_next(own_engine) == "valid"


def test_a_check_that_fails_is_no_verdict(own_engine: Engine) -> None:
    upload(own_engine, valid())

    def fail(*_: object) -> NoReturn:
        raise ZeroDivisionError

    assert check_next(own_engine, fail) == "unchecked"
    assert conformances(own_engine)[0]["reason"] == "Its check failed: ZeroDivisionError."


def test_pruned_and_very_large_documents_are_unchecked_and_say_why(
    own_engine: Engine, run: Callable[..., list[dict[str, object]]]
) -> None:
    upload(own_engine, valid())
    upload(own_engine, valid())
    with writing(own_engine) as session:
        first, second = session.scalars(select(Document.id).order_by(Document.id))
        session.execute(update(Document).where(Document.id == first).values(content=None))
        session.execute(update(Document).where(Document.id == second).values(size_bytes=LARGEST_BYTES + 1))
    assert run() == [{"unchecked": 2}]
    assert [one["reason"] for one in conformances(own_engine)] == [
        "Its bytes are no longer kept.",
        "It is larger than 32 MiB.",
    ]


def test_checks_end_between_documents_when_the_process_stops(
    own_engine: Engine, run: Callable[..., list[dict[str, object]]]
) -> None:
    upload(own_engine, valid())
    with pytest.raises(Interrupted):
        run(stopping=True)
    assert conformances(own_engine) == [None]

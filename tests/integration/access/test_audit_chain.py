"""The record is only added to, and whoever tampers with it beside the service is found out."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from command_line import run_muster
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from service.access import audit
from service.access.chaining import Head, chain_audit, head_of, unchained
from service.access.roles import Actor, Origin, Role
from service.access.verifying import read_heads, verify_audit
from service.db import WriteSession, writing
from service.errors import Unreadable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def act(session: WriteSession, *actions: str) -> None:
    origin = Origin(address="192.0.2.7", request_id="request-7")
    somebody = Actor("Zoë", Role.CERT, key="abcdefghijkl", origin=origin)
    for action in actions:
        audit.record(session, somebody, action, "EXP-41", {"why": "ünïcode", "count": 3, "share": 0.25}, now=NOON)
    session.flush()


def tamper(session: WriteSession, *statements: str) -> None:
    """Do what somebody with the database's highest rights can do."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    for statement in statements:
        session.execute(text(statement))
    session.execute(text("SET LOCAL session_replication_role = origin"))
    session.expire_all()


@pytest.fixture
def chained(session: WriteSession) -> WriteSession:
    act(session, "a.a", "b.b", "c.c", "d.d", "e.e")
    assert chain_audit(session) == 5
    return session


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody'",
        "UPDATE audit SET seq = NULL",
        "UPDATE audit SET hash = '\\x00'",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ],
)
def test_the_database_refuses_to_change_the_record(chained: WriteSession, statement: str) -> None:
    with pytest.raises(DBAPIError, match="only ever added"), chained.begin_nested():
        chained.execute(text(statement))


def test_a_row_that_waits_for_its_place_cannot_be_changed_on_the_way(session: WriteSession) -> None:
    act(session, "a.a")
    with pytest.raises(DBAPIError, match="only ever added"), session.begin_nested():
        session.execute(text("UPDATE audit SET seq = 1, prev = '\\x00', hash = '\\x00', actor = 'nobody'"))


def test_an_untouched_record_holds_and_says_where_it_ends(chained: WriteSession) -> None:
    act(chained, "f.f")
    assert chain_audit(chained) == 1
    assert chain_audit(chained) == 0
    act(chained, "g.g")
    verdict = verify_audit(chained)
    assert (verdict.broken, verdict.rows, verdict.waiting) == (None, 6, 1)
    assert verdict.head == head_of(chained)
    assert unchained(chained) == (1, NOON)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE audit SET actor = 'nobody' WHERE seq = 3"], "3 (audit row {3}): changed"),
        (["UPDATE audit SET detail = '{}' WHERE seq = 3"], "3 (audit row {3}): changed"),
        (["UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 3"], "3 (audit row {3}): changed"),
        (["UPDATE audit SET address = NULL WHERE seq = 3"], "3 (audit row {3}): changed"),
        (["UPDATE audit SET hash = sha256('x') WHERE seq = 3"], "3 (audit row {3}): changed"),
        (["DELETE FROM audit WHERE seq = 3"], "3: missing"),
        (["DELETE FROM audit WHERE seq = 1"], "1: missing"),
        (["DELETE FROM audit WHERE seq = 5"], "5: cut off"),
        (["DELETE FROM audit WHERE seq = 3", "UPDATE audit SET seq = seq - 1 WHERE seq = 4"], "3 (audit row {4}): out"),
        (
            [
                "UPDATE audit SET seq = 9 WHERE seq = 3",
                "UPDATE audit SET seq = 3 WHERE seq = 4",
                "UPDATE audit SET seq = 4 WHERE seq = 9",
            ],
            "3 (audit row {4}): out of order",
        ),
    ],
)
def test_whoever_changes_removes_or_moves_a_row_is_found_out(
    chained: WriteSession, statements: list[str], said: str
) -> None:
    ids = {row.seq: row.id for row in chained.execute(text("SELECT seq, id FROM audit"))}
    tamper(chained, *statements)
    expected = said.replace("{3}", str(ids[3])).replace("{4}", str(ids[4]))
    assert str(verify_audit(chained).broken).startswith(expected)


def test_a_record_that_was_rewritten_as_a_whole_disagrees_with_a_head_of_earlier(chained: WriteSession) -> None:
    former = head_of(chained)
    tamper(
        chained,
        "UPDATE audit SET actor = 'nobody' WHERE seq = 2",
        "UPDATE audit SET seq = NULL, prev = NULL, hash = NULL",
        "UPDATE audit_chain SET last_seq = 0, head = decode(repeat('00', 32), 'hex')",
    )
    chain_audit(chained)
    assert verify_audit(chained).broken is None
    assert str(verify_audit(chained, [former]).broken).startswith("5")
    tamper(chained, "DELETE FROM audit WHERE seq > 3", "UPDATE audit_chain SET last_seq = 3 FROM audit WHERE seq = 3")
    assert str(verify_audit(chained, [former]).broken) == "4: cut off; the chain once was longer"


def test_heads_are_read_from_what_says_them() -> None:
    digits = "0f" * 32
    head = Head(4711, bytes.fromhex(digits))
    for text_ in (
        str(head),
        f'{{"seq": 4711, "hash": "{digits}", "at": "2026-03-01T12:00:00Z"}}',
        f'2026-03-01T12:00:00Z [info] the record ends here head="{head}" room=audit',
        f'{{"room": "audit", "head": "4711 {digits}", "event": "the record ends here"}}',
    ):
        assert read_heads(f"# kept\n{text_}\n") == [head]
    with pytest.raises(Unreadable):
        read_heads("nothing of that kind")


def test_writers_do_not_wait_for_the_chain(fresh_engine: Engine) -> None:
    with writing(fresh_engine) as slow:
        act(slow, "slow.act")
        with writing(fresh_engine) as fast:
            act(fast, "fast.act")
        with writing(fresh_engine) as chainer:
            assert chain_audit(chainer) == 1
            with writing(fresh_engine) as another:
                assert chain_audit(another) == 0
    with writing(fresh_engine) as session:
        assert chain_audit(session) == 1
        verdict = verify_audit(session)
        assert (verdict.rows, verdict.broken) == (2, None)


def test_the_command_says_where_the_record_ends_and_whether_it_holds(
    fresh_database: str, fresh_engine: Engine, tmp_path: Path
) -> None:
    environment = {"MUSTER_DATABASE_URL": fresh_database}
    with writing(fresh_engine) as session:
        act(session, "a.a", "b.b")
    kept = tmp_path / "heads"
    kept.write_text(run_muster("audit", "head", environment=environment).out)
    assert kept.read_text().startswith("2 ")
    ran = run_muster("audit", "verify", "--from", str(kept), "--json", environment=environment)
    assert (ran.code, ran.json()["rows"], ran.json()["broken"]) == (0, 2, None)
    with writing(fresh_engine) as session:
        tamper(session, "DELETE FROM audit WHERE seq = 2", "UPDATE audit_chain SET last_seq = 1")
    ran = run_muster("audit", "verify", "--from", str(kept), environment=environment)
    assert (ran.code, "Broken at 2: cut off" in ran.err) == (1, True)
    (tmp_path / "none").write_text("nothing")
    assert run_muster("audit", "verify", "--from", str(tmp_path / "none"), environment=environment).code == 2

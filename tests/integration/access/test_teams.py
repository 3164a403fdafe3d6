from datetime import UTC, datetime

import pytest

from service.access import audit
from service.access.roles import SYSTEM
from service.access.teams import BadTeamName, fallback_team, get_team, list_teams, put_team, team_names
from service.db import WriteSession
from service.errors import NotFound

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_team_is_made_once_and_then_described_anew(session: WriteSession) -> None:
    team, is_new = put_team(session, "payments", {"email": "p@example.org"}, now=NOON)
    assert is_new
    again, is_new = put_team(session, "payments", {"email": None, "webhook": "https://chat.example/p"}, now=NOON)
    assert (again.id, is_new, again.email, again.webhook) == (team.id, False, None, "https://chat.example/p")
    assert [t.name for t in list_teams(session)] == ["cert-triage", "payments"]
    assert team_names(session, [team.id]) == {team.id: "payments"}


def test_there_is_always_a_team_to_fall_back_to(session: WriteSession) -> None:
    assert fallback_team(session).name == "cert-triage"


def test_names_fit_into_addresses(session: WriteSession) -> None:
    for name in ("", "Payments", "a b", "a/b", "-a", "a" * 101):
        with pytest.raises(BadTeamName):
            put_team(session, name, {}, now=NOON)
    with pytest.raises(NotFound):
        get_team(session, "nobody")


def test_acts_are_written_down_newest_first(session: WriteSession) -> None:
    for action in ("team.put", "key.create", "key.revoke"):
        audit.record(session, SYSTEM, action, "payments", {"why": "a test"}, now=NOON)
    session.flush()
    newest, middle, *_ = audit.list_audit(session, limit=2)
    assert (newest.action, newest.actor, newest.detail) == ("key.revoke", "muster", {"why": "a test"})
    assert [row.action for row in audit.list_audit(session, before=middle.id)] == ["team.put"]

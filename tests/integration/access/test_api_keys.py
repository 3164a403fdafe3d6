import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from service.access.keys import authenticate, create_first_key, create_key, find_key, list_keys, revoke_key
from service.access.roles import Role
from service.access.teams import fallback_team
from service.db import WriteSession
from service.errors import Refused, Unauthenticated, Unreadable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_key_leads_to_its_role_and_team(session: WriteSession) -> None:
    team = fallback_team(session)
    new = create_key(session, "ops", Role.OWNER, team_id=team.id, now=NOON)
    actor = authenticate(session, new.token, now=NOON)
    assert (actor.name, actor.role, actor.key_id, actor.team_id) == ("ops", Role.OWNER, new.key.id, team.id)


def test_a_key_is_long_random_and_only_its_digest_is_kept(session: WriteSession) -> None:
    tokens = {create_key(session, "k", Role.READER, now=NOON).token for _ in range(20)}
    assert len(tokens) == 20
    for token in tokens:
        assert re.fullmatch(r"mst_[a-z2-7]{12}_[0-9A-Za-z]{36}", token)
    secret = token.rsplit("_", 1)[1][:30]
    assert find_key(session, token.split("_")[1]).secret_sha256 == sha256(secret.encode()).digest()


@pytest.mark.parametrize("spoil", ["", "mst_", "x" * 200, "mst_\0", "last", "secret", "id"])
def test_anything_else_is_no_key(session: WriteSession, spoil: str) -> None:
    token = create_key(session, "k", Role.READER, now=NOON).token
    other = create_key(session, "other", Role.READER, now=NOON).token
    spoilt = {
        "last": token[:-1] + ("0" if token[-1] != "0" else "1"),
        "secret": other[:17] + token[17:],
        "id": "mst_" + "a" * 12 + token[16:],
    }.get(spoil, spoil)
    with pytest.raises(Unauthenticated):
        authenticate(session, spoilt, now=NOON)


def test_a_key_ends_with_its_life_or_when_revoked(session: WriteSession) -> None:
    short = create_key(session, "short", Role.READER, now=NOON, life=timedelta(days=1))
    authenticate(session, short.token, now=NOON + timedelta(hours=23))
    with pytest.raises(Unauthenticated, match="expired"):
        authenticate(session, short.token, now=NOON + timedelta(days=1))
    revoked = create_key(session, "revoked", Role.READER, now=NOON)
    revoke_key(session, revoked.key.public_id, now=NOON)
    assert revoke_key(session, revoked.key.public_id, now=NOON + timedelta(days=1)).revoked_at == NOON
    with pytest.raises(Unauthenticated):
        authenticate(session, revoked.token, now=NOON)


def test_a_key_lives_a_year_at_most_and_an_owners_names_its_team(session: WriteSession) -> None:
    for life in (timedelta(days=366), timedelta(0)):
        with pytest.raises(Unreadable):
            create_key(session, "k", Role.READER, now=NOON, life=life)
    with pytest.raises(Refused):
        create_key(session, "k", Role.OWNER, now=NOON)


def test_use_is_noted_once_a_minute(session: WriteSession) -> None:
    new = create_key(session, "k", Role.READER, now=NOON)
    seen = []
    for seconds in (0, 59, 60, 61, 121):
        authenticate(session, new.token, now=NOON + timedelta(seconds=seconds))
        session.refresh(new.key)
        assert new.key.last_used_at is not None
        seen.append((new.key.last_used_at - NOON).seconds)
    assert seen == [0, 0, 60, 60, 121]


def test_the_first_key_is_made_once(session: WriteSession) -> None:
    first = create_first_key(session, now=NOON)
    assert first is not None
    assert authenticate(session, first.token, now=NOON).role is Role.ADMIN
    assert create_first_key(session, now=NOON) is None
    revoke_key(session, first.key.public_id, now=NOON)
    assert create_first_key(session, now=NOON) is None
    assert len(list_keys(session)) == 1

"""API keys: ``mst_<id>_<secret><check>``.

The id is public and finds the row; the secret has 178 random bits, so a plain SHA-256 of it is kept (there is nothing
to guess, and a slow hash would cost every request). The check digits let a scanner of leaked secrets tell a real key
from a look-alike without asking us.
"""

import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from zlib import crc32

from sqlalchemy import exists, or_, select, text, update

from service.access.models import ApiKey
from service.access.roles import Actor, Role
from service.db import ReadSession, WriteSession
from service.errors import NotFound, Refused, Unauthenticated, Unreadable

LONGEST_LIFE = timedelta(days=365)
#: A busy key writes its last use this often.
USE_NOTED_EVERY = timedelta(minutes=1)

_ID_ALPHABET = string.ascii_lowercase + "234567"
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH, _SECRET_LENGTH, _CHECK_LENGTH = 12, 30, 6
_TOKEN = re.compile(
    rf"mst_([a-z2-7]{{{_ID_LENGTH}}})_([0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECK_LENGTH}}})"
)
#: Compared against when there is no such key, so that an unknown id takes as long as a wrong secret.
_NOBODY = sha256(b"").digest()


@dataclass(frozen=True)
class NewKey:
    """A key just made; *token* is shown once and kept nowhere."""

    key: ApiKey
    token: str


def create_key(
    session: WriteSession,
    name: str,
    role: Role,
    *,
    now: datetime,
    team_id: int | None = None,
    life: timedelta = LONGEST_LIFE,
) -> NewKey:
    """Make a key.

    Raises:
        Refused: An owner's key without a team.
        Unreadable: A life of more than a year, or none.
    """
    if role is Role.OWNER and team_id is None:
        raise Refused("A key with the role owner acts for a team; name it.")
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise Unreadable(f"A key lives at most {LONGEST_LIFE.days} days.")
    public_id, secret = _draw(_ID_ALPHABET, _ID_LENGTH), _draw(_BASE62, _SECRET_LENGTH)
    key = ApiKey(
        public_id=public_id,
        secret_sha256=sha256(secret.encode()).digest(),
        name=name,
        role=role.value,
        team_id=team_id,
        created_at=now,
        expires_at=now + life,
    )
    session.add(key)
    session.flush()  # the id is part of the answer
    return NewKey(key, _write_token(public_id, secret))


def create_first_key(session: WriteSession, *, now: datetime) -> NewKey | None:
    """Make an administrator's key if there has never been any key."""
    # Servers that start together must not make one each.
    session.execute(text("LOCK TABLE api_key IN SHARE ROW EXCLUSIVE MODE"))
    if session.scalar(select(exists(select(ApiKey.id)))):
        return None
    return create_key(session, "first administrator", Role.ADMIN, now=now)


def find_key(session: ReadSession, public_id: str) -> ApiKey:
    """Give the key with this public id."""
    key = session.scalar(select(ApiKey).where(ApiKey.public_id == public_id))
    if key is None:
        raise NotFound(f"There is no key {public_id}.")
    return key


def list_keys(session: ReadSession, *, after: int = 0, limit: int = 50) -> list[ApiKey]:
    """List keys in the order they were made, revoked and expired ones included."""
    return list(session.scalars(select(ApiKey).where(ApiKey.id > after).order_by(ApiKey.id).limit(limit)))


def revoke_key(session: WriteSession, public_id: str, *, now: datetime) -> ApiKey:
    """Make a key invalid from now on; a key that is revoked already stays as it was."""
    key = find_key(session, public_id)
    key.revoked_at = key.revoked_at or now
    return key


def is_revoked(session: ReadSession, key_id: int | None) -> bool:
    """Tell whether a key was revoked: what it began does not go on in its name."""
    key = session.get(ApiKey, key_id) if key_id is not None else None
    return key is not None and key.revoked_at is not None


def authenticate(session: WriteSession, token: str, *, now: datetime) -> Actor:
    """Tell whose key this is, and note that it was used.

    Raises:
        Unauthenticated: Malformed, unknown, revoked or expired; the message does not say which of the first three.
    """
    public_id, secret = _read_token(token)
    key = session.scalar(select(ApiKey).where(ApiKey.public_id == public_id))
    matches = compare_digest(key.secret_sha256 if key else _NOBODY, sha256(secret.encode()).digest())
    if key is None or not matches or key.revoked_at is not None:
        raise Unauthenticated("This API key is not valid.")
    if key.expires_at <= now:
        raise Unauthenticated(f"This API key expired at {key.expires_at.isoformat()}; ask for a new one.")
    _note_use(session, key, now)
    return Actor(key.name, Role(key.role), key_id=key.id, team_id=key.team_id, key=key.public_id)


def actor_of_key(session: ReadSession, public_id: str, *, now: datetime) -> Actor:
    """Tell whom a key stands for that was shown earlier, while it is still valid.

    Raises:
        Unauthenticated: It was revoked or has expired since.
    """
    key = session.scalar(select(ApiKey).where(ApiKey.public_id == public_id))
    if key is None or key.revoked_at is not None or key.expires_at <= now:
        raise Unauthenticated("This API key is no longer valid.")
    return Actor(key.name, Role(key.role), key_id=key.id, team_id=key.team_id, key=key.public_id)


def _note_use(session: WriteSession, key: ApiKey, now: datetime) -> None:
    due = now - USE_NOTED_EVERY
    if key.last_used_at is not None and key.last_used_at > due:
        return
    # The condition is repeated for those who waited for the row: one of them has written it by now.
    still_due = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= due)
    session.execute(
        update(ApiKey).where(ApiKey.id == key.id, still_due).values(last_used_at=now),
        execution_options={"synchronize_session": False},
    )


def _read_token(token: str) -> tuple[str, str]:
    parts = _TOKEN.fullmatch(token)
    if parts is None or parts[3] != _check_digits(f"mst_{parts[1]}_{parts[2]}"):
        raise Unauthenticated("This API key is not valid.")
    return parts[1], parts[2]


def _write_token(public_id: str, secret: str) -> str:
    body = f"mst_{public_id}_{secret}"
    return body + _check_digits(body)


def _check_digits(body: str) -> str:
    number, digits = crc32(body.encode()), ""
    while len(digits) < _CHECK_LENGTH:
        number, digit = divmod(number, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits


def _draw(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))

"""What signs each webhook: made, rotated, and opened when something is sent."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select, update

from service.access.vault import Vault
from service.db import ReadSession, WriteSession, any_of
from service.feedback.models import WebhookSecret
from service.feedback.signing import SigningKey, new_key

#: After a rotation both keys sign for so long.
OVERLAP: Final = timedelta(hours=24)
_PURPOSE = "webhook"


def add_keys(
    session: WriteSession, webhook_id: int, schemes: Iterable[str], *, vault: Vault, now: datetime
) -> list[SigningKey]:
    """Draw keys for a webhook and lock them away; the keys given back are shown once."""
    keys = [new_key(scheme) for scheme in schemes]
    session.add_all(
        WebhookSecret(
            webhook_id=webhook_id,
            scheme=key.scheme,
            locked=vault.lock(_PURPOSE, key.secret),
            public_key=key.public,
            created_at=now,
        )
        for key in keys
    )
    session.flush()  # what is sent next is signed with them
    return keys


def rotate_keys(session: WriteSession, webhook_id: int, *, vault: Vault, now: datetime) -> list[SigningKey]:
    """Give a webhook new keys; those before sign beside them for `OVERLAP`."""
    current = WebhookSecret.webhook_id == webhook_id, WebhookSecret.retires_at.is_(None)
    retired = update(WebhookSecret).where(*current).values(retires_at=now + OVERLAP).returning(WebhookSecret.scheme)
    schemes = sorted(set(session.scalars(retired)))
    return add_keys(session, webhook_id, schemes, vault=vault, now=now)


def keys_of(session: ReadSession, webhook_ids: Iterable[int], *, now: datetime) -> dict[int, list[WebhookSecret]]:
    """Give the keys that sign now, locked as they are, by webhook; the newest first."""
    rows = session.scalars(
        select(WebhookSecret)
        .where(WebhookSecret.webhook_id == any_of(webhook_ids))
        .where(or_(WebhookSecret.retires_at.is_(None), WebhookSecret.retires_at > now))
        .order_by(WebhookSecret.id.desc())
    )
    keys: dict[int, list[WebhookSecret]] = {}
    for row in rows:
        keys.setdefault(row.webhook_id, []).append(row)
    return keys


def open_keys(vault: Vault, keys: Sequence[WebhookSecret]) -> list[SigningKey]:
    """Open keys.

    Raises:
        Locked: They were locked with another secret key.
    """
    return [SigningKey(key.scheme, vault.open(_PURPOSE, key.locked), key.public_key) for key in keys]

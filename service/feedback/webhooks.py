"""Webhooks as people keep them: made, changed, rotated, enabled again, removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from service.access.roles import Actor
from service.access.vault import Vault
from service.changes.models import Change
from service.changes.reading import Forgotten
from service.db import ReadSession, WriteSession
from service.errors import NotFound, Refused, Unreadable
from service.feedback.cursors import place_of
from service.feedback.fan_out import backfill
from service.feedback.keyring import add_keys
from service.feedback.models import Webhook
from service.feedback.signing import SCHEMES, SigningKey

_PREFIX = "WHK-"
#: Of a bigint, and then one less.
_MOST_DIGITS = 18


class WebhookDisabled(Refused):
    """The webhook is disabled."""

    slug = "webhook-disabled"


@dataclass(frozen=True)
class Wish:
    """What a webhook shall hear of, and where. Empty means any; a type may be ``exposure.*``."""

    url: str
    description: str = ""
    types: Sequence[str] = ()
    team_ids: Sequence[int] = ()
    product_ids: Sequence[int] = ()
    restricted: bool = False


@dataclass(frozen=True)
class NewWebhook:
    """A webhook just made; the secrets among *keys* are shown once."""

    webhook: Webhook
    keys: list[SigningKey]


def webhook_name(webhook_id: int) -> str:
    """Give the readable id of a webhook (`WHK-3`)."""
    return f"{_PREFIX}{webhook_id}"


def find_webhook(session: ReadSession, name: str, *, lock: bool = False) -> Webhook:
    """Give a webhook by its readable id; with *lock*, it stays as it is until the transaction ends."""
    digits = name.upper().removeprefix(_PREFIX)
    known = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    rows = select(Webhook).where(Webhook.id == int(digits if known else 0))
    webhook = session.scalar(rows.with_for_update().execution_options(populate_existing=True) if lock else rows)
    if webhook is None:
        raise NotFound(f"There is no webhook {name}.")
    return webhook


def list_webhooks(session: ReadSession, *, after: int = 0, limit: int = 50) -> list[Webhook]:
    """List webhooks in the order they were made, disabled ones included."""
    return list(session.scalars(select(Webhook).where(Webhook.id > after).order_by(Webhook.id).limit(limit)))


def create_webhook(
    session: WriteSession,
    wish: Wish,
    *,
    schemes: Sequence[str],
    after_seq: int | None,
    vault: Vault,
    actor: Actor,
    now: datetime,
) -> NewWebhook:
    """Make a webhook. The caller has checked its address.

    Args:
        session: The caller's transaction.
        wish: What it shall hear of.
        schemes: What signs it: `v1a`, `v1` or both.
        after_seq: It hears of the changes after this number; None: of those from now on.
        vault: Locks its secrets.
        actor: Whose it is.
        now: When it is made.

    Raises:
        Unreadable: No scheme, or one that does not exist.
        Forgotten: Changes after that number are no longer kept.
    """
    if not schemes or not set(schemes) <= set(SCHEMES):
        raise Unreadable(f"Something has to sign it: {' or '.join(SCHEMES)}, or both.")
    # Nothing is followed meanwhile: what is before this place is written here, what is after it by `fan_out`.
    place = place_of(session, "webhooks")
    webhook = Webhook(
        **_columns(wish),
        start_seq=place if after_seq is None else _kept(session, after_seq),
        key_id=actor.key_id,
        created_by=actor.name,
        created_at=now,
    )
    session.add(webhook)
    session.flush()  # its keys and deliveries name it
    if webhook.start_seq < place:
        backfill(session, webhook.id, place, now=now)
    session.refresh(webhook)
    return NewWebhook(webhook, add_keys(session, webhook.id, schemes, vault=vault, now=now))


def change_webhook(webhook: Webhook, wish: Wish) -> Webhook:
    """Let a webhook hear of other changes, or elsewhere, from now on; what waits for it goes to the new address."""
    for name, value in _columns(wish).items():
        setattr(webhook, name, value)
    webhook.version += 1
    return webhook


def enable_webhook(webhook: Webhook) -> Webhook:
    """Send to a webhook again, what has been waiting first. What happened meanwhile can be replayed."""
    webhook.enabled = True
    webhook.disabled_at = webhook.disabled_reason = webhook.failing_since = webhook.held_until = None
    webhook.version += 1
    return webhook


def refuse_disabled(webhook: Webhook) -> None:
    """Raise `WebhookDisabled` where nothing would be sent."""
    if not webhook.enabled:
        raise WebhookDisabled(f"{webhook_name(webhook.id)} is disabled: {webhook.disabled_reason}. Enable it first.")


def _columns(wish: Wish) -> dict[str, object]:
    return {
        "url": wish.url,
        "description": wish.description,
        "types": sorted(set(wish.types)),
        "team_ids": sorted(set(wish.team_ids)),
        "product_ids": sorted(set(wish.product_ids)),
        "restricted": wish.restricted,
    }


def _kept(session: ReadSession, seq: int) -> int:
    oldest = session.scalar(select(func.min(Change.seq)))
    if oldest is not None and 0 < seq < oldest - 1:
        raise Forgotten("Changes after that one are no longer kept; read what there is, and begin now.")
    return seq

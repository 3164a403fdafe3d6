"""A house whose changes leave: a database, a clock that is moved by hand, and the ways out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Engine, func, select
from stopped_clock import StoppedClock

from service.access.roles import SYSTEM
from service.access.vault import Vault
from service.changes.sequencing import number_changes
from service.changes.writing import NewChange, record_changes
from service.db import reading, writing
from service.feedback.delivering import Outlet, deliver, take
from service.feedback.fan_out import fan_out
from service.feedback.guarded_client import Guard, post
from service.feedback.models import Attempt, Delivery, Webhook
from service.feedback.replaying import attempts_of, list_deliveries
from service.feedback.signing import SigningKey
from service.feedback.webhooks import NewWebhook, Wish, create_webhook

PUBLIC_URL = "https://muster.example"


class House:
    """Changes, webhooks and deliveries; all that waits happens at once when the clock is moved."""

    def __init__(self, engine: Engine, *, patience_seconds: float = 5, guard: Guard | None = None) -> None:
        self.engine, self.clock = engine, StoppedClock()
        self.vault = Vault("a secret of the tests")
        guarded = partial(post, guard or Guard(allow_private=True), patience=timedelta(seconds=patience_seconds))
        self.outlet = Outlet(self.vault, guarded, PUBLIC_URL)

    def webhook(
        self, url: str, *, schemes: Sequence[str] = ("v1a", "v1"), after_seq: int | None = None, **wish: object
    ) -> NewWebhook:
        with writing(self.engine) as session:
            return create_webhook(
                session,
                Wish(url, **wish),  # type: ignore[arg-type]
                schemes=schemes,
                after_seq=after_seq,
                vault=self.vault,
                actor=SYSTEM,
                now=self.clock(),
            )

    def change(
        self,
        type: str = "exposure.opened",  # noqa: A002 - the word of the feed
        exposure: str | None = "EXP-41",
        *,
        incident: str | None = "INC-7",
        product: str | None = "shop",
        team: str | None = "payments",
    ) -> None:
        """Let something happen, and be numbered."""
        data = {"version": 3}
        change = NewChange(type, self.clock(), data, incident=incident, exposure=exposure, product=product, team=team)
        with writing(self.engine) as session:
            record_changes(session, change)
        with writing(self.engine) as session:
            number_changes(session)

    def fan_out(self) -> int:
        with writing(self.engine) as session:
            return fan_out(session, now=self.clock())

    def work(self) -> int:
        """Send whatever is due now; gives how many attempts were made."""
        self.fan_out()
        done = 0
        while True:
            with writing(self.engine) as session:
                parcels = take(session, 100, now=self.clock())
            for parcel in parcels:
                deliver(self.engine, self.outlet, parcel, clock=self.clock)
            done += len(parcels)
            if not parcels:
                return done

    def pass_time(self, by: timedelta) -> None:
        """Move the clock, and stop wherever something is due."""
        until = self.clock() + by
        self.work()
        while (due := self._next_due()) is not None and due <= until:
            self.clock.now = max(due, self.clock())
            self.work()
        self.clock.now = until
        self.work()

    def _next_due(self) -> datetime | None:
        with reading(self.engine) as session:
            waiting = select(func.min(func.greatest(Delivery.due_at, Delivery.locked_until, Webhook.held_until))).join(
                Webhook, Webhook.id == Delivery.webhook_id
            )
            due: datetime | None = session.scalar(waiting.where(Delivery.state == "waiting", Webhook.enabled))
            return due

    # --- what can be seen --------------------------------------------------------------------------------------------

    def state(self, webhook: NewWebhook) -> Webhook:
        with reading(self.engine) as session:
            return session.get_one(Webhook, webhook.webhook.id)

    def deliveries(self, webhook: NewWebhook) -> list[Delivery]:
        with reading(self.engine) as session:
            return list(reversed(list_deliveries(session, webhook.webhook.id, state=None, limit=1000)))

    def attempts(self, webhook: NewWebhook) -> list[Attempt]:
        with reading(self.engine) as session:
            log = attempts_of(session, [one.id for one in self.deliveries(webhook)])
            return [attempt for attempts in log.values() for attempt in attempts]

    def log(self, webhook: NewWebhook, title: str) -> list[str]:
        """Give the reasons of all attempts, and print the log as people would read it."""
        print(f"\n{title}")
        since = self.deliveries(webhook)[0].at
        for delivery in self.deliveries(webhook):
            print(f"  delivery {delivery.id} of change {delivery.seq}: {delivery.state}")
        for attempt in self.attempts(webhook):
            after, said = attempt.at - since, f" | {attempt.response[:40]}" if attempt.response else ""
            print(f"    +{after!s:>16}  {attempt.status or '---'}  {attempt.reason}{said}")
        state = self.state(webhook)
        if not state.enabled:
            print(f"  disabled: {state.disabled_reason}")
        return [attempt.reason for attempt in self.attempts(webhook)]


def secret_of(new: NewWebhook | Sequence[SigningKey]) -> str:
    """Give the shared secret that was just made."""
    keys = new.keys if isinstance(new, NewWebhook) else new
    return next(key.secret for key in keys if key.scheme == "v1")

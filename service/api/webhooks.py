"""``/v1/webhooks``: addresses that are told of changes; made, changed, rotated, removed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from service.access import audit
from service.access.teams import get_team, team_names
from service.api.cursors import Cursors
from service.api.deps import (
    Configured,
    CurrentActor,
    IfMatch,
    Listing,
    Now,
    Read,
    Write,
    check_version,
    etag,
    listing,
    may,
)
from service.api.problems import Gone, problems
from service.api.schemas import Answer, Body, Page
from service.changes.reading import Forgotten
from service.db import ReadSession
from service.feedback import webhooks
from service.feedback.keyring import keys_of, rotate_keys
from service.feedback.models import Webhook
from service.feedback.outlet import guard_of, vault_of
from service.feedback.replaying import waiting_counts
from service.feedback.signing import SigningKey
from service.feedback.webhooks import Wish, find_webhook, webhook_name
from service.inventory.products import find_product, slugs_of

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], dependencies=[Depends(may("manage_webhooks"))])

Url = Annotated[str, Field(min_length=1, max_length=2_000, examples=["https://hooks.example/muster"])]
Text = Annotated[str, Field(max_length=1_000)]
Types = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-z_]+\.([a-z_]+|\*)$", max_length=100)]],
    Field(max_length=100, description="as in `exposure.opened` or `exposure.*`; empty: all"),
]
Names = Annotated[list[str], Field(max_length=500)]
Scheme = Literal["v1a", "v1"]


class WebhookOut(Answer):
    """A webhook without its secrets."""

    id: str = Field(examples=["WHK-3"])
    url: str
    description: str
    types: list[str]
    teams: list[str] = Field(description="only changes of what these own; empty: all")
    products: list[str] = Field(description="only changes of these; empty: all")
    restricted: bool = Field(description="hears of incidents under embargo too")
    signatures: list[str] = Field(examples=[["v1a", "v1"]])
    public_keys: list[str] = Field(description="what `v1a` is verified with; two for a day after a rotation")
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    failing_since: datetime | None = Field(description="the first failure after the last success")
    succeeded_at: datetime | None = Field(description="the last success, to the minute")
    waiting: int = Field(description="deliveries that are still to be made")
    created_by: str
    created_at: datetime
    version: int


class NewWebhookOut(WebhookOut):
    """A webhook with the keys that were just made."""

    secret: str | None = Field(description="what `v1` is verified with; shown this once", examples=["whsec_MfKQ9r8G"])
    public_key: str | None = Field(description="what `v1a` is verified with", examples=["whpk_4cQ2uH0v"])


class WebhookPage(Page[WebhookOut]):
    """Webhooks in the order they were made."""


class WebhookChanges(Body):
    """What shall be different; what is left out stays."""

    url: Url | None = None
    description: Text | None = None
    types: Types | None = None
    teams: Names | None = None
    products: Names | None = None
    restricted: bool | None = None


class NewWebhookIn(Body):
    """A webhook to be made."""

    url: Url
    description: Text = ""
    types: Types = Field([])
    teams: Names = Field([])
    products: Names = Field([])
    restricted: bool = Field(False, description="tell it of incidents under embargo too")
    signatures: list[Scheme] = Field(
        ["v1a", "v1"], description="`v1a`: ed25519, verified with a public key; `v1`: a shared secret"
    )
    after: str | None = Field(None, max_length=2_000, description="a cursor of `/v1/changes`; left out: from now on")


@router.get("")
def index(session: Read, now: Now, place: Annotated[Listing, Depends(listing("webhooks"))]) -> WebhookPage:
    """List webhooks, disabled ones included."""
    rows = webhooks.list_webhooks(session, after=place.after(0), limit=place.limit + 1)
    page, following = place.cut(rows, lambda row: row.id)
    return WebhookPage(items=shapes(session, page, now), next=following)


@router.post("", status_code=201, responses=problems(404, 409, 410, 422))
def create(
    body: NewWebhookIn, request: Request, session: Write, settings: Configured, actor: CurrentActor, now: Now
) -> NewWebhookOut:
    """Make a webhook. The answer shows its secret, once."""
    guard_of(settings).check_url(body.url)
    cursors: Cursors = request.app.state.cursors
    after_seq = int(cursors.read("changes", body.after)[0]) if body.after else None
    team_ids, product_ids = _team_ids(session, body.teams), _product_ids(session, body.products)
    wish = Wish(body.url, body.description, body.types, team_ids, product_ids, body.restricted)
    try:
        new = webhooks.create_webhook(
            session,
            wish,
            schemes=body.signatures,
            after_seq=after_seq,
            vault=vault_of(settings),
            actor=actor,
            now=now,
        )
    except Forgotten as error:
        raise Gone(error.detail) from error
    said = body.model_dump(exclude={"after"})
    audit.record(session, actor, "webhook.create", webhook_name(new.webhook.id), said, now=now)
    return _with_keys(session, new.webhook, new.keys, now)


@router.get("/{webhook}", responses=problems(404))
def show(webhook: str, session: Read, response: Response, now: Now) -> WebhookOut:
    """Give one webhook; its ETag is needed to change it."""
    return _answer(session, find_webhook(session, webhook), response, now)


@router.patch("/{webhook}", responses=problems(404, 409, 412, 428))
def patch(
    webhook: str,
    body: WebhookChanges,
    session: Write,
    settings: Configured,
    response: Response,
    actor: CurrentActor,
    now: Now,
    if_match: IfMatch = None,
) -> WebhookOut:
    """Let a webhook hear of other changes, or elsewhere, from now on. What waits goes to the new address."""
    row = find_webhook(session, webhook, lock=True)
    check_version(if_match, row.version)
    if body.url is not None:
        guard_of(settings).check_url(body.url)
    webhooks.change_webhook(row, _wish(session, row, body))
    said = body.model_dump(exclude_none=True)
    audit.record(session, actor, "webhook.change", webhook_name(row.id), said, now=now)
    return _answer(session, row, response, now)


@router.delete("/{webhook}", status_code=204, response_class=Response, responses=problems(404))
def remove(webhook: str, session: Write, actor: CurrentActor, now: Now) -> None:
    """Remove a webhook, with all that waits for it and its log."""
    row = find_webhook(session, webhook, lock=True)
    session.delete(row)
    audit.record(session, actor, "webhook.remove", webhook_name(row.id), {"url": row.url}, now=now)


@router.post("/{webhook}:rotate", responses=problems(404, 409))
def rotate(webhook: str, session: Write, settings: Configured, actor: CurrentActor, now: Now) -> NewWebhookOut:
    """Give a webhook new keys; those before sign beside them for 24 hours."""
    row = find_webhook(session, webhook, lock=True)
    keys = rotate_keys(session, row.id, vault=vault_of(settings), now=now)
    audit.record(session, actor, "webhook.rotate", webhook_name(row.id), now=now)
    return _with_keys(session, row, keys, now)


@router.post("/{webhook}:enable", responses=problems(404))
def enable(webhook: str, session: Write, response: Response, actor: CurrentActor, now: Now) -> WebhookOut:
    """Send to a webhook again, what has been waiting first; `:replay` brings what happened meanwhile."""
    row = webhooks.enable_webhook(find_webhook(session, webhook, lock=True))
    audit.record(session, actor, "webhook.enable", webhook_name(row.id), now=now)
    return _answer(session, row, response, now)


# --- shapes ----------------------------------------------------------------------------------------------------------


def shapes(session: ReadSession, rows: Sequence[Webhook], now: datetime) -> list[WebhookOut]:
    """Give webhooks as they are shown; many cost as many statements as one."""
    ids = [row.id for row in rows]
    teams = team_names(session, {id_ for row in rows for id_ in row.team_ids})
    products = slugs_of(session, {id_ for row in rows for id_ in row.product_ids})
    keys, waiting = keys_of(session, ids, now=now), waiting_counts(session, ids)
    return [
        WebhookOut(
            id=webhook_name(row.id),
            url=row.url,
            description=row.description,
            types=row.types,
            teams=sorted(teams[id_] for id_ in row.team_ids),
            products=sorted(products[id_] for id_ in row.product_ids),
            restricted=row.restricted,
            signatures=sorted({key.scheme for key in keys.get(row.id, [])}, reverse=True),
            public_keys=[key.public_key for key in keys.get(row.id, []) if key.public_key],
            enabled=row.enabled,
            disabled_at=row.disabled_at,
            disabled_reason=row.disabled_reason,
            failing_since=row.failing_since,
            succeeded_at=row.succeeded_at,
            waiting=waiting.get(row.id, 0),
            created_by=row.created_by,
            created_at=row.created_at,
            version=row.version,
        )
        for row in rows
    ]


def _answer(session: ReadSession, row: Webhook, response: Response, now: datetime) -> WebhookOut:
    response.headers["ETag"] = etag(row.version)
    return shapes(session, [row], now)[0]


def _with_keys(session: ReadSession, row: Webhook, keys: Sequence[SigningKey], now: datetime) -> NewWebhookOut:
    made = {key.scheme: key for key in keys}
    shown = shapes(session, [row], now)[0].model_dump()
    secret, pair = made.get("v1"), made.get("v1a")
    return NewWebhookOut(**shown, secret=secret.secret if secret else None, public_key=pair.public if pair else None)


def _wish(session: ReadSession, row: Webhook, body: WebhookChanges) -> Wish:
    return Wish(
        url=row.url if body.url is None else body.url,
        description=row.description if body.description is None else body.description,
        types=row.types if body.types is None else body.types,
        team_ids=row.team_ids if body.teams is None else _team_ids(session, body.teams),
        product_ids=row.product_ids if body.products is None else _product_ids(session, body.products),
        restricted=row.restricted if body.restricted is None else body.restricted,
    )


def _team_ids(session: ReadSession, names: Sequence[str]) -> list[int]:
    return [get_team(session, name).id for name in names]


def _product_ids(session: ReadSession, slugs: Sequence[str]) -> list[int]:
    return [find_product(session, slug).id for slug in slugs]

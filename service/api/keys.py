"""``/v1/keys``: API keys, for administrators."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from service.access import audit
from service.access.keys import create_key, list_keys, revoke_key
from service.access.models import ApiKey
from service.access.roles import BINDABLE, Role
from service.access.teams import get_team, team_names
from service.api.deps import CurrentActor, Listing, Now, Read, Write, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, Body, Page
from service.db import ReadSession
from service.errors import Refused
from service.inventory.bindings import bind_key, bound_slugs
from service.inventory.products import find_product

router = APIRouter(prefix="/v1/keys", tags=["keys"], dependencies=[Depends(may("manage_keys"))])


class KeyOut(Answer):
    """A key without its secret."""

    id: str
    name: str
    role: Role
    team: str | None
    products: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewKeyOut(KeyOut):
    """A key just made."""

    key: str = Field(description="the key itself; shown this once")


class KeyPage(Page[KeyOut]):
    """Keys in the order they were made."""


class NewKeyIn(Body):
    """A key to be made."""

    name: str = Field(min_length=1, max_length=200)
    role: Role = Field(strict=False)
    team: str | None = Field(None, description="needed for the role owner")
    products: list[str] = Field([], description="for uploader and integration: touches these, sees no others")
    life_days: int = Field(365, ge=1, le=365)


@router.get("")
def index(session: Read, place: Annotated[Listing, Depends(listing("keys"))]) -> KeyPage:
    """List keys, revoked and expired ones included."""
    rows = list_keys(session, after=place.after(0), limit=place.limit + 1)
    page, following = place.cut(rows, lambda key: key.id)
    return KeyPage(items=_shapes(session, page), next=following)


@router.post("", status_code=201, responses=problems(404, 409, 422))
def create(body: NewKeyIn, session: Write, actor: CurrentActor, now: Now) -> NewKeyOut:
    """Make a key. The answer shows it, once."""
    if body.products and body.role not in BINDABLE:
        raise Refused("Only a key with the role uploader or integration can be bound to products.")
    team_id = get_team(session, body.team).id if body.team else None
    new = create_key(session, body.name, body.role, team_id=team_id, now=now, life=timedelta(days=body.life_days))
    bind_key(session, new.key.id, [find_product(session, slug).id for slug in body.products])
    audit.record(session, actor, "key.create", new.key.public_id, {"name": body.name, "role": body.role}, now=now)
    shown = _shapes(session, [new.key])[0]
    return NewKeyOut(**shown.model_dump(), key=new.token)


@router.delete("/{key}", status_code=204, responses=problems(404))
def revoke(key: str, session: Write, actor: CurrentActor, now: Now) -> None:
    """Revoke a key; it stays in the list."""
    revoke_key(session, key, now=now)
    audit.record(session, actor, "key.revoke", key, now=now)


def _shapes(session: ReadSession, keys: Sequence[ApiKey]) -> list[KeyOut]:
    teams = team_names(session, [key.team_id for key in keys if key.team_id])
    products = bound_slugs(session, [key.id for key in keys])
    return [
        KeyOut(
            id=key.public_id,
            name=key.name,
            role=Role(key.role),
            team=teams.get(key.team_id or 0),
            products=products.get(key.id, []),
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
            revoked_at=key.revoked_at,
        )
        for key in keys
    ]

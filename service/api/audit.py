"""``/v1/audit``: who did what, when and from where, the newest first; and where the chain of it ends."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from service.access.audit import Wanted, list_audit
from service.access.chaining import head_of, unchained
from service.access.models import Audit
from service.api.deps import Listing, Now, Read, listing, may
from service.api.schemas import Answer, Instant, Page
from service.errors import Unreadable

router = APIRouter(prefix="/v1/audit", tags=["audit"], dependencies=[Depends(may("read_audit"))])

When = Annotated[Instant | None, Query()]


class ActOut(Answer):
    """One act."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    key: str | None = Field(description="the id of the key that was used")
    address: str | None = Field(description="where the request came from")
    request_id: str | None = Field(description="the request's `X-Request-Id`, as the log has it")
    seq: int | None = Field(description="its place in the chain; null for the moment until it has one")
    hash: str | None = Field(description="SHA-256 over the hash before it and its own content")


class ActPage(Page[ActOut]):
    """Acts, the newest first."""


class HeadOut(Answer):
    """Where the chain ends. Kept on another machine, it proves later that nothing before it was changed."""

    seq: int = Field(examples=[4711])
    hash: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    at: datetime = Field(description="now")
    waiting: int = Field(description="rows that have yet to take their place")
    waiting_since: datetime | None


@router.get("")
def index(
    session: Read,
    place: Annotated[Listing, Depends(listing("audit"))],
    actor: Annotated[str | None, Query(description="the name of a key, or `command line`")] = None,
    action: Annotated[str | None, Query(description="`key.create`, or `key` for all that was done to keys")] = None,
    subject: Annotated[str | None, Query(description="a readable id: `EXP-41`")] = None,
    since: When = None,
    until: When = None,
) -> ActPage:
    """List who did what, the newest first; `since` is included, `until` is not."""
    if any(at is not None and at.tzinfo is None for at in (since, until)):
        raise Unreadable("since= and until= need a time zone: 2024-03-29T15:38:00Z.")
    wanted = Wanted(actor, action, subject, since, until)
    rows = list_audit(session, wanted, before=place.after(None), limit=place.limit + 1)
    page, following = place.cut(rows, lambda act: act.id)
    return ActPage(items=[_shape(act) for act in page], next=following)


@router.get("/head")
def head(session: Read, now: Now) -> HeadOut:
    """Say where the chain of the record ends."""
    end, (waiting, since) = head_of(session), unchained(session)
    return HeadOut(seq=end.seq, hash=end.hash.hex(), at=now, waiting=waiting, waiting_since=since)


def _shape(act: Audit) -> ActOut:
    return ActOut(
        id=act.id,
        at=act.at,
        actor=act.actor,
        action=act.action,
        subject=act.subject,
        detail=act.detail,
        key=act.key,
        address=act.address,
        request_id=act.request_id,
        seq=act.seq,
        hash=act.hash.hex() if act.hash else None,
    )

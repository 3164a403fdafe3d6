"""``/v1/products/{product}/streams``: the lines of builds of a product."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends

from service.access import audit
from service.api.deps import CurrentActor, Listing, Now, Read, Write, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, Page, Reason
from service.inventory.models import Stream
from service.inventory.products import find_product, find_stream, list_streams, retire_stream, revive_stream

router = APIRouter(prefix="/v1/products/{product}/streams", tags=["products"])


class StreamOut(Answer):
    """A stream."""

    name: str
    kind: Literal["tracked", "preview"]
    created_at: datetime
    last_upload_at: datetime | None
    retired_at: datetime | None
    retired_reason: str | None


class StreamPage(Page[StreamOut]):
    """Streams by name."""


@router.get("", dependencies=[Depends(may("read"))], responses=problems(404))
def index(product: str, session: Read, place: Annotated[Listing, Depends(listing("streams"))]) -> StreamPage:
    """List a product's streams, retired ones included."""
    row = find_product(session, product)
    rows = list_streams(session, row.id, after=place.after(""), limit=place.limit + 1)
    page, following = place.cut(rows, lambda stream: stream.name)
    return StreamPage(items=[StreamOut.model_validate(stream) for stream in page], next=following)


# A stream may be named after a branch, slashes included.
@router.post(
    "/{stream:path}:retire",
    response_model=StreamOut,
    dependencies=[Depends(may("manage_products"))],
    responses=problems(404, 409),
)
def retire(product: str, stream: str, body: Reason, session: Write, actor: CurrentActor, now: Now) -> Stream:
    """Take a stream out of the field; its exposures end as retired."""
    found = find_product(session, product)
    row = find_stream(session, found.id, stream)
    retire_stream(session, row, reason=body.reason, now=now)
    audit.record(session, actor, "stream.retire", f"{found.slug}/{stream}", {"reason": body.reason}, now=now)
    return row


@router.post(
    "/{stream:path}:revive",
    response_model=StreamOut,
    dependencies=[Depends(may("manage_products"))],
    responses=problems(404, 409),
)
def revive(product: str, stream: str, session: Write, actor: CurrentActor, now: Now) -> Stream:
    """Put a retired stream back into the field."""
    found = find_product(session, product)
    row = find_stream(session, found.id, stream)
    revive_stream(session, row)
    audit.record(session, actor, "stream.revive", f"{found.slug}/{stream}", now=now)
    return row

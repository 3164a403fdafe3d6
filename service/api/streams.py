"""``/v1/products/{product}/streams``: the lines of builds of a product."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from service.api.deps import CurrentActor, Listing, Now, Primary, Read, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, Page, Reason
from service.flows import retiring
from service.inventory.models import Stream
from service.inventory.products import find_product, list_streams

router = APIRouter(prefix="/v1/products/{product}/streams", tags=["products"])


class StreamOut(Answer):
    """A stream."""

    name: str
    kind: Literal["tracked", "preview"]
    created_at: datetime
    last_upload_at: datetime | None
    stale_since: datetime | None = Field(description="silent since then for so long that it proves nothing any more")
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
def retire(product: str, stream: str, body: Reason, engine: Primary, actor: CurrentActor, now: Now) -> Stream:
    """Take a stream out of the field; its exposures end as retired."""
    return retiring.retire(engine, product, stream, reason=body.reason, actor=actor, now=now)


@router.post(
    "/{stream:path}:revive",
    response_model=StreamOut,
    dependencies=[Depends(may("manage_products"))],
    responses=problems(404, 409),
)
def revive(product: str, stream: str, engine: Primary, actor: CurrentActor, now: Now) -> Stream:
    """Put a retired stream back into the field; what is affected in it opens again."""
    return retiring.revive(engine, product, stream, actor=actor, now=now)

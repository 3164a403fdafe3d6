"""``/v1/products/{product}/releases``: uploads with a version label."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from service.api.deps import CurrentActor, Listing, Now, Primary, Read, Write, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, Body, Page
from service.clock import from_micros
from service.flows import retiring
from service.inventory.products import find_product
from service.inventory.releases import Labelled, find_release, list_releases

router = APIRouter(prefix="/v1/products/{product}/releases", tags=["products"])


class ReleaseOut(Answer):
    """A release."""

    version: str
    stream: str
    sbom: int = Field(description="the newest upload with this label")
    at: datetime | None
    supported: bool = Field(description="in the field beside its stream's newest upload")
    retired_at: datetime | None


class ReleasePage(Page[ReleaseOut]):
    """Releases in the order they were first seen."""


class ReleasePatch(Body):
    """What changes."""

    supported: bool | None = None
    retired: bool | None = None


@router.get("", dependencies=[Depends(may("read"))], responses=problems(404))
def index(product: str, session: Read, place: Annotated[Listing, Depends(listing("releases"))]) -> ReleasePage:
    """List a product's releases."""
    row = find_product(session, product)
    rows = list_releases(session, row.id, after=place.after(0), limit=place.limit + 1)
    page, following = place.cut(rows, lambda labelled: labelled.release.id)
    return ReleasePage(items=[_shape(labelled) for labelled in page], next=following)


@router.patch(
    "/{version:path}",
    dependencies=[Depends(may("manage_products"))],
    responses=problems(404, 409),
)
def patch(
    product: str,
    version: str,
    body: ReleasePatch,
    engine: Primary,
    session: Write,
    actor: CurrentActor,
    now: Now,
    stream: Annotated[str | None, Query(description="needed where several streams have this version")] = None,
) -> ReleaseOut:
    """Say whether a release is supported, or retired; exposures follow."""
    retiring.support(
        engine,
        product,
        version,
        supported=body.supported,
        retired=body.retired,
        stream=stream,
        actor=actor,
        now=now,
    )
    return _shape(find_release(session, find_product(session, product), version, stream=stream))


def _shape(labelled: Labelled) -> ReleaseOut:
    release = labelled.release
    return ReleaseOut(
        version=release.version,
        stream=labelled.stream,
        sbom=release.upload_id,
        at=from_micros(labelled.at_us),
        supported=release.supported,
        retired_at=release.retired_at,
    )

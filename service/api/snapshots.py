"""``/v1/changes:snapshot``: all there is now, and the cursor from which the feed goes on."""

from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from service.access.teams import get_team
from service.api.deps import Limit, Listing, Now, Read, listing, may
from service.api.problems import problems
from service.api.recording import exports
from service.api.schemas import Answer, Page
from service.changes.reading import last_seq
from service.incidents.snapshot import Place, part_of_snapshot
from service.inventory.products import find_product

router = APIRouter(tags=["changes"])


class StateOut(Answer):
    """An incident or exposure as it is now, as the feed shows it in `data`."""

    type: Literal["incident", "exposure"]
    data: dict[str, Any]


class SnapshotPage(Page[StateOut]):
    """Part of all there is. Read on with `next` to the end, and then the feed with `cursor`."""

    cursor: str = Field(description="goes to `GET /v1/changes?after=`; the same on every page")


@router.get(
    "/v1/changes:snapshot",
    dependencies=[Depends(may("read_changes")), Depends(exports("changes.snapshot"))],
    responses=problems(404),
)
def snapshot(
    request: Request,
    session: Read,
    now: Now,
    place: Annotated[Listing, Depends(listing("snapshot"))],
    limit: Limit = 50,
    team: Annotated[str | None, Query(description="what this team has")] = None,
    product: Annotated[str | None, Query(description="a slug")] = None,
) -> SnapshotPage:
    """Read every incident and exposure that you may see, to begin with or after a 410.

    What you kept and do not find here is gone. What changes meanwhile is in the feed after `cursor`.
    """
    seq, kind, after = place.position or (last_seq(session), "incident", 0)
    part = part_of_snapshot(
        session,
        Place(cast("Literal['incident', 'exposure']", kind), int(after)),
        limit=limit,
        now=now,
        team_id=get_team(session, team).id if team else None,
        product_id=find_product(session, product).id if product else None,
    )
    following = part.following
    return SnapshotPage(
        items=[StateOut.model_validate({"type": kind, "data": values}) for kind, values in part.items],
        next=place.write(int(seq), following.kind, following.after) if following else None,
        cursor=request.app.state.cursors.write("changes", int(seq)),
    )

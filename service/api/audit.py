"""``/v1/audit``: who did what, the newest first."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from service.access.audit import list_audit
from service.api.deps import Listing, Read, listing, may
from service.api.schemas import Answer, Page

router = APIRouter(prefix="/v1/audit", tags=["audit"])


class ActOut(Answer):
    """One act."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


class ActPage(Page[ActOut]):
    """Acts, the newest first."""


@router.get("", dependencies=[Depends(may("read_audit"))])
def index(session: Read, place: Annotated[Listing, Depends(listing("audit"))]) -> ActPage:
    """List who did what, the newest first."""
    rows = list_audit(session, before=place.after(None), limit=place.limit + 1)
    page, following = place.cut(rows, lambda act: act.id)
    return ActPage(items=[ActOut.model_validate(act) for act in page], next=following)

"""``/v1/metrics/response``: how fast and how well the organisation responds, as JSON and CSV."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from io import StringIO
from itertools import groupby
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import Field

from service.access.teams import get_team
from service.access.visits import mark_export
from service.api.deps import Listing, Now, Read, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, AwareInstant, Page
from service.errors import Unreadable
from service.incidents.measures import MEASURES, By, Number, Slice, Window
from service.incidents.numbers import numbers
from service.inventory.products import find_product

router = APIRouter(prefix="/v1/metrics", tags=["numbers"])

#: What is asked for where nobody says since when.
USUAL = timedelta(days=30)
_LONGEST = timedelta(days=366 * 5)


class BadPeriod(Unreadable):
    """The period ends before it begins, or is too long."""

    slug = "bad-period"


class MeasureOut(Answer):
    """What a number counts."""

    unit: str
    definition: str


class NumberOut(Answer):
    """One figure. A share is `part` of `whole`; a time rests on `whole` episodes; null: there is nothing to count."""

    measure: str
    group: str | None = Field(description="the team, product or priority; null: all of them")
    origin: str | None = Field(description="new, or baseline: what products brought along; null: makes no difference")
    value: float | None
    part: int | None
    whole: int | None


class NumbersPage(Page[NumberOut]):
    """The numbers of a period, by group; a page holds whole groups."""

    from_at: datetime = Field(serialization_alias="from")
    to: datetime = Field(description="exclusive")
    as_of: datetime
    by: By
    measures: dict[str, MeasureOut] = Field(description="by name: what is counted, word for word")


_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
_COLUMNS = ("measure", "unit", "group", "origin", "value", "part", "whole", "from", "to", "definition")


@router.get(
    "/response",
    dependencies=[Depends(may("read_incidents"))],
    response_model=NumbersPage,
    responses=_CSV | problems(404),
)
def response(
    request: Request,
    session: Read,
    now: Now,
    place: Annotated[Listing, Depends(listing("numbers"))],
    from_at: Annotated[AwareInstant | None, Query(alias="from", description="absent: thirty days before `to`")] = None,
    to: Annotated[AwareInstant | None, Query(description="exclusive; absent: now")] = None,
    by: Annotated[By, Query(description="how to divide them")] = "all",
    team: Annotated[str | None, Query(description="only this team's")] = None,
    product: Annotated[str | None, Query(description="only this product's")] = None,
    priority: Annotated[Literal["act", "attend", "track*", "track"] | None, Query(description="only of this")] = None,
    as_format: Annotated[
        Literal["json", "csv"], Query(alias="format", description="csv gives all groups at once")
    ] = "json",
) -> Response | NumbersPage:
    """Give the numbers of response: seen, proved over, late, reopened, exposed, covered, declared.

    `measures` defines each. In a list by team, product or priority, `limit` counts groups.
    """
    window = _window(from_at, to, now)
    asked = Slice(
        by,
        get_team(session, team).id if team else None,
        find_product(session, product).id if product else None,
        priority,
    )
    found = numbers(session, window, asked)
    if as_format == "csv":
        mark_export(request.scope, "numbers")
        headers = {"Content-Disposition": 'attachment; filename="response.csv"'}
        return PlainTextResponse(_as_csv(found, window), media_type="text/csv; charset=utf-8", headers=headers)
    page, following = _page(found, place)
    return NumbersPage(
        items=[NumberOut.model_validate(one) for one in page],
        next=following,
        from_at=window.from_at,
        to=window.to_at,
        as_of=now,
        by=by,
        measures={name: MeasureOut(unit=one.unit, definition=one.definition) for name, one in MEASURES.items()},
    )


def _window(from_at: datetime | None, to: datetime | None, now: datetime) -> Window:
    end = to or now
    begin = from_at or end - USUAL
    if not timedelta(0) < end - begin <= _LONGEST:
        raise BadPeriod("`to` lies behind `from`, and five years at most behind it.")
    return Window(begin, end, now)


def _page(found: Sequence[Number], place: Listing) -> tuple[list[Number], str | None]:
    """Cut between groups; they come in the order of their names."""
    after = place.after("")
    groups = [(name, list(its)) for name, its in groupby(found, lambda one: one.group or "")]
    groups = [(name, its) for name, its in groups if not after or name > after]
    page, following = place.cut(groups, lambda group: group[0])
    return [one for _, its in page for one in its], following


def _as_csv(found: Iterable[Number], window: Window) -> str:
    text = StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(_COLUMNS)
    period = (window.from_at.isoformat(), window.to_at.isoformat())
    for one in found:
        measure = MEASURES[one.measure]
        row = (one.measure, measure.unit, one.group, one.origin, one.value, one.part, one.whole)
        table.writerow([_cell(value) for value in (*row, *period, measure.definition)])
    return text.getvalue()


def _cell(value: object) -> str:
    """Write a value so that no spreadsheet takes it for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text

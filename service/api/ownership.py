"""``/v1/ownership-rules`` and ``/v1/ownership:explain``: who owns what, in which order, and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from pydantic import Field, ValidationError

from service.access.roles import Actor
from service.access.teams import team_names
from service.access.visits import mark_export, mark_reading
from service.api.deps import IfMatch, Now, Primary, Read, check_version, etag, may
from service.api.problems import problems
from service.api.schemas import Answer, Body, Page
from service.db import ReadSession
from service.errors import TooLarge, Unreadable, Unsupported
from service.flows import reowning
from service.flows.reowning import Replaced
from service.incidents.owner_explained import explain as explained
from service.incidents.ownership import Reowned
from service.incidents.representing import exposure_name, incident_name
from service.inventory.ownership_file import MOST_NOTE, MOST_RULES, Stated, read_file, write_file
from service.inventory.ownership_sets import kept_rules, version_of
from service.inventory.products import slugs_of

router = APIRouter(prefix="/v1", tags=["ownership"])

_MOST_BYTES = 4 * 1024 * 1024


class OwnershipRuleIn(Body):
    """A rule. It needs a pattern of products, one of purls, or both; ``*`` stands for any characters."""

    product: str | None = Field(None, description="a slug, with * for any characters, or tag:name")
    purl: str | None = Field(None, description="pkg:type/name, with * for any characters; a version is optional")
    team: str
    note: str = Field("", max_length=MOST_NOTE, description="one line, for people")


class OwnershipRulesIn(Body):
    """All rules, in order; of two that are as specific, the earlier one counts."""

    items: list[OwnershipRuleIn] = Field(max_length=MOST_RULES)


class OwnershipRuleOut(Answer):
    """A rule, and who made it."""

    position: int
    product: str | None
    purl: str | None
    team: str
    note: str
    made_by: str
    made_at: datetime


class OwnershipRulesOut(Page[OwnershipRuleOut]):
    """All rules, in order."""

    version: int


class NewOwnerOut(Answer):
    """An exposure that would change hands."""

    exposure: str
    incident: str
    product: str
    former: str = Field(serialization_alias="from", description="the team that has it")
    to: str
    reason: str


class RulesReplacedOut(Answer):
    """What came of new rules, or would."""

    rules: int
    version: int
    dry_run: bool
    changed: int = Field(description="exposures that changed hands, or would")
    changes: list[NewOwnerOut] = Field(description="in a dry run: which, 500 at most")
    warnings: list[str] = Field(description="what is allowed, and yet may not be meant")


class OwnershipStepOut(Answer):
    """One step on the way to the owner."""

    step: str
    rule: str | None = Field(description="what the rule is about")
    team: str | None
    hit: bool
    detail: str


class OwnershipExplainedOut(Answer):
    """Who owns it; the last step is the one that hit."""

    product: str
    purl: str | None
    vulnerability: str | None
    exposure: str | None
    owner: dict[str, str] = Field(description="team and reason", examples=[{"team": "web", "reason": "rule for pay-*"}])
    steps: list[OwnershipStepOut]


_EXAMPLE = "payments-*  payments  # all of them\npayments-api:pkg:npm/*  web\npkg:deb/debian/xz-utils  platform\n"
_CONTENT = {
    "application/json": {"schema": OwnershipRulesIn.model_json_schema(ref_template="#/components/schemas/{model}")},
    "text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE},
}


@router.get(
    "/ownership-rules",
    dependencies=[Depends(may("read"))],
    response_model=OwnershipRulesOut,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}}}},
)
def index(request: Request, session: Read, response: Response) -> Response | OwnershipRulesOut:
    """Give all ownership rules, in order; with ``Accept: text/plain`` as a file. Its ETag is needed to change them."""
    rules, version = kept_rules(session), version_of(session)
    if request.headers.get("accept", "").lower().startswith("text/plain"):
        mark_export(request.scope, "ownership-rules")
        text = write_file(kept.rule for kept in rules)
        return PlainTextResponse(text, headers={"ETag": etag(version), "Vary": "Accept"})
    response.headers["ETag"], response.headers["Vary"] = etag(version), "Accept"
    items = [
        OwnershipRuleOut(
            position=position,
            product=kept.rule.product,
            purl=kept.rule.purl,
            team=kept.rule.team,
            note=kept.rule.note,
            made_by=kept.made_by,
            made_at=kept.made_at,
        )
        for position, kept in enumerate(rules, start=1)
    ]
    return OwnershipRulesOut(items=items, next=None, version=version)


async def _stated(request: Request) -> list[Stated]:
    """Read the rules that are sent, as JSON or as a file."""
    data = await _body(request)
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind == "text/plain":
        try:
            return read_file(data.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise Unreadable("The file is not text in UTF-8.") from error
    if kind != "application/json":
        raise Unsupported("Send the rules as application/json, or as a file in text/plain.")
    try:
        sent = OwnershipRulesIn.model_validate_json(data)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found) from error
    return [Stated(rule.product, rule.purl, rule.team, rule.note, f"/items/{n}") for n, rule in enumerate(sent.items)]


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > _MOST_BYTES:
            raise TooLarge(f"Ownership rules are {_MOST_BYTES:,} bytes at most.")
    return bytes(data)


@router.put(
    "/ownership-rules",
    responses=problems(412, 413, 415, 422, 428),
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
)
def put(
    actor: Annotated[Actor, Depends(may("manage_rules"))],  # before the body: nobody's is read
    stated: Annotated[list[Stated], Depends(_stated)],
    request: Request,
    engine: Primary,
    session: Read,
    response: Response,
    now: Now,
    *,
    dry_run: Annotated[bool, Query(description="only say which exposures would change hands")] = False,
    if_match: IfMatch = None,
) -> RulesReplacedOut:
    """Replace all ownership rules. Exposures follow, except those whose owner somebody chose."""
    if dry_run:
        mark_reading(request.scope)
        outcome = reowning.try_rules(session, stated)
    else:
        check = _checked(if_match)
        outcome = reowning.put_rules(engine, stated, check=check, actor=actor, now=now)
    response.headers["ETag"] = etag(outcome.version)
    return _outcome(session, outcome, len(stated), dry_run=dry_run)


class _checked:  # noqa: N801 - reads as a word
    def __init__(self, if_match: str | None) -> None:
        self._if_match = if_match

    def __call__(self, version: int) -> None:
        check_version(self._if_match, version)


def _outcome(session: ReadSession, outcome: Replaced, count: int, *, dry_run: bool) -> RulesReplacedOut:
    return RulesReplacedOut(
        rules=count,
        version=outcome.version,
        dry_run=dry_run,
        changed=outcome.changed,
        changes=_named(session, outcome.changes),
        warnings=list(outcome.warnings),
    )


def _named(session: ReadSession, changes: Sequence[Reowned]) -> list[NewOwnerOut]:
    if not changes:
        return []
    slugs = slugs_of(session, {change.product_id for change in changes})
    teams = team_names(session, {id_ for change in changes for id_ in (change.before.team_id, change.after.team_id)})
    return [
        NewOwnerOut(
            exposure=exposure_name(change.exposure_id),
            incident=incident_name(change.incident_id),
            product=slugs[change.product_id],
            former=teams[change.before.team_id],
            to=teams[change.after.team_id],
            reason=change.after.reason,
        )
        for change in changes
    ]


@router.get("/ownership:explain", dependencies=[Depends(may("read"))], responses=problems(404))
def explain(
    session: Read,
    product: Annotated[str, Query(description="a slug")],
    purl: Annotated[str | None, Query(max_length=2000, description="as if this were affected")] = None,
    vulnerability: Annotated[str | None, Query(max_length=200, description="any of its names")] = None,
) -> OwnershipExplainedOut:
    """Say who owns a product, or what a package or a vulnerability brings to it, and every step on the way."""
    found = explained(session, product, purl=purl, vulnerability=vulnerability)
    steps = [
        OwnershipStepOut(
            step=one.step, rule=one.rule, team=one.team.name if one.team else None, hit=one.hit, detail=one.reason
        )
        for one in found.steps
    ]
    return OwnershipExplainedOut(
        product=found.product,
        purl=purl,
        vulnerability=vulnerability,
        exposure=found.exposure,
        owner={"team": found.team, "reason": found.reason},
        steps=steps,
    )

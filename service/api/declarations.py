"""``/v1/incidents:declare`` and ``/v1/incidents/{id}/declaration``: incidents before any advisory exists."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from service.access.roles import Actor
from service.api.deps import Now, Primary, may
from service.api.incidents import ExposureStatus, OwnerOut
from service.api.problems import problems
from service.api.schemas import Answer, Body
from service.flows.declaring import Amendment, Declared, amend_declaration, declare_incident
from service.flows.declaring_words import LONGEST_TITLE, MOST_WORDS, Wanted

router = APIRouter(tags=["incidents"])

Declarer = Annotated[Actor, Depends(may("declare"))]
Words = Annotated[list[str], Field(max_length=MOST_WORDS)]
Class = Literal["malicious_code", "exploited", "vulnerability", "other"]

_XZ: JsonDict = {
    "title": "Backdoor in xz 5.6.0 and 5.6.1",
    "class": "malicious_code",
    "summary": "sshd may let strangers in. See the mail to oss-security.",
    "names": ["liblzma"],
    "ranges": [">=5.6.0,<5.6.2"],
    "dry_run": True,
}


class DeclarationIn(Body):
    """What is affected, in people's words."""

    model_config = ConfigDict(json_schema_extra={"examples": [_XZ]}, extra="forbid", strict=True)

    title: str = Field(min_length=1, max_length=LONGEST_TITLE)
    kind: Class = Field("other", alias="class", description="malicious_code counts in development scopes too")
    summary: str = Field("", max_length=20_000)
    names: Words = Field([], description="of packages, in whatever ecosystem; a name of a family means the family")
    families: Words = Field([], description="packages that carry the same upstream code under other names")
    purls: Words = Field([], description="one package each; with a version, that version alone")
    hashes: Words = Field([], description="hexadecimal, of any kind")
    ranges: Words = Field([], description="alternatives: >=5.6.0,<5.6.2 in upstream's versions, or a vers expression")
    versions: Words = Field([], description="upstream's, each exactly; with neither, all versions are affected")
    aliases: Words = Field([], description="what others call it: CVE-2024-3094")
    restricted: bool = Field(False, description="under embargo: only those who need to know see it")
    dry_run: bool = Field(False, description="say whom it would concern, and keep nothing")


class AmendmentIn(Body):
    """What is said anew; parts that are missing stay as they are."""

    reason: str = Field(min_length=1, max_length=10_000)
    title: str | None = Field(None, min_length=1, max_length=LONGEST_TITLE)
    summary: str | None = Field(None, max_length=20_000)
    names: Words | None = None
    families: Words | None = None
    purls: Words | None = None
    hashes: Words | None = None
    ranges: Words | None = None
    versions: Words | None = None
    aliases: Words | None = None
    dry_run: bool = False


class ComponentOut(Answer):
    """A component that is meant."""

    purl: str
    name: str
    version: str
    certainty: Literal["certain", "possible"]


class ConcernedOut(Answer):
    """A product that is affected, or may be."""

    product: str
    owner: OwnerOut
    streams: list[str]
    releases: list[str]
    component_count: int
    components: list[ComponentOut] = Field(description="ends at 20")
    exposure: str | None
    status: ExposureStatus | None


class UnjudgedOut(Answer):
    """A product, or a stream of it, of which nobody can tell."""

    product: str
    stream: str | None
    owner: OwnerOut
    reason: Literal["no_sbom", "stale"]


class RecipientOut(Answer):
    """A team that will hear of it, and of how many products."""

    team: str
    reachable: bool = Field(description="it has an address")
    act: int
    confirm: int
    cannot_tell: int


class NearOut(Answer):
    """A component that looks as if it were meant, and why it is not."""

    purl: str
    name: str
    version: str
    reason: str
    product_count: int


class DuplicateOut(Answer):
    """An incident that is about the same, or may be."""

    incident: str
    title: str
    status: str
    reason: str


class DeclaredOut(Answer):
    """Whom a declared incident concerns. Lists end at 1,000, near misses at 100; counts are whole."""

    incident: str | None = Field(description="null in a dry run, unless there is one already")
    advisory: str = Field(description="the own advisory that says so")
    created: bool
    dry_run: bool
    notes: list[str] = Field(description="how words were understood")
    affected_count: int
    suspected_count: int
    cannot_tell_count: int
    affected: list[ConcernedOut]
    suspected: list[ConcernedOut] = Field(description="owners have to say: no version, or version numbers of its own")
    cannot_tell: list[UnjudgedOut]
    recipients: list[RecipientOut]
    duplicates: list[DuplicateOut]
    near_misses: list[NearOut]


@router.post(
    "/v1/incidents:declare",
    status_code=200,
    responses=problems(409) | {201: {"model": DeclaredOut, "description": "The incident is declared"}},
)
def declare(body: DeclarationIn, engine: Primary, response: Response, actor: Declarer, now: Now) -> DeclaredOut:
    """Declare an incident before any advisory exists. Its exposures are open when the answer comes.

    Who declares the same twice, in the same words, finds what stands already (200), so that it may be sent again.
    """
    declared = declare_incident(engine, Wanted(**_said(body)), actor=actor, now=now, dry_run=body.dry_run)
    response.status_code = 201 if declared.created and not declared.dry_run else 200
    return DeclaredOut.model_validate(_values(declared))


@router.patch("/v1/incidents/{incident}/declaration", responses=problems(404, 409))
def amend(incident: str, body: AmendmentIn, engine: Primary, actor: Declarer, now: Now) -> DeclaredOut:
    """Narrow or widen what was declared, or say what others call it. What is no longer meant is withdrawn, with why."""
    amended = amend_declaration(engine, incident, Amendment(**_said(body)), actor=actor, now=now, dry_run=body.dry_run)
    return DeclaredOut.model_validate(_values(amended))


def _said(body: Body) -> dict[str, Any]:
    parts = body.model_dump(exclude={"dry_run"}).items()
    return {name: tuple(value) if isinstance(value, list) else value for name, value in parts}


def _values(declared: Declared) -> dict[str, Any]:
    reach = declared.reach
    return {
        "incident": declared.incident,
        "advisory": declared.advisory,
        "created": declared.created,
        "dry_run": declared.dry_run,
        "notes": declared.notes,
        "duplicates": declared.duplicates,
        "affected_count": reach.affected_count,
        "suspected_count": reach.suspected_count,
        "cannot_tell_count": reach.cannot_tell_count,
        "affected": reach.affected,
        "suspected": reach.suspected,
        "cannot_tell": reach.cannot_tell,
        "recipients": reach.recipients,
        "near_misses": reach.near_misses,
    }

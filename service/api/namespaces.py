"""``/v1/internal-namespaces``: names and registries that are the organisation's own."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from service.access.roles import Actor
from service.api.deps import Listing, Now, Primary, Read, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, Body, Page
from service.flows.private_names import remove_namespace, set_namespace
from service.inventory import private_names
from service.inventory.catalogue_models import InternalNamespace

router = APIRouter(prefix="/v1/internal-namespaces", tags=["internal namespaces"])

Pattern = Annotated[
    str,
    Path(
        max_length=300,
        description="`npm:@acme/*`, `pypi:acme-*`, `maven:com.acme.*`, `golang:git.acme.example/*`, or "
        "`registry:nexus.acme.example`; `*` stands for any characters",
        examples=["npm:@acme/*"],
    ),
]
MayManage = Annotated[Actor, Depends(may("manage_rules"))]


class NamespaceOut(Answer):
    """Names that never match public advisories."""

    pattern: str
    reason: str
    added_by: str
    added_at: datetime


class NamespacePage(Page[NamespaceOut]):
    """Patterns in their order."""


class NamespaceIn(Body):
    """Why the names are the organisation's own."""

    reason: str = Field(min_length=1, max_length=2_000, pattern=r"\S")


@router.get("", dependencies=[Depends(may("read"))])
def index(session: Read, place: Annotated[Listing, Depends(listing("internal-namespaces"))]) -> NamespacePage:
    """List the patterns of internal names."""
    rows = private_names.list_namespaces(session, after=place.after(""), limit=place.limit + 1)
    page, following = place.cut(rows, lambda row: row.pattern)
    return NamespacePage(items=[NamespaceOut.model_validate(row) for row in page], next=following)


@router.get(
    "/{pattern:path}", response_model=NamespaceOut, dependencies=[Depends(may("read"))], responses=problems(404)
)
def show(pattern: Pattern, session: Read) -> InternalNamespace:
    """Give one pattern."""
    return private_names.get_namespace(session, pattern)


@router.put(
    "/{pattern:path}",
    response_model=NamespaceOut,
    responses=problems(422) | {201: {"model": NamespaceOut, "description": "The pattern is new"}},
)
def put(
    pattern: Pattern, body: NamespaceIn, engine: Primary, response: Response, actor: MayManage, now: Now
) -> InternalNamespace:
    """Declare names the organisation's own.

    Public advisories do not match them from now on: what they opened is withdrawn when the answer comes. Public malware
    of such a name stays visible as a possible finding with the note `dependency confusion?`.
    """
    row, is_new = set_namespace(engine, pattern, reason=body.reason, actor=actor, now=now)
    response.status_code = 201 if is_new else 200
    return row


@router.delete("/{pattern:path}", status_code=204, response_class=Response, responses=problems(404))
def remove(pattern: Pattern, engine: Primary, actor: MayManage, now: Now) -> None:
    """Take a pattern away; what public advisories say of its names is open again when the answer comes."""
    remove_namespace(engine, pattern, actor=actor, now=now)

"""``/v1/vex-sources``: whose statements about vulnerabilities are believed, and of what."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.api.deps import IfMatch, Now, Read, Write, check_version, etag, may
from service.api.problems import problems
from service.api.schemas import Answer, Body, Page
from service.incidents.vex_models import VexSource
from service.incidents.vex_sources import NewSource, list_sources, lock_sources, replace_sources, version_of

router = APIRouter(prefix="/v1", tags=["vex"])

MayManage = Annotated[Actor, Depends(may("manage_rules"))]


class VexSourceIn(Body):
    """An author to believe."""

    author: str = Field(
        min_length=1,
        max_length=1_000,
        description="as it stands in documents: OpenVEX's author, the namespace of CSAF's publisher, CycloneDX's "
        "supplier (address, else name) or author; * stands for any characters",
        examples=["https://www.redhat.com"],
    )
    reason: str = Field(min_length=1, max_length=2_000, pattern=r"\S", description="why")
    packages: list[Annotated[str, Field(max_length=500)]] = Field(
        [],
        max_length=1_000,
        description="beginnings of purls it may speak of; none: any",
        examples=[["pkg:rpm/redhat/"]],
    )
    products: list[str] = Field([], max_length=1_000, description="slugs it may speak of; none: any")
    known_as: dict[str, str] = Field(
        {},
        max_length=1_000,
        description="its names for products of ours: identifier to slug",
        examples=[{"pkg:oci/edge-firmware": "edge-firmware"}],
    )
    signed: bool = Field(False, description="only in an envelope that a key of MUSTER_TRUSTED_KEYS signed")


class VexSourcesIn(Body):
    """All authors to believe."""

    items: list[VexSourceIn] = Field(max_length=1_000)


class VexSourceOut(Answer):
    """An author that is believed."""

    author: str
    reason: str
    packages: list[str]
    products: list[str]
    known_as: dict[str, str]
    signed: bool
    added_by: str
    added_at: datetime


class VexSourcesOut(Page[VexSourceOut]):
    """All authors that are believed."""


@router.get("/vex-sources", dependencies=[Depends(may("read_incidents"))])
def sources(session: Read, response: Response) -> VexSourcesOut:
    """List the authors that are believed; the ETag is needed to change them."""
    return _sources(list_sources(session), response)


@router.put("/vex-sources", responses=problems(404, 409, 412, 428))
def set_sources(
    body: VexSourcesIn,
    session: Write,
    response: Response,
    actor: MayManage,
    now: Now,
    if_match: IfMatch = None,
) -> VexSourcesOut:
    """Say whom to believe, all at once. What was decided on the word of others stands until their document changes."""
    check_version(if_match, version_of(lock_sources(session)))
    wanted = [
        NewSource(one.author.strip(), one.reason, tuple(one.packages), tuple(one.products), one.known_as, one.signed)
        for one in body.items
    ]
    rows = replace_sources(session, wanted, actor=actor, now=now)
    audit.record(session, actor, "vex.sources", "vex sources", {"authors": [row.author for row in rows]}, now=now)
    return _sources(rows, response)


def _sources(rows: list[VexSource], response: Response) -> VexSourcesOut:
    response.headers["ETag"] = etag(version_of(rows))
    return VexSourcesOut(items=[VexSourceOut.model_validate(row) for row in rows], next=None)

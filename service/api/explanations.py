"""``/v1/advisories/{advisory}/explanation``: whether it affects a package, and why, or why not."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from service.advisories.speaking import Entry
from service.api.deps import Read, may
from service.api.problems import problems
from service.api.published import UnevaluatedPartOut
from service.api.schemas import Answer
from service.flows.explaining import Asked, Explanation, Judged, explain

router = APIRouter(prefix="/v1/advisories", tags=["advisories"])

Verdict = Literal["affected", "possible", "cannot-tell", "not-affected"]


class PlaceOut(Answer):
    """Where advisories reach a package."""

    ecosystem: str
    name: str
    version: str
    relation: str = Field(description="package, or source: the package that a distribution built it from")
    release_known: bool = Field(description="false: what matches here is possible, never certain")


class PackageOut(Answer):
    """How a package was read."""

    purl: str = Field(description="written as the inventory writes it")
    name: str
    version: str
    distribution: str
    source_name: str
    source_version: str
    source_said_by: Literal["", "asked", "inventory", "known"]
    in_inventory: bool
    unevaluated: str = Field(description="empty, or why no advisory can be matched with certainty")
    reached_as: list[PlaceOut]
    steps: list[str] = Field(description="all of this for people, in order")


class ComparisonOut(Answer):
    """One range or version of an advisory, and what it says of the package's version."""

    ecosystem: str
    name: str
    relation: str
    component_version: str
    range: str
    fixed: str | None
    outcome: Literal["inside", "outside", "cannot-compare"]
    comparison: str = Field(description="how that was seen")
    concerns: bool = Field(description="false: it speaks of other builds, or of a public package of that name")


class NearestOut(Answer):
    """A package that the advisory names instead."""

    ecosystem: str
    name: str


class JudgedOut(Answer):
    """What one advisory says of the package."""

    id: str
    verdict: Verdict
    sentence: str
    withdrawn_at: datetime | None
    entry_count: int = Field(description="ranges and versions that speak of the package")
    entries: list[ComparisonOut] = Field(description="those that match first; ends at 25")
    unevaluated: list[UnevaluatedPartOut] = Field(description="what it says of the package and nobody can evaluate")
    nearest: list[NearestOut] = Field(
        description="what it names instead, namesakes first; where it does not speak of it"
    )


class ExplanationOut(Answer):
    """Whether a package is affected, and why, or why not."""

    advisory: str
    verdict: Verdict = Field(description="the worst of all")
    sentence: str
    package: PackageOut
    advisories: list[JudgedOut] = Field(description="the worst first; ends at 50")
    advisory_count: int


@router.get("/{advisory}/explanation", dependencies=[Depends(may("read"))], responses=problems(404))
def explanation(
    advisory: str,
    session: Read,
    purl: Annotated[str, Query(min_length=1, max_length=4_000, description="any package, in the inventory or not")],
    distro: Annotated[str, Query(max_length=200, description="debian-13, where the purl does not say it")] = "",
    source: Annotated[str, Query(max_length=800, description="xz-utils@5.6.1-1, where the purl does not say it")] = "",
) -> ExplanationOut:
    """Explain whether an advisory, or all of a vulnerability of this name, affect a package."""
    return ExplanationOut.model_validate(as_values(explain(session, Asked(purl, distro, source), advisory)))


def as_values(told: Explanation) -> dict[str, Any]:
    """Lay out an explanation."""
    own = told.reading.identity
    return {
        "advisory": told.asked_for,
        "verdict": told.verdict,
        "sentence": told.sentence,
        "package": {
            "purl": own.purl,
            "name": own.name,
            "version": own.version,
            "distribution": own.distribution,
            "source_name": own.source_name,
            "source_version": own.source_version,
            "source_said_by": told.reading.source_said_by,
            "in_inventory": told.reading.in_inventory,
            "unevaluated": own.unevaluated,
            "reached_as": own.coordinates,
            "steps": told.reading.steps,
        },
        "advisories": [_judged(one) for one in told.advisories],
        "advisory_count": told.advisory_count,
    }


def _judged(one: Judged) -> dict[str, Any]:
    return {
        "id": one.osv_id,
        "verdict": one.verdict,
        "sentence": one.sentence,
        "withdrawn_at": one.withdrawn_at,
        "entry_count": one.entry_count,
        "entries": [_comparison(entry) for entry in one.entries],
        "unevaluated": one.unevaluated,
        "nearest": one.nearest,
    }


def _comparison(entry: Entry) -> dict[str, Any]:
    return {
        **entry._asdict(),
        "concerns": entry.concerns and entry.heard,
        "range": entry.versions.as_range(),
        "fixed": entry.fixed or None,
    }

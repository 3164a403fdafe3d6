"""What a search answers: who has it, who owns that, what cannot be told."""

from dataclasses import dataclass
from datetime import datetime

from service.inventory.names import Reason
from service.inventory.sightings import Position


@dataclass(frozen=True, slots=True)
class Owner:
    """Who answers for a product, and which rule says so."""

    team: str
    reason: str


@dataclass(frozen=True, slots=True)
class Named:
    """A component as people read it."""

    purl: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Item:
    """A component that was asked for, in a product's stream or release. `last_seen_at` None: it is still there."""

    product: str
    stream: str
    release: str | None
    in_field: bool
    owner: Owner
    component: Named
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    matched_by: list[Reason]
    path: list[str]


@dataclass(frozen=True, slots=True)
class CannotTell:
    """What could not be judged.

    `reason`: ``no_sbom``, ``stale`` (then there is no component), ``no_version`` or ``own_versions`` (the component
    carries the code under version numbers of its own).
    """

    product: str
    stream: str | None
    release: str | None
    owner: Owner
    reason: str
    component: Named | None


@dataclass(frozen=True, slots=True)
class Excluded:
    """A component that looks as if it were meant and is not; `reason` says why: ``5.6.1+really5.4.5-1 is 5.4.5``."""

    component: Named
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One page. `cannot_tell` and `excluded` come with the first; `cut`: the question was too broad to be complete."""

    items: list[Item]
    cannot_tell: list[CannotTell]
    excluded: list[Excluded]
    next: Position | None
    cut: bool

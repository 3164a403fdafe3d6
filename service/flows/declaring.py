"""Declaring an incident before any advisory exists: an own advisory, an incident, its exposures, in one act (ADR 0021).

What is declared becomes an own advisory that says what a search takes (`service.advisories.declaration`), so that past
and present matching, new uploads and their verdicts, verified resolution and a CVE that comes later run through what
is there. Its id follows from its words: who declares the same twice finds what stands already.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal

import orjson
from sqlalchemy import Engine, select

from service.access import audit
from service.access.roles import Actor
from service.advisories.declaration import Declaration, declaration_in
from service.advisories.declared import IS_DECLARED
from service.advisories.matching import match_advisories
from service.advisories.models import Advisory, VulnerabilityAdvisory
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.db import ReadSession, WriteSession, reading, writing
from service.errors import Conflict
from service.flows.declaring_duplicates import Duplicate, duplicates_of
from service.flows.declaring_entries import entries_of
from service.flows.declaring_reach import DeclaredReach, declared_reach
from service.flows.declaring_words import Wanted, resolve
from service.flows.settling import settle
from service.flows.traffic import in_transaction
from service.incidents.listing import find_incident
from service.incidents.models import Incident
from service.incidents.opening import ensure_incidents
from service.incidents.representing import incident_name
from service.incidents.timeline import Entry, write_timeline

Class = Literal["malicious_code", "exploited", "vulnerability", "other"]

_PREFIX: Final = "x_DECLARED-"
#: Embedded malicious code; with it a record's matches count in every scope, and its incident is the worst there is.
_CWE: Final = {"malicious_code": ["CWE-506"]}


class NotDeclared(Conflict):
    """Nobody declared this incident."""

    slug = "not-declared"


@dataclass(frozen=True)
class Declared:
    """What came of a declaration, or would come of it.

    `incident` is None in a dry run, unless there is one already. `notes` say how words were understood.
    """

    advisory: str
    incident: str | None
    created: bool
    dry_run: bool
    notes: list[str]
    duplicates: list[Duplicate]
    reach: DeclaredReach


@dataclass(frozen=True)
class _Place:
    """Where a declaration was stored: its advisory's key, its vulnerability's, and whether anything changed."""

    advisory_id: int
    vulnerability_id: int
    changed: bool


def declare_incident(engine: Engine, wanted: Wanted, *, actor: Actor, now: datetime, dry_run: bool = False) -> Declared:
    """Declare an incident; its exposures are open when this returns.

    Args:
        engine: Commits the advisory and the incident, then matches and exposures, unless `dry_run`.
        wanted: What is affected, in people's words.
        actor: Who declares.
        now: When.
        dry_run: Say whom it would concern, and keep nothing.

    Raises:
        Unreadable: It names nothing, or something that cannot be read.
    """
    with reading(engine) as session:
        declaration, notes = resolve(session, wanted)
    record = _record(wanted, declaration, now)

    def told(session: ReadSession, place: _Place, duplicates: list[Duplicate]) -> Declared:
        return Declared(
            advisory=record["id"],
            incident=_incident_of(session, place.vulnerability_id),
            created=place.changed,
            dry_run=dry_run,
            notes=notes,
            duplicates=duplicates,
            reach=declared_reach(session, place.advisory_id, place.vulnerability_id, declaration),
        )

    if dry_run:
        with writing(engine) as session:
            duplicates = duplicates_of(session, declaration, wanted.aliases, besides=record["id"])
            place = _put(session, record)
            match_advisories(session, [place.advisory_id])
            answer = told(session, place, duplicates)
            session.rollback()
            return answer

    def declare(session: WriteSession) -> tuple[_Place, list[Duplicate]]:
        duplicates = duplicates_of(session, declaration, wanted.aliases, besides=record["id"])
        place = _put(session, record)
        if place.changed:
            _open(session, place, wanted, declaration, actor=actor, now=now)
        return place, duplicates

    place, duplicates = in_transaction(engine, declare)
    settle(engine, actor=actor.name, now=now, only=[place.advisory_id])
    with reading(engine) as session:
        return told(session, place, duplicates)


def _record(wanted: Wanted, declaration: Declaration, now: datetime) -> dict[str, Any]:
    at = now.isoformat().replace("+00:00", "Z")
    words = orjson.dumps([wanted.title, declaration.as_values(), sorted(wanted.aliases)])
    return {
        "schema_version": "1.7.0",
        "id": f"{_PREFIX}{now.year}-{sha256(words).hexdigest()[:8]}",
        "modified": at,
        "published": at,
        "summary": wanted.title,
        "details": wanted.summary,
        "aliases": list(wanted.aliases),
        "affected": entries_of(declaration),
        "database_specific": {
            "severity": "CRITICAL",
            "cwe_ids": _CWE.get(declaration.kind, []),
            "declaration": declaration.as_values(),
        },
    }


def _put(session: WriteSession, record: dict[str, Any]) -> _Place:
    """Store a declaration; one that stands already is left as it is."""
    standing = session.scalar(select(Advisory).where(Advisory.osv_id == record["id"]).with_for_update())
    changed = standing is None or standing.withdrawn_at is not None
    if changed:
        store(session, [read_record(orjson.dumps(record))], source="own")
    return _place(session, record["id"], changed=changed)


def _place(session: ReadSession, osv_id: str, *, changed: bool) -> _Place:
    row = session.execute(
        select(Advisory.id, VulnerabilityAdvisory.vulnerability_id)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.advisory_id == Advisory.id)
        .where(Advisory.osv_id == osv_id, VulnerabilityAdvisory.relation == "alias")
    ).one()
    return _Place(*row, changed=changed)


def _open(
    session: WriteSession, place: _Place, wanted: Wanted, declaration: Declaration, *, actor: Actor, now: datetime
) -> None:
    """Give the declaration its incident, whether or not anything is affected yet."""
    incidents = ensure_incidents(session, [place.vulnerability_id], actor=actor.name, now=now)
    incident = incidents[place.vulnerability_id]
    incident.kind = "declared"
    incident.restricted = incident.restricted or wanted.restricted
    session.flush()  # the timeline's change carries the incident as it is now
    evidence = _evidence(declaration, wanted)
    reason = f"declared as {declaration.kind}: {wanted.title}"
    write_timeline(session, [Entry(incident.id, "declared", reason, evidence=evidence)], actor=actor.name, now=now)
    audit.record(session, actor, "incident.declare", incident_name(incident.id), {"title": wanted.title}, now=now)


def _evidence(declaration: Declaration, wanted: Wanted) -> dict[str, object]:
    return {"declaration": declaration.as_values(), "aliases": list(wanted.aliases)}


def _incident_of(session: ReadSession, vulnerability_id: int) -> str | None:
    id_ = session.scalar(select(Incident.id).where(Incident.vulnerability_id == vulnerability_id))
    return None if id_ is None else incident_name(id_)


# --- amending --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Amendment:
    """What is said anew of a declared incident; None leaves a part as it was."""

    reason: str
    title: str | None = None
    summary: str | None = None
    names: tuple[str, ...] | None = None
    families: tuple[str, ...] | None = None
    purls: tuple[str, ...] | None = None
    hashes: tuple[str, ...] | None = None
    ranges: tuple[str, ...] | None = None
    versions: tuple[str, ...] | None = None
    aliases: tuple[str, ...] | None = None


def amend_declaration(
    engine: Engine, incident: str, amendment: Amendment, *, actor: Actor, now: datetime, dry_run: bool = False
) -> Declared:
    """Narrow, widen or rename a declaration: what it no longer means is withdrawn with the reason, visibly.

    Raises:
        NotFound: There is no such incident.
        NotDeclared: Nobody declared it.
        Unreadable: What it would say cannot be read.
    """
    with reading(engine) as session:
        standing = _standing(session, incident)
        wanted = _amended(standing.record, amendment)
        declaration, notes = resolve(session, wanted)
    record = _record(wanted, declaration, now) | {"id": standing.osv_id, "published": standing.record["published"]}

    def told(session: ReadSession) -> Declared:
        place = _place(session, standing.osv_id, changed=False)
        reach = declared_reach(session, place.advisory_id, place.vulnerability_id, declaration)
        return Declared(standing.osv_id, incident, False, dry_run, notes, [], reach)

    def amend(session: WriteSession) -> None:
        row = find_incident(session, incident)
        store(session, [read_record(orjson.dumps(record))], source="own")
        evidence = _evidence(declaration, wanted)
        entry = Entry(row.id, "amended", amendment.reason, evidence=evidence)
        write_timeline(session, [entry], actor=actor.name, now=now)
        audit.record(session, actor, "incident.amend", incident, {"reason": amendment.reason}, now=now)

    return _done(engine, standing.id, amend, told, actor=actor, now=now, dry_run=dry_run)


def _done(
    engine: Engine,
    advisory_id: int,
    act: Callable[[WriteSession], None],
    told: Callable[[ReadSession], Declared],
    *,
    actor: Actor,
    now: datetime,
    dry_run: bool,
) -> Declared:
    if dry_run:
        with writing(engine) as session:
            act(session)
            match_advisories(session, [advisory_id])
            answer = told(session)
            session.rollback()
            return answer
    in_transaction(engine, act)
    settle(engine, actor=actor.name, now=now, only=[advisory_id])
    with reading(engine) as session:
        return told(session)


def _standing(session: ReadSession, incident: str) -> Advisory:
    """Give the oldest live declaration of an incident."""
    row = find_incident(session, incident)
    advisory = session.scalar(
        select(Advisory)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.advisory_id == Advisory.id)
        .where(VulnerabilityAdvisory.vulnerability_id == row.vulnerability_id)
        .where(IS_DECLARED, Advisory.withdrawn_at.is_(None))
        .order_by(Advisory.id)
        .limit(1)
    )
    if advisory is None:
        raise NotDeclared(f"{incident} follows from advisories; amend those, or declare an incident of its own.")
    return advisory


def _amended(record: dict[str, Any], amendment: Amendment) -> Wanted:
    before = declaration_in(record) or Declaration()
    said_before = Wanted(
        title=record["summary"],
        kind=before.kind,
        summary=record.get("details", ""),
        names=before.names,
        families=before.families,
        purls=before.purls,
        hashes=before.hashes,
        ranges=before.ranges,
        aliases=tuple(record.get("aliases", ())),
    )
    new: dict[str, Any] = {name: said for name in _PARTS if (said := getattr(amendment, name)) is not None}
    if "versions" in new:
        new.setdefault("ranges", ())
    return replace(said_before, **new)


_PARTS: Final = ("title", "summary", "names", "families", "purls", "hashes", "ranges", "versions", "aliases")

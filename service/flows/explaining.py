"""Whether an advisory affects a package, and why, or why not: for any purl, whether or not an SBOM lists it.

The verdict is `asking`'s, by the statements that match components; the steps that lead to it are told by the exact
comparator. A test holds that the two agree, and agree with what is kept in `match` (ADR 0016).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, NamedTuple

from sqlalchemy import select

from service.advisories.asking import Hit, matches_of
from service.advisories.models import Advisory, Vulnerability, VulnerabilityAdvisory, VulnerabilityAlias
from service.advisories.speaking import Entry, Named, entries_about, named_by
from service.advisories.wording import (
    doubt_in_words,
    ecosystem_in_words,
    sentence,
    shown,
    unevaluated_in_words,
)
from service.db import ReadSession
from service.errors import NotFound
from service.inventory.catalogue_models import Component, ComponentCoord
from service.inventory.private_names import standing_patterns
from service.purls import PURL_PLACE, Coordinate, Identity, Purl, identify, identity, parse
from service.purls.provenance import PRIVATE, PUBLIC, provenance

#: Advisories of one vulnerability that are explained, and entries of one advisory that are shown.
MOST_ADVISORIES: Final = 50
MOST_ENTRIES: Final = 25

Verdict = Literal["affected", "possible", "cannot-tell", "not-affected"]
_WORST: Final[tuple[Verdict, ...]] = ("affected", "possible", "cannot-tell", "not-affected")

#: Without a version, these still have a name that an advisory may or may not speak of.
_NAMED_WITHOUT_VERSION: Final = frozenset({identity.NO_VERSION, identity.GO_DEVEL_VERSION})


class Asked(NamedTuple):
    """A package as somebody asks about it. `distro`: ``debian-13``; `source`: ``xz-utils@5.6.1-1``; '' if unsaid."""

    purl: str
    distro: str = ""
    source: str = ""


@dataclass(frozen=True)
class Reading:
    """How a package was read: see `Identity`.

    `origin` is where it came from (`service.purls.provenance`). `source_said_by`: ``asked``, ``inventory``, ``known``
    (what distributions are known to build from what), or ''.
    """

    identity: Identity
    source_said_by: str
    in_inventory: bool
    origin: str = ""

    @property
    def steps(self) -> list[str]:
        """Tell it in sentences."""
        return list(_reading_steps(self))


@dataclass(frozen=True)
class Judged:
    """What one advisory says of the package; `entries` speak of it, those that match first."""

    osv_id: str
    verdict: Verdict
    sentence: str
    withdrawn_at: datetime | None
    entry_count: int
    entries: list[Entry]
    unevaluated: list[dict[str, str]]
    nearest: list[Named]


@dataclass(frozen=True)
class Explanation:
    """The answer: the worst verdict of all advisories, and each one's."""

    asked_for: str
    verdict: Verdict
    sentence: str
    reading: Reading
    advisories: list[Judged]
    advisory_count: int


def explain(session: ReadSession, asked: Asked, name: str) -> Explanation:
    """Explain whether the advisories of a name affect a package.

    Args:
        session: One snapshot.
        asked: The package.
        name: An advisory's id, or any name of a vulnerability: then all its advisories are meant.

    Raises:
        BadPurl: The purl names no package.
        NotFound: No advisory has this name.
    """
    reading = read_package(session, asked)
    advisories = _advisories(session, name)
    question = reading.identity.coordinates
    (hits,) = matches_of(session, [question], origin=reading.origin)
    by_advisory = {hit.advisory_id: hit for hit in hits}
    speaking: defaultdict[int, list[Entry]] = defaultdict(list)
    spoken_of = question or _without_version(reading.identity, asked)
    ids = [row.id for row in advisories]
    said = {"unevaluated": reading.identity.unevaluated, "origin": reading.origin}
    for entry in entries_about(session, spoken_of, ids, **said):
        speaking[entry.advisory_id].append(entry)
    judged = [_judged(row, by_advisory.get(row.id), speaking[row.id], reading, spoken_of) for row in advisories]
    judged.sort(key=lambda one: (_WORST.index(one.verdict), not one.entries, one.osv_id))
    page = [_with_nearest(session, one, reading, advisories) for one in judged[:MOST_ADVISORIES]]
    return Explanation(name, page[0].verdict, page[0].sentence, reading, page, len(judged))


# --- the package -----------------------------------------------------------------------------------------------------


def read_package(session: ReadSession, asked: Asked) -> Reading:
    """Work out who a package is. Where it names no source package, what the inventory knows of it counts."""
    parse(asked.purl)  # `identify` never raises, and a purl that nobody can read is no question
    os_id, _, os_version = asked.distro.rpartition("-")
    source, _, source_version = asked.source.partition("@")

    def identified(source: str, source_version: str) -> Identity:
        return identify(
            purl=asked.purl,
            name="",
            version="",
            source_name=source,
            source_version=source_version,
            os_id=os_id or os_version,
            os_version=os_version if os_id else "",
        )

    first = identified(source, source_version)
    rows = session.execute(
        select(Component.source_name, Component.source_version, ComponentCoord.provenance)
        .outerjoin(ComponentCoord, ComponentCoord.component_id == Component.id)
        .where(Component.purl == first.purl)
        .order_by(Component.source_name.desc(), Component.id)
    ).all()
    if first.source_name or not rows or not rows[0].source_name:
        said = "asked" if asked.source or "upstream=" in asked.purl else "known"
        origin = rows[0].provenance or "" if rows else _origin(session, first, asked.purl)
        return Reading(first, said if first.source_name else "", bool(rows), origin)
    own = identified(rows[0].source_name, rows[0].source_version)
    return Reading(own, "inventory", in_inventory=True, origin=rows[0].provenance or "")


def _origin(session: ReadSession, own: Identity, purl: str) -> str:
    """Say where a package that no SBOM lists comes from: what is ours by name or registry, or what the purl says."""
    said = provenance(purl, "")
    claim = standing_patterns(session).claim(
        own.type, own.namespace, own.name, "" if said.said == PUBLIC else said.address
    )
    return PRIVATE if claim else said.said


def _without_version(own: Identity, asked: Asked) -> tuple[Coordinate, ...]:
    """Give the names under which advisories would speak of a package that has no version."""
    if own.unevaluated not in _NAMED_WITHOUT_VERSION:
        return ()
    purl: Purl = parse(asked.purl)
    at_any = purl._replace(version="0.0.0-0")
    os_id, _, os_version = asked.distro.rpartition("-")
    found = identify(
        purl=str(at_any), name="", version="", source_name=own.source_name, os_id=os_id, os_version=os_version
    )
    return found.coordinates


_SAID_BY: Final = {
    "asked": "as it says itself",
    "inventory": "as the inventory knows",
    "known": "as is known of its distribution",
}


def _reading_steps(reading: Reading) -> Iterable[str]:
    own = reading.identity
    place = f" of {own.distribution.replace(':', ' ')}" if own.distribution else ""
    yield f"The package is {shown(own.name, own.version)}{place} ({own.purl})."
    if own.source_name:
        by = _SAID_BY[reading.source_said_by]
        yield f"It is built from the source package {shown(own.source_name, own.source_version)}, {by}."
    reached = [
        f"{ecosystem_in_words(one.ecosystem)}'s {shown(one.name, one.version)}"
        for one in own.coordinates
        if not _is_by_purl(one)
    ]
    if reached:
        yield f"Advisories reach it as {', or as '.join(dict.fromkeys(reached))}."
    if own.unevaluated:
        yield unevaluated_in_words(own.unevaluated)


# --- the advisories --------------------------------------------------------------------------------------------------


class _Row(NamedTuple):
    id: int
    osv_id: str
    withdrawn_at: datetime | None
    unevaluated: list[dict[str, str]]


def _advisories(session: ReadSession, name: str) -> list[_Row]:
    """Find what a name stands for: one advisory, or all of the vulnerability that is called so."""
    columns = [getattr(Advisory, field) for field in _Row._fields]
    own = [_Row(*row) for row in session.execute(select(*columns).where(Advisory.osv_id == name))]
    rows = session.execute(
        select(*columns, Vulnerability.name)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.advisory_id == Advisory.id)
        .join(Vulnerability, Vulnerability.id == VulnerabilityAdvisory.vulnerability_id)
        .join(VulnerabilityAlias, VulnerabilityAlias.vulnerability_id == Vulnerability.id)
        .where(VulnerabilityAlias.alias == name)
        .order_by(Advisory.osv_id)
    ).all()
    # The id of one database's record means that record; a name that stands for the flaw itself means all of them.
    stands_for_all = not own or any(row.name == name for row in rows)
    found = {row[1]: _Row(*row[:4]) for row in rows} if stands_for_all else {}
    found |= {row.osv_id: row for row in own}
    if not found:
        raise NotFound(f"There is no advisory {name}, and no vulnerability is called so.")
    return list(found.values())


def _judged(
    row: _Row, hit: Hit | None, entries: Sequence[Entry], reading: Reading, spoken_of: Sequence[Coordinate]
) -> Judged:
    labels = {f"{one.ecosystem}/{one.name}".lower() for one in spoken_of}
    unread = [part for part in row.unevaluated if part.get("package", "").lower() in labels]
    verdict, told = _verdict(row, hit, entries, reading, unread)
    return Judged(row.osv_id, verdict, told, row.withdrawn_at, len(entries), list(entries[:MOST_ENTRIES]), unread, [])


def _verdict(
    row: _Row, hit: Hit | None, entries: Sequence[Entry], reading: Reading, unread: Sequence[dict[str, str]]
) -> tuple[Verdict, str]:
    if hit is not None:
        verdict: Verdict = "affected" if hit.certainty == "certain" else "possible"
        return verdict, _match_sentence(row, hit, entries, reading.identity)
    own = reading.identity
    if row.withdrawn_at is not None:
        return "not-affected", f"{row.osv_id} was withdrawn on {row.withdrawn_at:%Y-%m-%d}; it affects nothing."
    if _is_out_of_reach(own, entries):
        return "cannot-tell", f"Nobody can tell. {unevaluated_in_words(own.unevaluated)}"
    if unread:
        return "cannot-tell", f"{row.osv_id} speaks of it in a way that cannot be evaluated: {_reasons(unread)}."
    if blind := next((one for one in entries if one.concerns and one.outcome == "cannot-compare"), None):
        return "cannot-tell", f"Nobody can tell: {blind.comparison}"
    return "not-affected", _clear(row.osv_id, shown(own.name, own.version), entries)


def _is_out_of_reach(own: Identity, entries: Sequence[Entry]) -> bool:
    """Tell whether nobody can say where the package stands; one without version at least has a name."""
    if own.coordinates:
        # Where OSV has no ecosystem, only our own advisories reach it, by its purl.
        return not entries and all(map(_is_by_purl, own.coordinates))
    return bool(entries) or own.unevaluated not in _NAMED_WITHOUT_VERSION


def _is_by_purl(one: Coordinate) -> bool:
    return one.ecosystem.startswith(f"{PURL_PLACE}:")


def _clear(osv_id: str, component: str, entries: Sequence[Entry]) -> str:
    if not entries:
        return f"{osv_id} does not speak of {component}."
    if not any(one.heard for one in entries):
        return f"{component} is a name of the organisation's own; public advisories do not speak of it."
    if not any(one.concerns for one in entries):
        return f"{osv_id} speaks of other builds of it."
    return f"{component} lies outside of all that {osv_id} lists for it."


def _reasons(unread: Sequence[dict[str, str]]) -> str:
    return ", ".join(dict.fromkeys(part.get("reason", "") for part in unread))


def _match_sentence(row: _Row, hit: Hit, entries: Sequence[Entry], own: Identity) -> str:
    one = next((one for one in entries if one.matches and one.certain == (hit.certainty == "certain")), None)
    if one is None:  # more entries than are looked at
        return f"{shown(own.name, own.version)} is matched by {row.osv_id} ({hit.rule})."
    component, place = (own.name, own.version), (one.ecosystem, one.name)
    told = sentence(component, one.relation, place, one.component_version, row.osv_id, one.versions)
    return told if one.certain else f"{told} {doubt_in_words(one.ecosystem, one.component_version, one.doubt)}"


def _with_nearest(session: ReadSession, one: Judged, reading: Reading, advisories: Sequence[_Row]) -> Judged:
    if one.entries or one.withdrawn_at or one.verdict in ("affected", "possible"):
        return one
    own = reading.identity
    id_ = next(row.id for row in advisories if row.osv_id == one.osv_id)
    names = {own.name, own.source_name, *(coordinate.name for coordinate in own.coordinates)} - {""}
    nearest = named_by(session, id_, names)
    if not nearest:
        return one
    words = ", ".join(f"{ecosystem_in_words(each.ecosystem)}'s {each.name}" for each in nearest)
    verb = "Nearest is" if nearest[0].is_namesake else "It names"
    return replace(one, nearest=nearest, sentence=f"{one.sentence} {verb} {words}.")

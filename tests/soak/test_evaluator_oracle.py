"""Every match that the service makes of real SBOMs and the whole mirror, against the plain evaluator's.

Candidates are pairs that speak of the same package; the plain evaluator answers for every one of them, without keys
and without SQL. Where an advisory is about and which builds it means is read as `spelled_out` says; which of its
versions are affected, and how certain that is, is worked out twice.
"""

import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import pytest
import slow_evaluator
from slow_evaluator import Certainty, Json, Package
from sqlalchemy import Engine, select

from service.advisories.distributions import spelled_out
from service.advisories.matching import match_components
from service.advisories.models import Advisory, Match
from service.advisories.osv_record import read_record
from service.advisories.osv_schema import OsvAffected
from service.db import connect, reading, writing
from service.errors import ServiceError
from service.flows.applying import apply_feed
from service.flows.finding_files import find_sboms, read_file
from service.inventory.catalogue import resolve_all
from service.inventory.catalogue_models import ComponentCoord, OsvPackage
from service.purls import base_of
from service.sbom import Document, read

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)
MAX_BYTES = 256 * 2**20
DOCUMENTS_AT_ONCE = 50


class Spoken(NamedTuple):
    """One entry of an advisory; `revisions` instead of it where it speaks of a repository."""

    osv_id: str
    is_malware: bool
    build: str
    entry: Json
    revisions: frozenset[str] = frozenset()


class Placed(NamedTuple):
    """A component's coordinate."""

    package: Package
    relation: str
    release_known: bool
    build: str


Answers = dict[tuple[int, str], Certainty]


def test_matches_are_what_the_plain_evaluator_says(
    fresh_database: str, corpus: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    mirror = corpus("osv")
    engine = connect(fresh_database)
    # Both ways round: old components against new ranges, new components against old ranges.
    catalogue(engine, corpus("sbom-dev"))
    apply_feed(engine, mirror.as_uri(), "all", now=NOON)
    catalogue(engine, corpus("sbom-bench"))

    kept = matches(engine)
    expected, pairs = evaluated(coordinates(engine), Index(records(mirror)))
    engine.dispose()

    with capsys.disabled():
        counts = dict(Counter(expected.values()))
        print(f"\n{pairs:,} candidate pairs, {len(expected):,} matches: {counts}")
    assert sorted(kept.items() - expected.items())[:20] == []
    assert sorted(expected.items() - kept.items())[:20] == []


# --- the service -----------------------------------------------------------------------------------------------------


def catalogue(engine: Engine, folder: Path) -> None:
    """List every component of every SBOM that can be read, and match the new ones."""
    batch: list[Document] = []
    for document in documents(folder):
        batch.append(document)
        if len(batch) == DOCUMENTS_AT_ONCE:
            add(engine, batch)
            batch = []
    add(engine, batch)


def documents(folder: Path) -> Iterator[Document]:
    for found in find_sboms([folder], max_bytes=MAX_BYTES):
        if found.error is None:
            try:
                yield read(found.data if found.path is None else read_file(found.path, MAX_BYTES))  # type: ignore[arg-type]
            except ServiceError:
                continue


def add(engine: Engine, batch: list[Document]) -> None:
    with writing(engine) as session:
        new = [component_id for resolved in resolve_all(session, batch) for component_id in resolved.new]
        match_components(session, sorted(set(new)))


def matches(engine: Engine) -> Answers:
    with reading(engine) as session:
        rows = session.execute(
            select(Match.component_id, Advisory.osv_id, Match.certainty).join(
                Advisory, Advisory.id == Match.advisory_id
            )
        )
        return {(row.component_id, row.osv_id): cast("Certainty", row.certainty) for row in rows}


def coordinates(engine: Engine) -> dict[Placed, list[int]]:
    """Give every coordinate, and the components that stand there."""
    coord = ComponentCoord
    columns = (coord.component_id, OsvPackage.ecosystem, OsvPackage.name, coord.version)
    rows = (
        select(*columns, coord.relation, coord.release_known, coord.build)
        .join(OsvPackage, OsvPackage.id == coord.osv_package_id)
        .order_by(coord.component_id)
    )
    placed = defaultdict(list)
    with reading(engine) as session:
        for row in session.execute(rows):
            package = Package(row.ecosystem, row.name, row.version)
            placed[Placed(package, row.relation, row.release_known, row.build)].append(row.component_id)
    return placed


# --- the plain evaluator ---------------------------------------------------------------------------------------------


class Index:
    """All that live records say, by package; and by the bare distribution of what has a release."""

    def __init__(self, records: Iterable[Json]) -> None:
        self.here: dict[tuple[str, str], list[Spoken]] = defaultdict(list)
        self.in_some_release: dict[tuple[str, str], list[Spoken]] = defaultdict(list)
        for record in records:
            for (ecosystem, name), spoken in said(record):
                self.here[ecosystem, name].append(spoken)
                if base := base_of(ecosystem):
                    self.in_some_release[base, name].append(spoken)


def records(mirror: Path) -> Iterable[Json]:
    """Give every record once, in its newest form; withdrawn ones are left out."""
    newest: dict[str, Json] = {}
    for path in sorted(mirror.glob("*/all.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                record: Json = msgspec.json.decode(archive.read(name))
                held = newest.get(record["id"])
                if held is None or record["modified"] >= held["modified"]:
                    newest[record["id"]] = record
    return [record for record in newest.values() if not record.get("withdrawn")]


def said(record: Json) -> Iterator[tuple[tuple[str, str], Spoken]]:
    is_malware = read_record(msgspec.json.encode(record)).kind == "malware"
    affected = msgspec.convert(record.get("affected") or [], list[OsvAffected])
    for rewritten, build in spelled_out(affected, record.get("summary") or ""):
        entry = plain(msgspec.to_builtins(rewritten))
        spoken = Spoken(record["id"], is_malware, build, entry)
        if package := slow_evaluator.packages_in(entry):
            yield package, spoken
        for name, revisions in slow_evaluator.repositories_in(entry):
            yield ("GIT", name), spoken._replace(revisions=frozenset(revisions))


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out what the record does not say."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if each is not None}
    return [plain(each) for each in value] if isinstance(value, list) else value


def evaluated(placed: dict[Placed, list[int]], index: Index) -> tuple[Answers, int]:
    """Ask every candidate pair; gives the answers per component and advisory, and how many pairs there were."""
    answers: Answers = {}
    pairs = 0
    for place, component_ids in placed.items():
        for spoken, certain in candidates(place, index):
            pairs += len(component_ids)
            certainty = asked(place, spoken, certain=certain)
            if certainty is None:
                continue
            for component_id in component_ids:
                key = component_id, spoken.osv_id
                if certainty == "certain" or key not in answers:
                    answers[key] = certainty
    return answers, pairs


def candidates(place: Placed, index: Index) -> Iterator[tuple[Spoken, bool]]:
    """Yield what speaks of a package: of its release, of some release where nobody knows it, of none at all."""
    ecosystem, name, _ = place.package
    yield from ((spoken, place.release_known) for spoken in index.here.get((ecosystem, name), ()))
    if not place.release_known:
        yield from ((spoken, False) for spoken in index.in_some_release.get((ecosystem, name), ()))
    if base := base_of(ecosystem):
        yield from ((spoken, False) for spoken in index.here.get((base, name), ()))


def asked(place: Placed, spoken: Spoken, *, certain: bool) -> Certainty | None:
    if place.relation == "headers" or not concerns(spoken.build, place.build):
        return None
    if spoken.revisions:
        met = place.package.version in spoken.revisions
        return ("certain" if certain else "possible") if met else None
    if not slow_evaluator.is_affected(place.package, spoken.entry):
        return None
    condemned = spoken.is_malware and slow_evaluator.is_condemned(place.package, spoken.entry)
    surely = surely_concerns(spoken.build, place.build) and place.relation != "documentation"
    return "certain" if certain and surely and not condemned else "possible"


def concerns(spoken: str, built: str) -> bool:
    """Tell whether an entry may speak of a build (``service.purls.builds``)."""
    if spoken == built or (spoken, built) in (("", "esm"), ("standard", "")):
        return True
    if "/" not in spoken or "/" not in built:
        return False
    stream, own_stream = spoken.split("/", maxsplit=1)[0], built.split("/", maxsplit=1)[0]
    return stream == own_stream or not stream or not own_stream


def surely_concerns(spoken: str, built: str) -> bool:
    if spoken == "standard":
        return False
    if "/" not in spoken or "/" not in built:
        return True
    (stream, line), (own_stream, own_line) = spoken.split("/")[:2], built.split("/")[:2]
    return stream == own_stream != "" or own_line.startswith(line)

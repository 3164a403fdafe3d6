"""Real components and the mirror's records: what is told, what is asked and what is kept never differ."""

import random
import zipfile
from collections.abc import Iterator

import msgspec
import pytest
from factories import DAY, NOON, make_product, make_stream, upload_document
from real_files import Corpus
from sqlalchemy import select

from service.advisories.matching import match_advisories
from service.advisories.models import Advisory, Match
from service.advisories.osv_record import read_record
from service.advisories.osv_schema import OsvAffected
from service.advisories.storing import store
from service.db import WriteSession
from service.flows.explaining import Asked, explain
from service.inventory.catalogue_models import Component, ComponentCoord, OsvPackage
from service.sbom import read

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1_800)]

ECOSYSTEMS = ("AlmaLinux", "Alpine", "Debian", "Go", "Maven", "PyPI", "Ubuntu")
SURE = {"certain": "affected", "possible": "possible"}
SAMPLE = 120


class _Names(msgspec.Struct):
    affected: list[OsvAffected] | None = None


def records(corpus: Corpus, names: set[str]) -> Iterator[bytes]:
    """Give the records that name one of these packages, withdrawn ones too."""
    decoder = msgspec.json.Decoder(_Names)
    for ecosystem in ECOSYSTEMS:
        with zipfile.ZipFile(corpus(f"osv/{ecosystem}/all.zip")) as archive:
            for name in archive.namelist():
                raw = archive.read(name)
                entries = decoder.decode(raw).affected or []
                if any(one.package and one.package.name in names for one in entries):
                    yield raw


def test_verdicts_agree_on_a_sample_of_the_mirror(session: WriteSession, corpus: Corpus) -> None:
    stream = make_stream(session, make_product(session))
    chosen = random.Random(3094).sample(sorted(corpus("sbom-dev/containers").iterdir()), 10)  # noqa: S311
    for number, path in enumerate(chosen):
        upload_document(session, stream, read(path.read_bytes()), at=NOON + DAY * number)
    names = set(session.scalars(select(OsvPackage.name).join(ComponentCoord)))
    stored = store(session, [read_record(raw) for raw in records(corpus, names)])
    match_advisories(session, stored.changed)
    kept = {
        (component_id, osv_id): certainty
        for component_id, osv_id, certainty in session.execute(
            select(Match.component_id, Advisory.osv_id, Match.certainty).join(
                Advisory, Advisory.id == Match.advisory_id
            )
        )
    }
    components = {one.id: one for one in session.scalars(select(Component).where(Component.purl != ""))}
    advisories = list(session.scalars(select(Advisory.osv_id)))
    chance = random.Random(5601)  # noqa: S311
    hits = chance.sample(sorted(pair for pair in kept if pair[0] in components), SAMPLE)
    others = [(chance.choice(list(components)), chance.choice(advisories)) for _ in range(SAMPLE)]
    near = [(component_id, chance.choice(advisories)) for component_id, _ in hits]
    for component_id, osv_id in (*hits, *others, *near):
        own = components[component_id]
        source = f"{own.source_name}@{own.source_version}".strip("@") if own.source_name else ""
        told = explain(session, Asked(own.purl, source=source), osv_id)
        for one in told.advisories:
            certainty = kept.get((component_id, one.osv_id), "")
            said = one.verdict if one.verdict in SURE.values() else ""
            assert said == SURE.get(certainty, ""), (own.purl, source, one)
            compared = {entry.certain for entry in one.entries if entry.matches}
            assert said == ("affected" if True in compared else "possible" if compared else ""), (own.purl, one)
    print(f"{len(kept):,} matches of {len(components):,} components with {len(advisories):,} advisories")

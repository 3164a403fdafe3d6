"""Whether the service and the model of `histories` say the same."""

from collections.abc import Iterator

from histories import COMPONENTS, Model
from sqlalchemy import func, select
from story import Story

from service.advisories.models import Advisory, Match, VulnerabilityAlias
from service.changes.models import Change
from service.db import ReadSession, WriteSession, reading, writing
from service.incidents.models import Exposure, Incident, Transition
from service.incidents.presence import ACTIVE, REOPENED_BY_MATCH
from service.inventory.catalogue_models import Component, Package
from service.inventory.models import Product, Stream
from service.inventory.replay import recorded, replayed
from service.inventory.scopes import SCOPES
from service.purls import identify


def disagreements(story: Story, model: Model) -> list[str]:
    """Compare everything; empty when the service is right. Components that the model does not know are left out."""
    with writing(story.engine) as session:  # replaying may add to the catalogue, though here it never does
        found = [*_usage(session, model), *_matches(session, model), *_exposures(session, model), *_written(session)]
    found += [f"reconcile: {difference}" for difference in story.differences()]
    return found


def _names(session: ReadSession) -> dict[int, str]:
    """Name components by id as the model does: by purl, or by name without one."""
    rows = session.execute(select(Component.id, Component.purl, Package.name).join(Package)).all()
    known = {identify(purl=purl, name="", version="").purl: purl for purl in COMPONENTS}
    named = {row.id: known.get(row.purl, "") if row.purl else row.name for row in rows}
    return {id_: name for id_, name in named.items() if name}


def _usage(session: WriteSession, model: Model) -> Iterator[str]:
    names = _names(session)
    rows = session.execute(select(Stream.id, Stream.name, Product.slug).join(Product, Product.id == Stream.product_id))
    for stream_id, stream, product in rows.all():
        actual = recorded(session, stream_id)
        if replayed(session, stream_id) != actual:
            yield f"usage of {product}/{stream} is not what its bytes say"
        line = model.lines.get((product, stream))
        expected = model.usage(line) if line else set()
        known = [span for span in actual if span.component_id in names]
        told = {(names[span.component_id], span.from_us, span.to_us, SCOPES[span.scope]) for span in known}
        if told != expected:
            yield f"usage of {product}/{stream}: {sorted(told - expected)} instead of {sorted(expected - told)}"


def _matches(session: ReadSession, model: Model) -> Iterator[str]:
    names = _names(session)
    rows = session.execute(
        select(Match.component_id, Advisory.osv_id, Match.certainty).join(Advisory, Advisory.id == Match.advisory_id)
    )
    actual = {(names[row.component_id], row.osv_id): row.certainty for row in rows}
    seen = set(names.values())
    expected = {key: certainty for key, certainty in model.matches().items() if key[0] in seen}
    for key in sorted(actual.keys() | expected.keys()):
        if actual.get(key) != expected.get(key):
            yield f"match {key}: {actual.get(key)} instead of {expected.get(key)}"


def _exposures(session: ReadSession, model: Model) -> Iterator[str]:
    aliases = dict(session.execute(select(VulnerabilityAlias.vulnerability_id, VulnerabilityAlias.alias)).all())
    rows = session.execute(
        select(Product.slug, Incident.vulnerability_id, Exposure)
        .join(Product, Product.id == Exposure.product_id)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(Exposure.status != "merged")
    ).all()
    affected = model.affected()
    standing: dict[tuple[str, str], Exposure] = {}
    for product, vulnerability_id, exposure in rows:
        if vulnerability_id is None:
            yield f"EXP-{exposure.id} of {product} is left behind in a merged incident"
            continue
        pair = (product, model.flaw(aliases.get(vulnerability_id, f"vulnerability {vulnerability_id}")))
        if pair in standing:
            yield f"two exposures of {pair}"
        standing[pair] = exposure
    for pair in sorted(affected | standing.keys()):
        found = standing.get(pair)
        if found is None:
            yield f"{pair} is affected and has no exposure"
        elif problem := _problem(found, is_affected=pair in affected):
            yield f"{pair}, {found.status}, {found.presence}: {problem}"


def _problem(exposure: Exposure, *, is_affected: bool) -> str | None:
    if is_affected:
        shown = exposure.presence == "present" and exposure.status in ACTIVE and exposure.hold_reason is None
        return None if shown else "is affected"
    if exposure.status in REOPENED_BY_MATCH:
        return None if exposure.presence == "absent" and exposure.ended_at else "has ended, but not wholly"
    return None if exposure.presence == "unknown" and exposure.hold_reason else "is not affected"


def _written(session: ReadSession) -> Iterator[str]:
    """Hold the timeline against what it tells of, and the feed of changes against the timeline."""
    last = select(func.max(Transition.id)).where(Transition.to_status.is_not(None)).group_by(Transition.exposure_id)
    rows = session.execute(
        select(Exposure.id, Exposure.status, Transition.to_status)
        .join(Transition, Transition.exposure_id == Exposure.id)
        .where(Transition.id.in_(last), Exposure.status != Transition.to_status)
    )
    yield from (f"EXP-{row.id} is {row.status}, its timeline says {row.to_status}" for row in rows)
    steps = session.scalar(select(func.count()).select_from(Transition))
    changes = session.scalar(select(func.count()).select_from(Change))
    if steps != changes:
        yield f"{steps} steps, {changes} changes"


def resolved_wrongly(story: Story, model: Model) -> list[str]:
    """Name what the latest act resolved although something in the field may still be affected."""
    possible = model.affected("possible")
    with reading(story.engine) as session:
        aliases = dict(session.execute(select(VulnerabilityAlias.vulnerability_id, VulnerabilityAlias.alias)).all())
        rows = session.execute(
            select(Product.slug, Incident.vulnerability_id)
            .join(Exposure, Exposure.product_id == Product.id)
            .join(Incident, Incident.id == Exposure.incident_id)
            .join(Transition, Transition.exposure_id == Exposure.id)
            .where(Transition.step == "resolved", Transition.at == story.now)
        ).all()
    pairs = {(product, model.flaw(aliases[id_])) for product, id_ in rows if id_ in aliases}
    return [f"{pair} was resolved and may be affected" for pair in sorted(pairs & possible)]

"""What leaves the field, or enters it, without an upload: streams, releases, products."""

from datetime import datetime

from sqlalchemy import Engine, func, select

from service.access import audit
from service.access.roles import Actor
from service.db import ReadSession, WriteSession, any_of
from service.flows.receiving import reassess_product
from service.flows.traffic import hold_off_feeds, in_transaction
from service.incidents.assessing import Cause
from service.incidents.presence import Absence
from service.inventory.models import Release, Stream, Upload, Usage
from service.inventory.products import find_product, find_stream, lock_stream, retire_stream, revive_stream
from service.inventory.releases import find_release, set_release
from service.inventory.stewardship import archive_product, lock_product, revive_product
from service.inventory.usage import contents


def retire(engine: Engine, product: str, stream: str, *, reason: str, actor: Actor, now: datetime) -> Stream:
    """Take a stream out of the field; its exposures end as retired, never as resolved."""

    def act(session: WriteSession) -> Stream:
        hold_off_feeds(session)
        owner = find_product(session, product)
        row = lock_stream(session, find_stream(session, owner.id, stream).id)
        retire_stream(session, row, reason=reason, now=now)
        audit.record(session, actor, "stream.retire", f"{owner.slug}/{stream}", {"reason": reason}, now=now)
        session.flush()  # what is in the field is read next
        _reassess(session, row.product_id, [row.id], actor=actor, now=now, departure=Absence.RETIRED)
        return row

    return in_transaction(engine, act)


def revive(engine: Engine, product: str, stream: str, *, actor: Actor, now: datetime) -> Stream:
    """Put a retired stream back into the field; what is affected in it opens again."""

    def act(session: WriteSession) -> Stream:
        hold_off_feeds(session)
        owner = find_product(session, product)
        row = lock_stream(session, find_stream(session, owner.id, stream).id)
        revive_stream(session, row)
        audit.record(session, actor, "stream.revive", f"{owner.slug}/{stream}", now=now)
        session.flush()  # what is in the field is read next
        _reassess(session, row.product_id, [row.id], actor=actor, now=now)
        return row

    return in_transaction(engine, act)


def archive(engine: Engine, product: str, *, reason: str, actor: Actor, now: datetime) -> None:
    """Take a product out of use: its streams retire, its exposures end as retired."""

    def act(session: WriteSession) -> None:
        hold_off_feeds(session)
        row = lock_product(session, product)
        stream_ids = archive_product(session, row, reason=reason, now=now)
        audit.record(session, actor, "product.archive", row.slug, {"reason": reason}, now=now)
        session.flush()  # what is in the field is read next
        _reassess(session, row.id, stream_ids, actor=actor, now=now, departure=Absence.RETIRED)

    in_transaction(engine, act)


def unarchive(engine: Engine, product: str, *, actor: Actor, now: datetime) -> None:
    """Take a product back into use, with the streams that were retired with it."""

    def act(session: WriteSession) -> None:
        hold_off_feeds(session)
        row = lock_product(session, product)
        stream_ids = revive_product(session, row)
        audit.record(session, actor, "product.revive", row.slug, now=now)
        session.flush()  # what is in the field is read next
        _reassess(session, row.id, stream_ids, actor=actor, now=now)

    in_transaction(engine, act)


def support(
    engine: Engine,
    product: str,
    version: str,
    *,
    supported: bool | None,
    retired: bool | None,
    stream: str | None,
    actor: Actor,
    now: datetime,
) -> Release:
    """Say whether a release is in the field beside its stream's newest upload."""

    def act(session: WriteSession) -> Release:
        hold_off_feeds(session)
        row = find_product(session, product)
        found = find_release(session, row, version, stream=stream).release
        lock_stream(session, found.stream_id)
        session.expire(found)  # an upload that came first may have moved the label
        release = set_release(session, row, version, supported=supported, retired=retired, stream=stream, now=now)
        said = {"supported": supported, "retired": retired, "stream": stream}
        audit.record(session, actor, "release.patch", f"{row.slug}@{version}", said, now=now)
        session.flush()  # what is in the field is read next
        upload = session.get_one(Upload, release.upload_id)
        changed = contents(session, release.stream_id, upload.at_us)
        departure = Absence.LEFT if release.supported else Absence.RETIRED
        cause = Cause(actor=actor.name, at=now, departure=departure, evidence={"release": version})
        reassess_product(session, row.id, changed, cause)
        return release

    return in_transaction(engine, act)


def _reassess(
    session: WriteSession,
    product_id: int,
    stream_ids: list[int],
    *,
    actor: Actor,
    now: datetime,
    departure: Absence = Absence.LEFT,
) -> None:
    names = _names(session, stream_ids)
    departed = _ever_contained(session, stream_ids)
    cause = Cause(actor=actor.name, at=now, departure=departure, departed=departed, evidence={"streams": names})
    reassess_product(session, product_id, _ever_in_field(session, stream_ids), cause)


def _names(session: ReadSession, stream_ids: list[int]) -> list[str]:
    return list(session.scalars(select(Stream.name).where(Stream.id == any_of(stream_ids)).order_by(Stream.name)))


def _ever_contained(session: ReadSession, stream_ids: list[int]) -> frozenset[int]:
    return frozenset(
        session.scalars(select(Usage.component_id).where(Usage.stream_id == any_of(stream_ids)).distinct())
    )


def _ever_in_field(session: ReadSession, stream_ids: list[int]) -> set[int]:
    """Give the components of the streams' newest uploads and supported releases."""
    live = (Upload.stream_id == any_of(stream_ids)) & Upload.voided_at.is_(None)
    newest = select(func.max(Upload.at_us)).where(live).group_by(Upload.stream_id)
    points = session.execute(
        select(Upload.stream_id, Upload.at_us)
        .outerjoin(Release, Release.upload_id == Upload.id)
        .where(live, Release.supported.is_(True) | Upload.at_us.in_(newest))
        .distinct()
    )
    return {component_id for stream_id, at_us in points for component_id in contents(session, stream_id, at_us)}

"""Exposure-days: how long affected components were in the field, whatever people decided about it. One statement."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE

from service.advisories.models import Advisory, VulnerabilityAdvisory
from service.clock import to_micros
from service.db import ReadSession
from service.incidents.measures import Number, Slice, Window
from service.incidents.models import Exposure, ExposureComponent, Incident
from service.incidents.numbers_episodes import group_of, grouped, sliced
from service.inventory.field import literal_open
from service.inventory.models import Release, Stream, Upload, Usage

_MICROS_A_DAY = 86_400_000_000
#: Exposures that turned out to be none.
_NONE = ("merged", "withdrawn", "not_affected")


def exposure_days(session: ReadSession, window: Window, asked: Slice) -> Iterator[Number]:
    """Give the days of exposure in the period, by group and origin.

    Times in which several streams or releases of a product have it overlap, and count once.
    """
    present = union_all(_in_streams(), _in_releases()).subquery("present")
    begin = func.greatest(present.c.from_us, present.c.published_us, to_micros(window.from_at))
    end = func.least(present.c.to_us, to_micros(window.until))
    together = cast(func.range_agg(func.int8range(begin, end)), INT8MULTIRANGE)
    merged = (
        select(present.c.exposure_id, func.unnest(together).label("time"))
        .where(begin < end)
        .group_by(present.c.exposure_id)
        .subquery("merged")
    )
    rows = select(
        Exposure.product_id,
        Exposure.team_id,
        Exposure.priority,
        Exposure.origin,
        (func.upper(merged.c.time) - func.lower(merged.c.time)).label("micros"),
    ).join(merged, merged.c.exposure_id == Exposure.id)
    every = sliced(rows.subquery(), asked)
    group = group_of(every, asked)
    found = session.execute(
        grouped(every, asked, group).add_columns(func.sum(every.c.micros)).group_by(group, every.c.origin)
    )
    for its, origin, micros in found:
        yield Number("exposure_days", its, origin, round(float(micros) / _MICROS_A_DAY, 4), None, None)


def _in_streams() -> Select[Any, Any, Any, Any]:
    """Select when tracked streams had affected components, until they retired."""
    retired = func.coalesce(_micros(Stream.retired_at), literal_open())
    return (
        _affected(Usage.from_us, func.least(Usage.to_us, retired))
        .join(Stream, and_(Stream.product_id == Exposure.product_id, Stream.kind == "tracked"))
        .join(
            Usage,
            and_(
                Usage.stream_id == Stream.id,
                Usage.component_id == ExposureComponent.component_id,
                # The two partial indexes are considered only where both bounds are written out.
                or_(Usage.to_us == literal_open(), Usage.to_us < literal_open()),
            ),
        )
    )


def _in_releases() -> Select[Any, Any, Any, Any]:
    """Select when supported releases have had affected components: from their upload on, until they retired."""
    retired = func.coalesce(_micros(Release.retired_at), literal_open())
    return (
        _affected(Upload.at_us, retired)
        .join(Stream, and_(Stream.product_id == Exposure.product_id, Stream.kind == "tracked"))
        .join(Release, and_(Release.stream_id == Stream.id, Release.supported))
        .join(Upload, and_(Upload.id == Release.upload_id, Upload.voided_at.is_(None)))
        .join(
            Usage,
            and_(
                Usage.stream_id == Stream.id,
                Usage.component_id == ExposureComponent.component_id,
                Usage.from_us <= Upload.at_us,
                Usage.to_us > Upload.at_us,
            ),
        )
    )


def _affected(from_us: ColumnElement[Any] | Any, to_us: ColumnElement[Any]) -> Select[Any, Any, Any, Any]:  # noqa: ANN401
    """Begin with exposures and the components that affect them; times are half open, in microseconds."""
    published = (
        select(func.min(Advisory.published))
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.advisory_id == Advisory.id)
        .where(VulnerabilityAdvisory.vulnerability_id == Incident.vulnerability_id)
        .correlate(Incident)
        .scalar_subquery()
    )
    return (
        select(
            Exposure.id.label("exposure_id"),
            from_us.label("from_us"),
            to_us.label("to_us"),
            # Nobody knew of what nobody published before somebody declared it.
            _micros(func.coalesce(published, Incident.opened_at)).label("published_us"),
        )
        .select_from(Exposure)
        .join(Incident, Incident.id == Exposure.incident_id)
        .join(ExposureComponent, ExposureComponent.exposure_id == Exposure.id)
        .where(Exposure.status.not_in(_NONE))
    )


def _micros(at: ColumnElement[datetime | None] | Any) -> ColumnElement[Any]:  # noqa: ANN401 - a column of either kind
    # `extract` gives an exact number, not a float.
    return cast(func.extract("epoch", at) * literal(1_000_000), BigInteger)

"""Where components are or were: the streams' half of a search. Reads no table of the catalogue.

What is in the field is decided as in `field`. One row is one usage seen from a stream's newest upload, or from a
release: a release shipped its components for as long as it is supported, whatever the stream contains today.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from service.clock import OPEN, from_micros
from service.db import ReadSession


@dataclass(frozen=True, slots=True)
class When:
    """Now (the field), `ever` (previews, retired streams and unsupported releases too), or as things stood then."""

    ever: bool = False
    as_of_us: int | None = None


class Sighting(NamedTuple):
    """A component in a stream or release. `present_until_us` is `OPEN` while it is there."""

    place: int
    product: str
    stream: str
    component_id: int
    from_us: int
    release: str
    stream_id: int
    upload_id: int | None
    to_us: int
    in_field: bool
    product_id: int
    title: str
    left_at: datetime | None

    @property
    def position(self) -> tuple[int, str, str, int, int, str]:
        """Give its place in the order of sightings; what comes after it is the next page."""
        return self[:6]

    @property
    def first_seen_at(self) -> datetime | None:
        """Give when the stream began to contain it."""
        return from_micros(self.from_us)

    @property
    def last_seen_at(self) -> datetime | None:
        """Give when it was gone: the upload without it, or the end of the stream; None while it is there."""
        return from_micros(self.to_us) or self.left_at


Position = tuple[int, str, str, int, int, str]
BEGINNING: Position = (-1, "", "", 0, 0, "")


def sightings(
    session: ReadSession, places: Iterable[tuple[int, int]], when: When, *, after: Position, limit: int
) -> list[Sighting]:
    """Give where components are, or were, in a stable order: by place, product, stream.

    Args:
        session: Reads only the streams' tables and products.
        places: (component id, place in the order).
        when: Which time is meant.
        after: The position of the last sighting on the page before.
        limit: At most so many.
    """
    component_ids, ranks = zip(*places, strict=True)
    rows = session.execute(
        _STATEMENTS[when.ever, when.as_of_us is not None],
        {"component_ids": list(component_ids), "places": list(ranks), "at": when.as_of_us, "limit": limit}
        | dict(zip(_AFTER, after, strict=True)),
    )
    return [Sighting(*row) for row in rows]


_AFTER = ("after_place", "after_product", "after_stream", "after_component", "after_from", "after_release")

_LIVE = "(stream.kind = 'tracked' AND stream.retired_at IS NULL)"
_SUPPORTED = "(release.supported AND release.retired_at IS NULL)"
_AT = "to_timestamp(CAST(:at AS bigint) / 1000000.0)"


_ALL = "(SELECT * FROM open_uses UNION ALL SELECT * FROM ended_uses)"


class _Time(NamedTuple):
    """What counts: usages by themselves, streams, and releases with what they shipped."""

    uses: str
    streams: str
    releases: str


_NOW = _Time("open_uses", _LIVE, _SUPPORTED)
_EVER = _Time(_ALL, "true", "true")
_THEN = _Time(
    f"(SELECT * FROM {_ALL} AS every WHERE from_us <= :at AND to_us > :at)",  # noqa: S608 - parts of ours
    f"stream.kind = 'tracked' AND (stream.retired_at IS NULL OR stream.retired_at > {_AT})",
    f"release.supported AND (release.retired_at IS NULL OR release.retired_at > {_AT}) AND upload.at_us <= :at",
)


# The bound is spelt out: with a parameter the partial indexes would not be considered. Without either predicate there
# is no index by component at all, so open and ended are read apart; once, since heads and releases need the same rows.
def _statement(time: _Time) -> str:
    return f"""
WITH wanted AS (
    SELECT component_id, place
    FROM unnest(CAST(:component_ids AS bigint[]), CAST(:places AS smallint[])) AS wanted (component_id, place)
), open_uses AS MATERIALIZED (
    SELECT place, component_id, stream_id, from_us, to_us FROM wanted JOIN usage USING (component_id)
    WHERE to_us = {OPEN}
), ended_uses AS MATERIALIZED (
    SELECT place, component_id, stream_id, from_us, to_us FROM wanted JOIN usage USING (component_id)
    WHERE to_us < {OPEN}
), used AS (
    SELECT uses.*, stream.product_id, stream.name AS stream, stream.retired_at AS left_at,
           '' AS release, CAST(NULL AS bigint) AS upload_id, to_us = {OPEN} AND {_LIVE} AS in_field
    FROM {time.uses} AS uses JOIN stream ON stream.id = uses.stream_id
    WHERE {time.streams}
    UNION ALL
    SELECT uses.*, stream.product_id, stream.name, least(stream.retired_at, release.retired_at),
           release.version, release.upload_id, {_LIVE} AND {_SUPPORTED}
    FROM {_ALL} AS uses
    JOIN stream ON stream.id = uses.stream_id
    JOIN release ON release.stream_id = uses.stream_id
    JOIN upload ON upload.id = release.upload_id AND upload.voided_at IS NULL
         AND upload.at_us >= uses.from_us AND upload.at_us < uses.to_us
    WHERE {time.streams} AND {time.releases}
), page AS (
    SELECT used.place, product.slug COLLATE "C" AS product, used.stream COLLATE "C" AS stream, used.component_id,
           used.from_us, used.release COLLATE "C" AS release, used.stream_id, used.upload_id, used.to_us,
           used.in_field, used.product_id, product.title, used.left_at
    FROM used
    JOIN product ON product.id = used.product_id
    WHERE (used.place, product.slug COLLATE "C", used.stream COLLATE "C", used.component_id, used.from_us,
           used.release COLLATE "C")
        > (CAST(:after_place AS smallint), CAST(:after_product AS text), CAST(:after_stream AS text),
           CAST(:after_component AS bigint), CAST(:after_from AS bigint), CAST(:after_release AS text))
    ORDER BY 1, 2, 3, 4, 5, 6
    LIMIT :limit
)
SELECT place, product, stream, component_id, from_us, release, stream_id, upload_id, to_us, in_field, product_id,
       title, left_at
FROM page
ORDER BY 1, 2, 3, 4, 5, 6
"""  # noqa: S608 - parts of ours, values bound


_STATEMENTS = {
    (False, False): text(_statement(_NOW)),
    (True, False): text(_statement(_EVER)),
    (False, True): text(_statement(_THEN)),
}

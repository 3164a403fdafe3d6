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
    team: str
    owner_reason: str
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
        session: Reads only the streams' tables, products and teams.
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

# The bound is spelt out: with a parameter the partial indexes would not be considered. "Ever" is open UNION ALL
# ended, since without either predicate there is no index by component at all.
_OPEN_USES = f"""
    SELECT stream_id, component_id, from_us, to_us FROM usage
    WHERE component_id = ANY(CAST(:component_ids AS bigint[])) AND to_us = {OPEN}
"""  # noqa: S608 - a constant of ours
_ALL_USES = f"""
    {_OPEN_USES} UNION ALL
    SELECT stream_id, component_id, from_us, to_us FROM usage
    WHERE component_id = ANY(CAST(:component_ids AS bigint[])) AND to_us < {OPEN}
"""  # noqa: S608

_LIVE = "(stream.kind = 'tracked' AND stream.retired_at IS NULL)"
_SUPPORTED = "(release.supported AND release.retired_at IS NULL)"
_AT = "to_timestamp(CAST(:at AS bigint) / 1000000.0)"

# Per time meant: the usages that count by themselves, whose streams count, which releases count.
_HEADS_NOW = (_OPEN_USES, _LIVE, _SUPPORTED)
_HEADS_EVER = (_ALL_USES, "true", "true")
_HEADS_THEN = (
    f"SELECT * FROM ({_ALL_USES}) AS every WHERE from_us <= :at AND to_us > :at",  # noqa: S608
    f"stream.kind = 'tracked' AND (stream.retired_at IS NULL OR stream.retired_at > {_AT})",
    f"release.supported AND (release.retired_at IS NULL OR release.retired_at > {_AT}) AND upload.at_us <= :at",
)


def _statement(uses: str, streams: str, releases: str) -> str:
    return f"""
WITH wanted AS (
    SELECT component_id, place
    FROM unnest(CAST(:component_ids AS bigint[]), CAST(:places AS smallint[])) AS wanted (component_id, place)
), used AS (
    SELECT heads.*, stream.product_id, stream.name AS stream, stream.retired_at AS left_at,
           '' AS release, CAST(NULL AS bigint) AS upload_id, to_us = {OPEN} AND {_LIVE} AS in_field
    FROM ({uses}) AS heads JOIN stream ON stream.id = heads.stream_id
    WHERE {streams}
    UNION ALL
    SELECT shipped.*, stream.product_id, stream.name, least(stream.retired_at, release.retired_at),
           release.version, release.upload_id, {_LIVE} AND {_SUPPORTED}
    FROM ({_ALL_USES}) AS shipped
    JOIN stream ON stream.id = shipped.stream_id
    JOIN release ON release.stream_id = shipped.stream_id
    JOIN upload ON upload.id = release.upload_id AND upload.voided_at IS NULL
         AND upload.at_us >= shipped.from_us AND upload.at_us < shipped.to_us
    WHERE {streams} AND {releases}
)
SELECT wanted.place, product.slug, used.stream, used.component_id, used.from_us, used.release, used.stream_id,
       used.upload_id, used.to_us, used.in_field,
       coalesce(team.name, (SELECT name FROM team WHERE fallback)),
       CASE WHEN team.id IS NULL THEN 'fallback' ELSE 'product team' END,
       product.title, used.left_at
FROM used
JOIN wanted ON wanted.component_id = used.component_id
JOIN product ON product.id = used.product_id
LEFT JOIN team ON team.id = product.team_id
WHERE (wanted.place, product.slug COLLATE "C", used.stream COLLATE "C", used.component_id, used.from_us,
       used.release COLLATE "C")
    > (CAST(:after_place AS smallint), CAST(:after_product AS text), CAST(:after_stream AS text),
       CAST(:after_component AS bigint), CAST(:after_from AS bigint), CAST(:after_release AS text))
ORDER BY wanted.place, product.slug COLLATE "C", used.stream COLLATE "C", used.component_id, used.from_us,
         used.release COLLATE "C"
LIMIT :limit
"""  # noqa: S608 - parts of ours, values bound


_STATEMENTS = {
    (False, False): text(_statement(*_HEADS_NOW)),
    (True, False): text(_statement(*_HEADS_EVER)),
    (False, True): text(_statement(*_HEADS_THEN)),
}

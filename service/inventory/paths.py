"""How components came into what was uploaded: root → component, by name.

The graph of the upload that a sighting stands on says it (see `graph`). Where the document says nothing, so do we.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select, text

from service.db import ReadSession, any_of
from service.inventory.answer import Named
from service.inventory.graph import SUBJECT, unpack
from service.inventory.graph import Graph as Unpacked
from service.inventory.models import Graph
from service.inventory.sightings import Sighting


class Path(NamedTuple):
    """Component ids from the subject (0), or from the topmost component known, down; empty when it is not known."""

    steps: list[int]
    subject: str

    def names(self, components: Mapping[int, Named]) -> list[str]:
        """Write it as people read it."""
        return [self.subject if step == SUBJECT else components[step].name for step in self.steps]


def paths_of(session: ReadSession, seen: Sequence[Sighting]) -> list[Path]:
    """Give each sighting's shortest path, in the order of *seen*."""
    if not seen:
        return []
    roots = _roots(session, seen)
    graphs = _graphs(session, {graph_id for graph_id, _ in roots if graph_id is not None})
    return [
        Path(
            next(iter(graphs[graph_id].paths_to(one.component_id)), []) if graph_id in graphs else [],
            subject or one.title,
        )
        for one, (graph_id, subject) in zip(seen, roots, strict=True)
    ]


#: The upload a sighting stands on: the release's own, else the last one before the component left.
_ROOTS = text("""
SELECT upload.graph_id, upload.subject
FROM unnest(CAST(:streams AS bigint[]), CAST(:ends AS bigint[]), CAST(:uploads AS bigint[]))
     WITH ORDINALITY AS seen (stream_id, to_us, upload_id, position)
LEFT JOIN LATERAL (
    SELECT graph_id, subject FROM upload
    WHERE seen.upload_id IS NOT NULL AND upload.id = seen.upload_id
    UNION ALL
    (SELECT graph_id, subject FROM upload
     WHERE seen.upload_id IS NULL AND upload.stream_id = seen.stream_id AND upload.voided_at IS NULL
       AND upload.at_us < seen.to_us
     ORDER BY upload.at_us DESC LIMIT 1)
) AS upload ON true
ORDER BY seen.position
""")


def _roots(session: ReadSession, seen: Sequence[Sighting]) -> list[tuple[int | None, str | None]]:
    rows = session.execute(
        _ROOTS,
        {
            "streams": [one.stream_id for one in seen],
            "ends": [one.to_us for one in seen],
            "uploads": [one.upload_id for one in seen],
        },
    )
    return [(row.graph_id, row.subject) for row in rows]


def _graphs(session: ReadSession, graph_ids: Iterable[int]) -> dict[int | None, Unpacked]:
    rows = session.execute(select(Graph.id, Graph.content).where(Graph.id == any_of(graph_ids)))
    return {graph_id: unpack(content) for graph_id, content in rows}

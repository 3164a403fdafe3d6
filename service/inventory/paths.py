"""How components came into what was uploaded: root → component, by name.

The graph of the upload that a sighting stands on says it (see `graph`). Where the document says nothing, so do we.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import select, text

from service.db import ReadSession, any_of
from service.inventory.catalogue_models import Component, Package
from service.inventory.graph import SUBJECT, unpack
from service.inventory.graph import Graph as Unpacked
from service.inventory.models import Graph
from service.inventory.sightings import Sighting


def paths_of(session: ReadSession, seen: Sequence[Sighting]) -> list[list[str]]:
    """Give each sighting's shortest path: the subject, or the topmost component known, down to the component.

    Returns:
        Names, in the order of *seen*; an empty list where the graph does not lead to the component.
    """
    roots = _roots(session, seen)
    graphs = _graphs(session, {graph_id for graph_id, _ in roots if graph_id is not None})
    found = [
        next(iter(graphs[graph_id].paths_to(one.component_id)), []) if graph_id in graphs else []
        for one, (graph_id, _) in zip(seen, roots, strict=True)
    ]
    names = component_names(session, {component_id for path in found for component_id in path})
    return [
        [(subject or one.title) if step == SUBJECT else names.get(step, "") for step in path]
        for one, (_, subject), path in zip(seen, roots, found, strict=True)
    ]


def component_names(session: ReadSession, component_ids: Iterable[int]) -> dict[int, str]:
    """Give components' names without namespace, as people say them."""
    rows = session.execute(
        select(Component.id, Package.name)
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(component_ids))
    )
    return {row.id: row.name for row in rows}


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

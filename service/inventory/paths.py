"""How components came into what was uploaded: root → component, by name.

The graph of the upload that a sighting or a snapshot stands on says it (see `graph`). Where the document says nothing,
so do we.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, select, text

from service.clock import OPEN
from service.db import ReadSession, any_of, arrays
from service.inventory.answer import Named
from service.inventory.catalogue_models import Component, Package
from service.inventory.field import FieldUse, literal_open
from service.inventory.graph import SUBJECT, Relation, unpack
from service.inventory.graph import Graph as Unpacked
from service.inventory.models import Graph, Release, Usage
from service.inventory.scopes import SCOPES
from service.inventory.sightings import Sighting
from service.inventory.snapshots import Snapshot
from service.inventory.ways import NO_WAY, Ways, ways_to


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
    roots = _roots(session, [(one.stream_id, one.to_us, one.upload_id) for one in seen])
    graphs = graphs_of(session, (graph_id for graph_id, _ in roots))
    return [
        Path(graphs[graph_id].path_to(one.component_id) if graph_id in graphs else [], subject or one.title)
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


def _roots(session: ReadSession, seen: Sequence[tuple[int, int, int | None]]) -> list[tuple[int | None, str | None]]:
    """Give graph and subject of what was seen: (stream, when it ended there, or the very upload)."""
    streams, ends, uploads = zip(*seen, strict=True)
    rows = session.execute(_ROOTS, {"streams": list(streams), "ends": list(ends), "uploads": list(uploads)})
    return [(row.graph_id, row.subject) for row in rows]


def relations_of(session: ReadSession, uses: Sequence[FieldUse], at_us: int | None = None) -> list[Relation]:
    """Tell of each use whether it is direct, in the order of *uses*: now, or as streams stood at a time."""
    places = sorted({(use.stream_id, use.release_id or 0) for use in uses})
    if not places:
        return []
    releases = select(Release.id, Release.upload_id).where(Release.id == any_of(release for _, release in places))
    uploads = {row.id: row.upload_id for row in session.execute(releases)}
    until = OPEN if at_us is None else at_us + 1
    roots = _roots(session, [(stream, until, uploads.get(release)) for stream, release in places])
    graphs = graphs_of(session, (graph_id for graph_id, _ in roots))
    found = {place: graphs.get(graph_id) for place, (graph_id, _) in zip(places, roots, strict=True)}
    return [relation_in(found[use.stream_id, use.release_id or 0], use.component_id) for use in uses]


def relation_in(graph: Unpacked | None, component_id: int) -> Relation:
    """Tell whether a component is direct, as far as there is a graph."""
    return graph.relation(component_id) if graph else "unknown"


def graphs_of(session: ReadSession, graph_ids: Iterable[int | None]) -> dict[int | None, Unpacked]:
    """Read graphs by id; None has none."""
    wanted = {graph_id for graph_id in graph_ids if graph_id is not None}
    rows = session.execute(select(Graph.id, Graph.content).where(Graph.id == any_of(wanted)))
    return {graph_id: unpack(content) for graph_id, content in rows}


def components_named(session: ReadSession, component_ids: Iterable[int]) -> dict[int, Named]:
    """Name components by id."""
    wanted = set(component_ids)
    if not wanted:
        return {}
    rows = session.execute(
        select(Component.id, Component.purl, Package.name, Component.version)
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(wanted))
    )
    return {component_id: Named(purl, name, version) for component_id, purl, name, version in rows}


# --- the paths of what somebody asked for ----------------------------------------------------------------------------

#: Place among what was asked for, stream, release or '', component.
Position = tuple[int, str, str, int]
BEGINNING: Position = (-1, "", "", 0)


@dataclass(frozen=True)
class Way:
    """How a component came into a snapshot; the counts are those of `ways.Ways`."""

    position: Position
    snapshot: Snapshot
    component: Named
    scope: str
    relation: Relation
    paths: list[list[Named]]
    path_count: int
    at_least: bool
    root_count: int
    entry_count: int


class Used(NamedTuple):
    """A wanted component that a snapshot contains."""

    position: Position
    snapshot: Snapshot
    component_id: int
    scope: int


def uses_in(session: ReadSession, snapshots: Sequence[Snapshot], places: Mapping[int, int]) -> list[Used]:
    """Find which of some components the snapshots contain, the surest first.

    Args:
        session: Reads only the streams' tables.
        snapshots: Where to look.
        places: Component id to its place among what was asked for.
    """
    if not snapshots or not places:
        return []
    # Open and ended apart: without either predicate there is no index by component.
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for bound in (Usage.to_us == literal_open(), Usage.to_us < literal_open()):
        for stream_id, at_us, component_id, scope in _uses(session, snapshots, places, bound):
            found.setdefault((stream_id, at_us), []).append((component_id, scope))
    used = (
        Used((places[id_], one.stream, one.release or "", id_), one, id_, scope)
        for one in snapshots
        for id_, scope in found.get((one.upload.stream_id, one.upload.at_us), ())
    )
    return sorted(used, key=lambda one: one.position)


def _uses(
    session: ReadSession, snapshots: Sequence[Snapshot], places: Mapping[int, int], bound: ColumnElement[bool]
) -> Iterable[tuple[int, int, int, int]]:
    moments = sorted({(one.upload.stream_id, one.upload.at_us) for one in snapshots})
    at = arrays(
        stream_id=(BigInteger(), [stream_id for stream_id, _ in moments]),
        at_us=(BigInteger(), [at_us for _, at_us in moments]),
    )
    rows = (
        select(at.c.stream_id, at.c.at_us, Usage.component_id, Usage.scope)
        .join(Usage, Usage.stream_id == at.c.stream_id)
        .where(bound, Usage.from_us <= at.c.at_us, Usage.to_us > at.c.at_us, Usage.component_id == any_of(places))
    )
    return [(row[0], row[1], row[2], row[3]) for row in session.execute(rows)]


def ways_of(session: ReadSession, used: Sequence[Used], *, most: int) -> list[Way]:
    """Say how each of these components came in, by at most *most* paths each, in the order of *used*."""
    graphs = graphs_of(session, (one.snapshot.upload.graph_id for one in used))
    ways = []
    for one in used:
        graph = graphs.get(one.snapshot.upload.graph_id)
        ways.append((graph.relation(one.component_id), ways_to(graph, one.component_id, most)) if graph else _NO_GRAPH)
    steps = {step for _, way in ways for path in way.paths for step in path}
    names = components_named(session, steps.union(one.component_id for one in used) - {SUBJECT})
    return [
        Way(
            position=one.position,
            snapshot=one.snapshot,
            component=names[one.component_id],
            scope=SCOPES[one.scope],
            relation=relation,
            paths=[_named(path, one.snapshot, names) for path in way.paths],
            path_count=way.total,
            at_least=way.at_least,
            root_count=way.roots,
            entry_count=way.entries,
        )
        for one, (relation, way) in zip(used, ways, strict=True)
    ]


_NO_GRAPH: tuple[Relation, Ways] = ("unknown", NO_WAY)


def _named(path: Sequence[int], snapshot: Snapshot, names: Mapping[int, Named]) -> list[Named]:
    subject = Named("", snapshot.upload.subject or snapshot.product.title, "")
    return [subject if step == SUBJECT else names[step] for step in path]

"""What a stream contained at one time, as the document that would list it: our merged view, whatever was sent.

The inventory keeps who a component is, not all that its SBOM said: descriptions, evidence and files are in the
original bytes alone.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import func, select

from service.clock import from_micros
from service.db import ReadSession, any_of
from service.inventory.catalogue_models import Component as Row
from service.inventory.catalogue_models import Package
from service.inventory.graph import SUBJECT, unpack
from service.inventory.models import Graph, Product, Stream, Upload, Usage
from service.inventory.scopes import SCOPES
from service.inventory.usage import contents
from service.sbom.document import Component, Document, Format, OperatingSystem, Scope, Subject, Tool
from service.sbom.soundness import version_in

#: purl types that name an image, and what CycloneDX and SPDX call one.
_IMAGES = {"docker": "container", "oci": "container"}
_SUBJECT_REF = "muster-subject"


def count_at(session: ReadSession, stream_id: int, at_us: int) -> int:
    """Count what a stream contained."""
    then = (Usage.from_us <= at_us) & (Usage.to_us > at_us)
    return session.scalar(select(func.count()).where(Usage.stream_id == stream_id, then)) or 0


def merged(session: ReadSession, product: Product, stream: Stream, at_us: int, tool: Tool) -> Document:
    """Write down what a stream contained.

    Args:
        session: One snapshot.
        product: The subject, under its title.
        stream: Of this product.
        at_us: When, in microseconds.
        tool: What the document says wrote it.

    Returns:
        A document of any format; its refs are ours, and the same view always has the same serial.
    """
    scopes = contents(session, stream.id, at_us)
    upload = _upload_at(session, stream.id, at_us)
    refs = {component_id: f"component-{component_id}" for component_id in scopes} | {SUBJECT: _SUBJECT_REF}
    components, distributions = _components(session, scopes, refs)
    label = (upload.version_label if upload else None) or from_micros(upload.at_us if upload else at_us)
    return Document(
        format=Format.CYCLONEDX_JSON,
        spec_version="",
        subject=Subject(ref=_SUBJECT_REF, name=product.title, version=_text(label), type="application"),
        components=components,
        dependencies=_edges(session, upload.graph_id if upload else None, refs),
        tools=(tool,),
        operating_system=_only(distributions),
        serial=serial_of(product.id, stream.id, at_us),
    )


def serial_of(product_id: int, stream_id: int, at_us: int) -> str:
    """Give the serial of the document that lists what a stream contained at a time."""
    return str(uuid5(NAMESPACE_URL, f"muster:{product_id}/{stream_id}@{at_us}"))


def _text(label: str | datetime | None) -> str:
    return label.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(label, datetime) else label or ""


def _upload_at(session: ReadSession, stream_id: int, at_us: int) -> Upload | None:
    before = (Upload.stream_id == stream_id) & Upload.voided_at.is_(None) & (Upload.at_us <= at_us)
    return session.scalar(select(Upload).where(before).order_by(Upload.at_us.desc()).limit(1))


def _components(
    session: ReadSession, scopes: Mapping[int, int], refs: Mapping[int, str]
) -> tuple[tuple[Component, ...], set[str]]:
    rows = session.execute(
        select(Row, Package.type, Package.namespace, Package.name)
        .join(Package, Package.id == Row.package_id)
        .where(Row.id == any_of(scopes))
        .order_by(Package.name, Row.version, Row.id)
    ).all()
    components = tuple(
        Component(
            ref=refs[row.id],
            name=name,
            namespace=namespace,
            version=row.version,
            type=_type(kind, name, row),
            purl=row.purl,
            cpes=tuple(row.cpes),
            hashes=tuple((algorithm, content) for algorithm, content in row.hashes),
            licence=row.licence,
            supplier=row.supplier,
            scope=Scope(SCOPES[scopes[row.id]]),
            source_name=row.source_name,
            source_version=row.source_version,
        )
        for row, kind, namespace, name in rows
    )
    return components, {row.distribution for row, *_ in rows if row.distribution}


def _type(kind: str, name: str, row: Row) -> str:
    """Say what a component is, which the inventory does not keep: an image by its purl, else a library.

    Whoever reads a library ``RSA-PKCS1-1.5`` without version and purl takes 1.5 for its version; so it is no library.
    """
    if not row.purl and not row.version and version_in(name):
        return "other"
    return _IMAGES.get(kind, "library")


def _only(distributions: Collection[str]) -> OperatingSystem | None:
    """Name the distribution where there is one; of several, each package's purl has to."""
    if len(distributions) != 1:
        return None
    (label,) = distributions
    name, _, version = label.partition(":")
    return OperatingSystem(id=name, version=version.removeprefix("v"))


def _edges(session: ReadSession, graph_id: int | None, refs: Mapping[int, str]) -> tuple[tuple[str, str], ...]:
    content = session.scalar(select(Graph.content).where(Graph.id == graph_id)) if graph_id is not None else None
    if content is None:
        return ()
    graph = unpack(content)
    edges = ((graph.nodes[above], node) for position, node in enumerate(graph.nodes) for above in graph.above(position))
    return tuple((refs[above], refs[below]) for above, below in edges if above in refs and below in refs)

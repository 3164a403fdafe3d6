"""Rows for tests, made by the functions that make them in earnest.

``make_upload(session, make_stream(session, make_product(session, "shop")), "pkg:npm/lodash@4.17.20")`` is a product
that uses lodash. Components are purls, or listed components where a purl cannot say it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count

from packageurl import PackageURL
from sqlalchemy import select

from service.access.models import Team
from service.db import WriteSession
from service.inventory.catalogue import resolve
from service.inventory.documents import store_documents, store_graphs
from service.inventory.graph import SUBJECT, pack
from service.inventory.models import Product, Release, Stream, Upload
from service.inventory.products import ensure_stream
from service.inventory.releases import label_upload
from service.inventory.uploads import Delivery, place
from service.sbom.document import Component, Document, Format, Subject, Tool

NOON = datetime(2024, 4, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ROOT = "root"

_numbers = count(1)


def make_team(session: WriteSession, name: str = "payments", **columns: object) -> Team:
    """Make a team that can be reached."""
    team = Team(name=name, **{"email": f"{name}@example.org", **columns})
    session.add(team)
    session.flush()
    return team


def make_product(session: WriteSession, slug: str = "shop", *, team: Team | None = None, **columns: object) -> Product:
    """Make a product; without team the fallback team answers for it."""
    values: dict[str, object] = {"title": slug, "created_at": NOON, "team_id": team.id if team else None} | columns
    product = Product(slug=slug, **values)
    session.add(product)
    session.flush()
    return product


def make_stream(session: WriteSession, product: Product, name: str = "main", *, preview: bool = False) -> Stream:
    """Make a stream, or find it."""
    return ensure_stream(session, product.id, name, preview=preview, now=NOON)


def make_component(purl: str = "", **fields: object) -> Component:
    """List a component as an SBOM does: by purl, or by name and version where it has none."""
    if purl:
        parsed = PackageURL.from_string(purl)
        said = {"name": parsed.name, "version": parsed.version or "", "namespace": parsed.namespace or ""}
        fields = {"ref": purl, "purl": purl, **said, **fields}
    return Component(**{"ref": f"ref-{next(_numbers)}", **fields})  # type: ignore[arg-type]


def make_document(
    *components: str | Component,
    subject: str = "subject",
    depends: Iterable[tuple[str, str]] = (),
    tool: str = "syft",
) -> Document:
    """Make a document. *depends* are pairs of refs: a purl is its component's ref, `ROOT` is the subject's."""
    listed = [make_component(one) if isinstance(one, str) else one for one in components]
    return Document(
        format=Format.CYCLONEDX_JSON,
        spec_version="1.6",
        subject=Subject(ref=ROOT, name=subject),
        components=tuple(listed),
        dependencies=tuple(depends),
        tools=(Tool(name=tool),),
    )


def make_upload(
    session: WriteSession,
    stream: Stream,
    *components: str | Component,
    at: datetime = NOON,
    version: str | None = None,
    supported: bool = False,
    depends: Iterable[tuple[str, str]] = (),
) -> Upload:
    """Upload an SBOM that lists these components; with *version* it is a release."""
    document = make_document(*components, depends=depends)
    upload = upload_document(session, stream, document, at=at, version=version)
    if version is not None:
        session.scalars(select(Release).where(Release.upload_id == upload.id)).one().supported = supported
        session.flush()
    return upload


def upload_document(
    session: WriteSession, stream: Stream, document: Document, *, at: datetime = NOON, version: str | None = None
) -> Upload:
    """Upload a document that was read or made."""
    resolved = resolve(session, document)
    nodes = [SUBJECT, *sorted(resolved.components)]
    position = {component_id: index for index, component_id in enumerate(nodes)}
    refs = {ref: position[component_id] for ref, component_id in resolved.refs.items()}
    if document.subject:
        refs[document.subject.ref] = 0
    edges = [(refs[one], refs[other]) for one, other in document.dependencies if one in refs and other in refs]
    delivery = Delivery(
        document_id=store_documents(session, [(f"document {next(_numbers)}".encode(), document)], now=at)[0],
        graph_id=store_graphs(session, [pack(nodes, edges) if edges else None])[0],
        at=at,
        version_label=version,
        replaces=None,
        actor="tests",
        received_at=at,
    )
    upload = place(session, stream, document, resolved, delivery).upload
    if version is not None:
        label_upload(session, stream.id, upload.id, version)
    return upload


def make_user(
    session: WriteSession, slug: str, *components: str | Component, team: Team | None = None, at: datetime = NOON
) -> Product:
    """Make a product whose stream ``main`` has these components: the shortest way to something in the field."""
    product = make_product(session, slug, team=team)
    make_upload(session, make_stream(session, product), *components, at=at)
    return product

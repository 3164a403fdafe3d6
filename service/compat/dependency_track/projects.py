"""Projects as Dependency-Track has them: a name is a product, each version a stream of it, named after the version.

`main` is the version that clients send when they know none, and the stream of whoever names none; it labels nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, NotRequired

from sqlalchemy import ColumnElement, any_, func, literal, or_, select
from typing_extensions import TypedDict

from service.access.roles import Actor
from service.compat.dependency_track.uuids import Kind, from_uuid, to_uuid
from service.db import ReadSession, any_of
from service.errors import NotFound
from service.inventory.models import Product, ProductSlug, Stream
from service.inventory.products import DEFAULT_STREAM, find_product
from service.inventory.slugs import slugify


class TagOut(TypedDict):
    """A tag; it is the product's, so all versions have it."""

    name: str


class ProjectOut(TypedDict):
    """A version of a product. What is not known is left out."""

    uuid: str
    name: str
    version: str
    classifier: str
    active: bool
    tags: list[TagOut]
    lastBomImport: NotRequired[int]


class Project(NamedTuple):
    """A product and one of its streams."""

    product: Product
    stream: Stream

    @property
    def uuid(self) -> str:
        """Its UUID, which lasts as long as the stream."""
        return to_uuid(Kind.PROJECT, self.stream.id)

    @property
    def active(self) -> bool:
        """Neither stream nor product is out of use."""
        return self.stream.retired_at is None and self.product.archived_at is None

    def as_values(self) -> ProjectOut:
        """Give it as Dependency-Track shows it."""
        values = ProjectOut(
            uuid=self.uuid,
            name=self.product.title,
            version=self.stream.name,
            classifier="APPLICATION",
            active=self.active,
            tags=[TagOut(name=tag) for tag in self.product.tags],
        )
        if self.stream.last_upload_at is not None:
            values["lastBomImport"] = milliseconds(self.stream.last_upload_at)
        return values


def milliseconds(at: datetime) -> int:
    """Write an instant as Dependency-Track does."""
    return int(at.timestamp() * 1000)


def stream_of(version: str) -> str:
    """Give the stream that is named after a version; '' is none."""
    return version or DEFAULT_STREAM


def label_of(stream: str) -> str | None:
    """Give the version label of what is uploaded to a stream through this door."""
    return None if stream == DEFAULT_STREAM else stream


def by_uuid(session: ReadSession, uuid: str, actor: Actor) -> Project:
    """Give the project of this UUID.

    Raises:
        NotFound: There is none, or the actor may not see it.
    """
    stream_id = from_uuid(Kind.PROJECT, uuid)
    stream = session.get(Stream, stream_id) if stream_id is not None else None
    if stream is None or not actor.sees(stream.product_id):
        raise not_found(f"No project has the UUID {uuid}, or this key may not see it.")
    return Project(session.get_one(Product, stream.product_id), stream)


def by_name(session: ReadSession, name: str, version: str, actor: Actor) -> Project:
    """Give the project of this name and version.

    Raises:
        NotFound: There is none, or the actor may not see it.
    """
    product = product_by_name(session, name, actor)
    wanted = stream_of(version)
    in_it = (Stream.product_id == (product.id if product else None)) & (Stream.name == wanted)
    stream = session.scalar(select(Stream).where(in_it))
    if product is None or stream is None:
        raise not_found(f"There is no {name} {wanted}, or this key may not see it; autoCreate=true makes one.")
    return Project(product, stream)


def product_by_name(session: ReadSession, name: str, actor: Actor) -> Product | None:
    """Give the product of this name, if it is there and the actor may see it."""
    try:
        product = find_product(session, slugify(name)[0])
    except NotFound:
        return None
    return product if actor.sees(product.id) else None


def not_found(why: str) -> NotFound:
    """Say it in Dependency-Track's words, and then why."""
    return NotFound(f"The project could not be found. {why}")


@dataclass(frozen=True)
class Wanted:
    """Which projects a list is of; None = whatever."""

    name: str | None = None
    tag: str | None = None
    active_only: bool = False
    product_ids: frozenset[int] | None = None


def list_projects(session: ReadSession, wanted: Wanted, *, offset: int, limit: int) -> tuple[list[Project], int]:
    """List the streams that builds are tracked in, by product and age; with how many there are in all.

    The offset is this dialect's; it costs what it skips.
    """
    where = _conditions(wanted)
    rows = select(Product, Stream).join(Stream, Stream.product_id == Product.id).where(*where)
    page = session.execute(rows.order_by(Product.slug, Stream.id).offset(offset).limit(limit))
    count = select(func.count()).select_from(Stream).join(Product, Product.id == Stream.product_id).where(*where)
    return [Project(*row) for row in page], session.scalar(count) or 0


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [Stream.kind == "tracked"]
    if wanted.name is not None:
        slug = slugify(wanted.name)[0]
        renamed = select(ProductSlug.product_id).where(ProductSlug.slug == slug)
        conditions.append(or_(Product.slug == slug, Product.id.in_(renamed)))
    if wanted.tag is not None:
        conditions.append(literal(wanted.tag) == any_(Product.tags))
    if wanted.active_only:
        conditions += [Stream.retired_at.is_(None), Product.archived_at.is_(None)]
    if wanted.product_ids is not None:
        conditions.append(Product.id == any_of(wanted.product_ids))
    return conditions

"""Making projects and changing them, as far as both worlds mean the same by it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field
from sqlalchemy import Engine, exists, select

from service.access import audit
from service.access.roles import Actor
from service.compat.dependency_track.projects import Project, by_uuid, product_by_name, stream_of
from service.db import WriteSession, writing
from service.errors import Conflict, NotFound, Refused
from service.flows import retiring
from service.inventory.models import Stream
from service.inventory.products import ensure_product, ensure_stream
from service.inventory.stewardship import ProductFields, lock_product, patch_product


class TagIn(BaseModel):
    """A tag."""

    name: str = Field(min_length=1, max_length=100)


Tags = Annotated[list[TagIn], Field(max_length=100)]


class ProjectIn(BaseModel):
    """A project to make. Other fields of Dependency-Track's projects are taken and not kept."""

    name: str = Field(min_length=1, max_length=500)
    version: str | None = Field(None, max_length=200)
    tags: Tags | None = None


class ProjectPatch(BaseModel):
    """What changes. Other fields of Dependency-Track's projects are taken and not kept."""

    name: str | None = None
    version: str | None = None
    active: bool | None = None
    tags: Tags | None = None


def make_project(session: WriteSession, body: ProjectIn, actor: Actor, *, now: datetime) -> Project:
    """Make a project that has no SBOM yet.

    Raises:
        Conflict: It is there already.
        NotFound: It would be a new product, and the actor may upload to some only.
    """
    name, stream_name = " ".join(body.name.split()), stream_of((body.version or "").strip())
    product = product_by_name(session, name, actor)
    if product is None and actor.products is not None:
        raise NotFound(f"This key is bound to products, and {name} is none of them.")
    is_new = product is None
    product = product or ensure_product(session, name, now=now)
    if session.scalar(select(exists().where(Stream.product_id == product.id, Stream.name == stream_name))):
        raise Conflict(f"A project with the specified name already exists: {name} {stream_name}.")
    stream = ensure_stream(session, product.id, stream_name, preview=False, now=now)
    if is_new and body.tags:
        patch_product(session, product, ProductFields(tags=_names(body.tags)))
    audit.record(session, actor, "project.make", f"{product.slug}/{stream.name}", now=now)
    return Project(product, stream)


def change_project(engine: Engine, uuid: str, body: ProjectPatch, actor: Actor, *, now: datetime) -> Project:
    """Change a project: its product's tags, and whether its stream is in use.

    Raises:
        Refused: Another name or version, which would be another product or stream.
    """
    with writing(engine) as session:
        project = by_uuid(session, uuid, actor)
        _refuse_renaming(project, body)
        if body.tags is not None:
            product = lock_product(session, project.product.slug)
            if patch_product(session, product, ProductFields(tags=_names(body.tags))):
                audit.record(session, actor, "product.patch", product.slug, {"tags": _names(body.tags)}, now=now)
    if body.active is not None and body.active != project.active:
        _put_in_use(engine, project, body.active, actor, now)
    with writing(engine) as session:
        return by_uuid(session, uuid, actor)


def _put_in_use(engine: Engine, project: Project, active: bool, actor: Actor, now: datetime) -> None:  # noqa: FBT001
    slug, stream = project.product.slug, project.stream.name
    if active:
        retiring.revive(engine, slug, stream, actor=actor, now=now)
    else:
        retiring.retire(engine, slug, stream, reason=f"made inactive by {actor.name}", actor=actor, now=now)


def _refuse_renaming(project: Project, body: ProjectPatch) -> None:
    same_name = body.name is None or body.name in {project.product.title, project.product.slug}
    if not same_name or (body.version is not None and stream_of(body.version) != project.stream.name):
        raise Refused(
            "A project keeps its name and version here. Rename the product with PATCH /v1/products/{product}; "
            "another version begins with its first SBOM."
        )


def _names(tags: Sequence[TagIn]) -> list[str]:
    return sorted({tag.name for tag in tags})

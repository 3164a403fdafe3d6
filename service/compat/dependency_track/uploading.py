"""From a submission to a stored SBOM: find or make the project it names, and send it the way of all uploads."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from service.access.roles import Actor
from service.compat.dependency_track.projects import (
    by_name,
    by_uuid,
    label_of,
    product_by_name,
    stream_of,
)
from service.compat.dependency_track.submissions import Submission
from service.compat.dependency_track.uuids import Kind, to_uuid
from service.db import ReadSession, WriteSession, reading
from service.errors import NotFound
from service.flows.parcels import Parcel
from service.flows.receiving import Request
from service.flows.receiving_apart import receive_parcel
from service.flows.traffic import in_transaction
from service.inventory.stewardship import ProductFields, lock_product, patch_product
from service.sbom.signatures import TrustedKey


def store(
    engine: Engine, sent: Submission, actor: Actor, *, now: datetime, trusted: tuple[TrustedKey, ...] = ()
) -> str:
    """Take in what was sent; everything is done when this returns.

    Returns:
        The token by which the client asks whether it is being processed.

    Raises:
        NotFound: The project is not there and is not to be made, or the actor may not see it.
        Unreadable: It is no sound SBOM; and all that `receive_parcel` raises.
    """
    with reading(engine) as session:
        request, is_new = _destination(session, sent, actor)
    with Parcel(sent.bom) as parcel:
        receipt = receive_parcel(engine, parcel, replace(request, trusted=trusted), now=now)
    upload_id = _upload_id(receipt.values)
    if is_new and sent.tags:
        in_transaction(engine, partial(_tag, slug=str(receipt.values["product"]), tags=sent.tags))
    return to_uuid(Kind.TOKEN, upload_id)


def _destination(session: ReadSession, sent: Submission, actor: Actor) -> tuple[Request, bool]:
    """Say where an SBOM goes, and whether its product is new."""
    if sent.project:
        project = by_uuid(session, sent.project, actor)
        return _request(project.product.slug, project.stream.name, actor), False
    product = product_by_name(session, sent.name, actor)
    if not sent.auto_create:
        by_name(session, sent.name, sent.version, actor)
    if product is None and actor.products is not None:
        raise NotFound(
            f"The project could not be found. This key is bound to products, and {sent.name} is none of them."
        )
    # By its slug where it is there: a name may have changed, and bound keys are asked for slugs.
    return _request(product.slug if product else sent.name, stream_of(sent.version), actor), product is None


def _request(product: str, stream: str, actor: Actor) -> Request:
    return Request(
        product=product,
        actor=actor.name,
        stream=stream,
        version=label_of(stream),
        products=actor.products,
        by=actor,
    )


def _upload_id(values: dict[str, object]) -> int:
    sbom = values["sbom"]
    return int(sbom["id"]) if isinstance(sbom, dict) else 0


def _tag(session: WriteSession, slug: str, tags: tuple[str, ...]) -> None:
    product = lock_product(session, slug)
    patch_product(session, product, ProductFields(tags=sorted({*product.tags, *tags})))

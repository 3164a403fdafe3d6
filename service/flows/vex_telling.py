"""What we say about a product, as a document: read, numbered, written."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version as version_of
from urllib.parse import quote, urlencode

import orjson
from sqlalchemy import Engine

from service.access.roles import Actor
from service.access.visibility import sight_of
from service.db import ReadSession, reading
from service.errors import NotFound
from service.flows.traffic import in_transaction
from service.incidents.seeing import seen_by
from service.incidents.vex import csaf, cyclonedx, openvex
from service.incidents.vex.statements import Format, Issue, Publisher, Status, Telling
from service.incidents.vex_exporting import Statements, statements_about
from service.incidents.vex_issuing import digest_of, issue
from service.inventory.models import Product
from service.inventory.products import find_product, find_stream
from service.inventory.releases import find_release
from service.sbom.apart import run_apart

#: Statements that CycloneDX's library writes in half a second. It holds the interpreter, and uploads should not wait.
_AT_HAND = 300
_SECONDS = 120.0


class NothingToState(NotFound):
    """There is nothing to state about this product."""

    slug = "nothing-to-state"


@dataclass(frozen=True)
class About:
    """Of which product, as which stream or release has it (None: all in the field)."""

    product: str
    stream: str | None = None
    release: str | None = None


def tell(
    engine: Engine, about: About, form: Format, *, publisher: Publisher, base: str, actor: Actor, now: datetime
) -> bytes:
    """Write what stands about a product's vulnerabilities, as far as the actor may see it.

    Args:
        engine: The database that is written to: a new version of what we say is numbered there.
        about: What.
        form: As what.
        publisher: Who says so.
        base: The address of this service, for ids and references.
        actor: Who asks.
        now: Aware UTC.

    Raises:
        NotFound: There is no such product, stream or release.
        NothingToState: No incident has touched what it has in the field.
    """
    sight = sight_of(actor)
    with reading(seen_by(engine, lambda: sight)) as session:
        product = _find(session, about, actor)
        said = statements_about(session, product, stream=about.stream, release=about.release)
    # OpenVEX takes a statement back by leaving it out, and has no document without any.
    if all(one.status is Status.RETRACTED and form is Format.OPENVEX for one in said.told):
        raise NothingToState(f"No incident has touched what {product.slug} has in the field, so nothing is to be said.")
    asked = _asked(about)
    scope = _scope(asked, said, whole=sight.whole, team_id=sight.team_id)
    numbering = partial(issue, product_id=product.id, scope=scope, digest=digest_of(said.told, publisher), now=now)
    dates = in_transaction(engine, numbering)
    address = f"{base}/v1/vex/{quote(product.slug)}"
    telling = Telling(
        slug=product.slug,
        title=product.title,
        publisher=publisher,
        address=address,
        tool_version=version_of("muster"),
        restricted=said.restricted,
        statements=said.told,
        issue=Issue(f"{address}?{scope}" if scope else address, dates),
    )
    return write(telling, form)


def write(telling: Telling, form: Format) -> bytes:
    """Write a document in JSON."""
    if form is Format.CYCLONEDX and len(telling.statements) > _AT_HAND:
        return run_apart("service.incidents.vex.cyclonedx", "fulfil", cyclonedx.order(telling), seconds=_SECONDS)
    if form is Format.CYCLONEDX:
        return cyclonedx.write(telling)
    return orjson.dumps(openvex.write(telling) if form is Format.OPENVEX else csaf.write(telling))


def _find(session: ReadSession, about: About, actor: Actor) -> Product:
    product = find_product(session, about.product)
    if not actor.sees(product.id):
        raise NotFound(f"There is no product {about.product}.")
    if about.stream is not None:
        find_stream(session, product.id, about.stream)
    if about.release is not None:
        labelled = find_release(session, product, about.release, stream=about.stream).release
        if not labelled.supported:
            raise NothingToState(f"Release {about.release} is not supported, so nothing is stated about it.")
    return product


def _asked(about: About) -> str:
    said = {"stream": about.stream, "version": about.release}
    return urlencode({name: value for name, value in said.items() if value is not None})


def _scope(asked: str, said: Statements, *, whole: bool, team_id: int | None) -> str:
    """Tell apart what is numbered apart: what everybody sees, and what only some do."""
    if not said.restricted:
        return asked
    embargoed = "embargoed=all" if whole else f"embargoed=team-{team_id}"
    return f"{asked}&{embargoed}" if asked else embargoed

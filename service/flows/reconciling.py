"""The invariant, checked: exposures say what field and matches say. A difference is an error, and is repaired."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Engine, select

from service.advisories.findings import evidence_about
from service.db import ReadSession, reading
from service.flows.settling import look_again
from service.flows.traffic import in_transaction
from service.incidents.assessing import Cause, Question, affected_components
from service.incidents.decisions import is_overridden
from service.incidents.models import Exposure, Incident
from service.incidents.presence import REOPENED_BY_MATCH
from service.inventory.field import all_uses
from service.inventory.models import Product
from service.log import logger

#: The actor of repairs.
RECONCILER = "reconcile"


@dataclass(frozen=True)
class Difference:
    """A product and a vulnerability on which exposures and inventory disagree."""

    product_id: int
    vulnerability_id: int
    affected: bool
    status: str | None
    presence: str | None


def differences(engine: Engine) -> Iterator[Difference]:
    """Compare every product's findings in the field with its exposures."""
    with reading(engine) as session:
        product_ids = list(session.scalars(select(Product.id).order_by(Product.id)))
    for product_id in product_ids:
        with reading(engine) as session:
            found = differences_of(session, product_id)
        yield from found  # outside: whoever repairs them takes a transaction of its own


def differences_of(session: ReadSession, product_id: int) -> list[Difference]:
    """Compare one product's findings in the field with its exposures."""
    uses = all_uses(session, product_id)
    affected = {
        vulnerability_id
        for _, vulnerability_id in affected_components(uses, evidence_about(session, {u.component_id for u in uses}))
    }
    rows = session.execute(
        select(Incident.vulnerability_id, Exposure.status, Exposure.presence, is_overridden())
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(Exposure.product_id == product_id, Exposure.status != "merged")
    )
    standing = {row[0]: (row[1], row[2], row[3]) for row in rows if row[0] is not None}
    found = []
    for vulnerability_id in sorted(affected | standing.keys()):
        status, presence, overridden = standing.get(vulnerability_id, (None, None, False))
        shown = presence == "present" and (overridden or status not in REOPENED_BY_MATCH)
        if shown != (vulnerability_id in affected):
            found.append(Difference(product_id, vulnerability_id, vulnerability_id in affected, status, presence))
    return found


def reconcile(engine: Engine, *, now: datetime) -> int:
    """Find differences, say so loudly, and repair them; gives how many there were."""
    count = 0
    for difference in differences(engine):
        count += 1
        logger("flows").error("exposures differ from the inventory", **vars(difference))
        with reading(engine) as session:
            component_ids = {use.component_id for use in all_uses(session, difference.product_id)}
        question = Question(
            frozenset([difference.product_id]), frozenset([difference.vulnerability_id]), frozenset(component_ids)
        )
        in_transaction(engine, partial(look_again, question=question, cause=Cause(actor=RECONCILER, at=now)))
    return count

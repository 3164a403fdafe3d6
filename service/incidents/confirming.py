"""Owners answer what the inventory cannot tell: affected, or not, and a sentence that others can check.

Nothing closes on a word. "Not affected" about an exposure is a proposal for a second person; about a product without
one, which no SBOM speaks of, it is the answer that the all-clear asks for. "Affected" acknowledges and is a comment.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from service.access.roles import Actor
from service.db import WriteSession
from service.errors import Forbidden, Unreadable
from service.incidents.declaration_models import IncidentAnswer
from service.incidents.lifecycle import comment, transition
from service.incidents.models import Exposure, Incident
from service.incidents.presence import ACTIVE
from service.incidents.representing import exposure_name
from service.incidents.requests import Decision, StepRefused
from service.incidents.timeline import Entry, write_timeline
from service.inventory.owners import Question, owners_of
from service.inventory.products import find_product

Became = Literal["answered", "commented", "proposed"]


@dataclass(frozen=True)
class Answer:
    """What somebody says of one product. `justification`: one of CycloneDX's, of what is not affected."""

    product: str
    affected: bool
    sentence: str
    justification: str = "code_not_present"


@dataclass(frozen=True)
class Answered:
    """What became of an answer."""

    product: str
    exposure: str | None
    became: Became
    note: str = ""


def answer(session: WriteSession, incident: Incident, said: Answer, *, actor: Actor, now: datetime) -> Answered:
    """Take an owner's answer about one product.

    Raises:
        NotFound: There is no such product.
        Forbidden: It is another team's.
        Unreadable: It has no sentence.
    """
    if not said.sentence.strip():
        raise Unreadable("An answer needs a sentence that others can check.")
    product = find_product(session, said.product)
    exposure = session.scalar(
        select(Exposure).where(
            Exposure.incident_id == incident.id, Exposure.product_id == product.id, Exposure.status.in_(sorted(ACTIVE))
        )
    )
    owner = exposure.team_id if exposure else owners_of(session, {0: Question(product.id)})[0].team_id
    if not actor.acts_for(owner):
        raise Forbidden(f"{product.slug} belongs to another team.")
    session.add(
        IncidentAnswer(
            incident_id=incident.id,
            product_id=product.id,
            at=now,
            actor=actor.name,
            affected=said.affected,
            sentence=said.sentence.strip(),
        )
    )
    if exposure is not None:
        return _about_exposure(session, exposure, said, actor, now)
    word = "affected" if said.affected else "not affected"
    entry = Entry(incident.id, "answered", f"{product.slug} is {word}: {said.sentence.strip()}")
    write_timeline(session, [entry], actor=actor.name, now=now)
    return Answered(product.slug, None, "answered")


def _about_exposure(session: WriteSession, exposure: Exposure, said: Answer, actor: Actor, now: datetime) -> Answered:
    name, sentence = exposure_name(exposure.id), said.sentence.strip()
    if said.affected:
        if exposure.status == "open":
            transition(session, exposure.id, Decision("acknowledged", sentence), actor=actor, now=now)
        comment(session, exposure.id, f"It is affected: {sentence}", actor=actor, now=now)
        return Answered(said.product, name, "commented")
    decision = Decision("not_affected", sentence, justification=said.justification)
    try:
        transition(session, exposure.id, decision, actor=actor, now=now)
    except StepRefused as refused:
        comment(session, exposure.id, f"It is not affected: {sentence}", actor=actor, now=now)
        return Answered(said.product, name, "commented", refused.detail)
    return Answered(said.product, name, "proposed")

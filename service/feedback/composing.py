"""What a message about an incident says: what happened, to whom, until when, and where to go on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.access.seals import Seals
from service.db import ReadSession
from service.feedback.letters import Letter, Part, one_line, shortened
from service.feedback.models import Message
from service.incidents.acknowledging import LINK_LIFE, acknowledge_path
from service.incidents.representing import exposures_as_values, incident_name, incidents_as_values, number_of

_MOST_LINES = 25
Values = Mapping[str, Any]

#: In the order of what matters most; the first that happened is in the subject.
_HEADS = {
    "incident.broadcast": "the CERT asks you",
    "exposure.escalated": "nobody has reacted",
    "exposure.reopened": "open again",
    "exposure.rated": "more urgent now",
    "exposure.opened": "new",
}
_WORDS = {
    "exposure.opened": "Affected since now",
    "exposure.reopened": "Affected again",
    "exposure.rated": "More urgent than before",
    "exposure.escalated": "Waiting for a reaction",
}
_KINDS = {"act": "Affected", "confirm": "Nobody can tell"}
_ASKS = {
    "act": "Your products are affected. Please act, and say that you have seen this.",
    "confirm": "Nobody can tell whether your products are affected. Please find out, and say that you have seen this.",
    "clear": "Your products are clear, as far as anybody can tell. There is nothing that you have to do.",
}


@dataclass(frozen=True)
class Desk:
    """What writing needs from outside: the public address (no slash at its end), and what seals links."""

    public_url: str
    seals: Seals


def compose(session: ReadSession, message: Message, desk: Desk, *, now: datetime) -> Letter:
    """Write a message about an incident as things are now, whatever they were when it began to gather."""
    if message.incident_id is None:
        return _notice(message.events, desk)
    incident = incidents_as_values(session, [message.incident_id])[message.incident_id]
    head = next((words for type_, words in _HEADS.items() if _of(message.events, type_)), "news")
    if incident.get("restricted"):
        return _sealed(message.incident_id, head, message.events, desk, now)
    names = [event["exposure"] for event in message.events if event["exposure"]]
    exposures = {f"EXP-{id_}": values for id_, values in exposures_as_values(session, _numbers(names), now=now).items()}
    name = str(incident["vulnerability"] or incident["title"])
    count = len(set(names))
    counted = f", {count} of your products" if count > 1 else ""
    subject = f"[{incident['id']}] {incident['priority']}: {name}{counted}: {head}"
    parts = [
        Part(one_line(f"{name}: {incident['title']}" if incident["title"] != name else name, 400)),
        Part(f"Severity {incident['severity']}, priority {incident['priority']}, status {incident['status']}."),
        *_broadcasts(message.incident_id, message.events, desk, now),
        *(part for type_, words in _WORDS.items() for part in _listed(_of(message.events, type_), words, exposures)),
        Part(link=("Everything about it", f"{desk.public_url}/incidents/{incident['id']}")),
    ]
    return Letter(one_line(subject), parts)


def _of(events: Sequence[Values], type_: str) -> list[Values]:
    return [event for event in events if event["type"] == type_]


def _numbers(names: Sequence[object]) -> set[int]:
    return {number_of(str(name), "EXP") for name in names}


def _listed(events: Sequence[Values], words: str, exposures: Mapping[str, Values]) -> list[Part]:
    """List the exposures of some events, each once."""
    distinct = {event["exposure"]: event for event in events}
    if not distinct:
        return []
    lines = (_line(event, exposures.get(name)) for name, event in distinct.items())
    return [Part(f"{words}:", shortened(lines, _MOST_LINES, len(distinct)))]


def _line(event: Values, exposure: Values | None) -> str:
    if exposure is None:
        return one_line(f"{event['exposure']} {event['product']}")
    due = exposure["remediate_due_at"] if exposure["acknowledged_at"] else exposure["acknowledge_due_at"]
    verb = "remediate" if exposure["acknowledged_at"] else "acknowledge"
    until = f", {verb} until {_brief(due)}" if due else ""
    return one_line(
        f"{exposure['product']} ({exposure['id']}, {exposure['owner']['team']}, {exposure['status']}{until})"
    )


def _brief(instant: object) -> str:
    return f"{str(instant)[:16].replace('T', ' ')} UTC"


def _broadcasts(incident_id: int, events: Sequence[Values], desk: Desk, now: datetime) -> list[Part]:
    """Say what the CERT asks, with the link that says "we have seen it" for each team that reads here."""
    parts = []
    for event in _of(events, "incident.broadcast"):
        parts += [Part(one_line(line, 10_000)) for line in str(event["message"]).splitlines() if line.strip()]
        parts += [Part(f"{words}:", lines) for kind, words in _KINDS.items() if (lines := _products(event, kind))]
        parts.append(Part(_ASKS[str(event["audience"])], link=_button(incident_id, event, desk, now)))
    return parts


def _button(incident_id: int, event: Values, desk: Desk, now: datetime) -> tuple[str, str] | None:
    if event["audience"] == "clear":
        return None
    team_id, broadcast_id = int(event["team_id"]), int(event["broadcast"])
    path = acknowledge_path(desk.seals, incident_id, team_id, broadcast_id, now + LINK_LIFE)
    return "We have seen it", f"{desk.public_url}{path}"


def _products(event: Values, kind: str) -> list[str]:
    slugs = event["products"].get(kind)
    named = slugs if isinstance(slugs, list) else []
    return shortened(map(one_line, named), _MOST_LINES, len(named))


def _sealed(incident_id: int, head: str, events: Sequence[Values], desk: Desk, now: datetime) -> Letter:
    """Say no more of an embargo than that there is something to read."""
    name = incident_name(incident_id)
    buttons = [_button(incident_id, event, desk, now) for event in _of(events, "incident.broadcast")]
    return Letter(
        f"[{name}] under embargo: {head}",
        [
            Part("Something under embargo concerns what you own. What it is does not travel by mail or chat."),
            *(Part(link=button) for button in buttons if button is not None),
            Part(link=("Sign in to read it", f"{desk.public_url}/incidents/{name}")),
        ],
    )


def _notice(events: Sequence[Values], desk: Desk) -> Letter:
    lines = [one_line(str(event["reason"])) for event in events]
    return Letter(
        "A webhook was disabled",
        [
            Part("Nothing is sent to it any more:", lines),
            Part(f"What it missed can be replayed: see {desk.public_url}/v1/webhooks."),
        ],
    )

"""From an exposure to the words of a ticket. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from service.feedback.tickets.connecting import Draft
from service.incidents.presence import ACTIVE

Values = Mapping[str, Any]

#: Where something is left to do, be it to wait for the end of an acceptance.
OPEN: Final = ACTIVE | {"risk_accepted"}
#: Steps that the ticket shows by itself, or that are about the ticket.
_SILENT: Final = frozenset({"opened", "linked", "unlinked", "seen"})
_MOST_PLACES: Final = 20
_LONGEST_TITLE: Final = 200


def draft(exposure: Values, incident: Values, *, marker: str, link: str) -> Draft:
    """Write what the ticket of an exposure shall say.

    Args:
        exposure: With its occurrences, as the API shows it.
        incident: As the API shows it.
        marker: Of this ticket system.
        link: Address of the incident on our pages; '' where there is none.
    """
    due = exposure["remediate_due_at"]
    return Draft(
        ref=ref_of(marker, str(exposure["id"])),
        group=marker,
        title=_title(exposure, incident),
        body="\n\n".join(filter(None, _paragraphs(exposure, incident, link))),
        priority=str(exposure["priority"]),
        due_at=datetime.fromisoformat(due) if due else None,
        is_open=exposure["status"] in OPEN,
    )


def ref_of(marker: str, exposure: str) -> str:
    """Give our id of a ticket: `muster-3fa1c2d4-exp-41`."""
    return f"{marker}-{exposure.lower()}"


def exposure_of(ref: str, marker: str) -> int | None:
    """Read our id back; None where it is none of this system's."""
    number = re.fullmatch(rf"{re.escape(marker)}-exp-([0-9]{{1,18}})", ref, re.ASCII)
    return int(number[1]) if number else None


def comment(steps: Iterable[Values], ref: str, last_id: int) -> tuple[str, str]:
    """Write what happened as one comment: (text, mark); '' = nothing. By its mark a comment is found again."""
    lines = [_line(step) for step in steps if step["step"] not in _SILENT]
    if not lines:
        return "", ""
    mark = f"{ref} {last_id}"
    return "\n".join([*lines, "", mark]), mark


def _line(step: Values) -> str:
    moved = f" ({step['from_status']} to {step['to_status']})" if step["from_status"] != step["to_status"] else ""
    reason = f": {step['reason']}" if step["reason"] else ""
    return f"{step['at']:%Y-%m-%d %H:%M} UTC, {step['actor']}: {step['step'].replace('_', ' ')}{moved}{reason}"


def _title(exposure: Values, incident: Values) -> str:
    name = incident["vulnerability"] or incident["id"]
    title = " ".join(f"{name} in {exposure['product']}: {incident['title']}".split())
    return title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"


def _paragraphs(exposure: Values, incident: Values, link: str) -> Iterable[str]:
    aliases = f" Also known as {', '.join(incident['aliases'])}." if incident["aliases"] else ""
    yield f"{incident['title']}.{aliases}"
    yield (
        f"Severity {incident['severity']}, priority {exposure['priority']}; status here: {exposure['status']}. "
        f"Owner: {exposure['owner']['team']} ({exposure['owner']['reason']})."
    )
    yield "\n".join(_places(exposure["occurrences"]))
    yield _clocks(exposure)
    yield (
        f"{exposure['id']} of {incident['id']}. "
        "Closing this ticket claims a fix, which counts once a later SBOM proves it."
        f"{' ' + link if link else ''}"
    )


def _places(occurrences: list[Values]) -> Iterable[str]:
    if not occurrences:
        return
    yield "Affected in the field:"
    for place in occurrences[:_MOST_PLACES]:
        where = f"{place['stream']} {place['release']}" if place["release"] else place["stream"]
        fixed = f", fixed in {', '.join(place['fixed_in'])}" if place["fixed_in"] else ", no fix known"
        yield f"- {where}: {place['purl'] or place['name'] + ' ' + place['version']}{fixed}"
    if len(occurrences) > _MOST_PLACES:
        yield f"- and {len(occurrences) - _MOST_PLACES} more"


def _clocks(exposure: Values) -> str:
    said = [("acknowledge by", "acknowledge_due_at"), ("fix by", "remediate_due_at")]
    due = [f"{words} {exposure[name]}" for words, name in said if exposure[name] and not _is_met(exposure, name)]
    return f"Due: {'; '.join(due)}." if due and exposure["status"] in ACTIVE else ""


def _is_met(exposure: Values, clock: str) -> bool:
    return clock == "acknowledge_due_at" and exposure["acknowledged_at"] is not None

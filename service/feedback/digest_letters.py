"""What a digest says: of each team, what happened in a line, what matters most by name, and what stands open. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.feedback.audience import IN_DIGESTS
from service.feedback.composing import Desk
from service.feedback.letters import Letter, Part, one_line, shortened
from service.feedback.models import Message

Values = Mapping[str, Any]

_WORDS = {
    "exposure.opened": "new",
    "exposure.reopened": "open again",
    "exposure.rated": "rated anew",
    "exposure.escalated": "without a reaction",
    "exposure.held": "that nobody can tell of any more",
    "exposure.assigned": "assigned to you",
    "exposure.resolved": "resolved",
    "exposure.withdrawn": "withdrawn",
}
_MOST_TEAMS_IN_SUBJECT = 3


def compose_digest(message: Message, desk: Desk) -> Letter:
    """Write a digest from what it has counted."""
    sections: list[Values] = list(message.events)
    teams = shortened((str(section["team"]) for section in sections), _MOST_TEAMS_IN_SUBJECT, len(sections))
    parts = [part for section in sections for part in _section(section)]
    link = Part(link=("All of it", f"{desk.public_url}/incidents"))
    return Letter(one_line(f"Digest of {message.digest}: {', '.join(teams)}"), [*parts, link])


def _section(section: Values) -> Iterator[Part]:
    yield Part(f"{section['team']}: {_counted(section)}.")
    yield Part("", shortened(map(_line, section["named"]), len(section["named"]), section["exposures"]))
    standing = section["standing"]
    if standing:
        opened = ", ".join(f"{count:,} {priority}" for priority, count in sorted(standing["open"].items()))
        yield Part(f"Open: {opened}; late: {standing['late']:,}.")


def _counted(section: Values) -> str:
    counts = section["counts"]
    words = [f"{counts[type_]:,} {_WORDS[type_]}" for type_ in IN_DIGESTS if type_ in counts]
    first_day = f" ({section['baseline']:,} of them found on a first SBOM)" if section["baseline"] else ""
    return ", ".join(words) + first_day


def _line(named: Values) -> str:
    about = f"{named['name']} in {named['product']}" if named["name"] else "under embargo"
    return one_line(f"{named['priority']}: {about} ({named['exposure']}, {_WORDS[named['type']]})")

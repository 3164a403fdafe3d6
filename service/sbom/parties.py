"""People and organisations, and how they are reached: a mail address, else a web address."""

from collections.abc import Iterable, Iterator
from typing import Any

from service.sbom.cyclonedx_model import Named
from service.sbom.texts import as_text, text

#: Authors of one document; nobody reads further.
_MOST = 50
_LONGEST = 300


def written(parties: Iterable[Named | None]) -> tuple[str, ...]:
    """Write each as ``Name <contact>``, ``Name`` or ``<contact>``, without repeats."""
    lines = (_line(party) for party in parties if party is not None)
    return cut(line for line in lines if line)


def cut(lines: Iterable[str]) -> tuple[str, ...]:
    """Keep as many, and as much of each, as somebody may want to read."""
    return tuple(dict.fromkeys(line[:_LONGEST] for line in lines))[:_MOST]


def contact_of(party: Named) -> str:
    """Give the first mail address, else the first web address, else nothing."""
    if party.email is None and party.url is None and party.contact is None:
        return ""
    people = _listed(party.contact)
    mails = (as_text(party.email), *(as_text(one.get("email")) for one in people if isinstance(one, dict)))
    return next((said for said in (*mails, *map(as_text, _listed(party.url))) if "@" in said or "://" in said), "")


def _line(party: Named) -> str:
    name, contact = text(party.name) or next(_people(party), ""), contact_of(party)
    return f"{name} <{contact}>".strip() if contact else name


def _people(party: Named) -> Iterator[str]:
    """Name an organisation without a name by whom to ask there."""
    return filter(None, (as_text(one.get("name")) for one in _listed(party.contact) if isinstance(one, dict)))


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - 1.2 to 1.7 and their misreadings
    return value if isinstance(value, list) else [] if value is None else [value]

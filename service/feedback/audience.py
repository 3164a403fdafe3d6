"""Who hears of a change one by one, and who at the end of the day. Pure.

One by one: what demands action or attention and is new, comes back, or has become urgent; what nobody reacts to; and
what the CERT says to all. Everything else, and all that a product's first SBOM brought, is for the digest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from service.access.teams import Recipient

Role = Literal["team", "on-call", "manager", "cert"]
Channel = Literal["mail", "webhook", "chat"]

#: The classes in which people are told at once.
URGENT: Final = ("act", "attend")
#: What may be told one by one.
TOLD_ONE_BY_ONE: Final = (
    "exposure.opened", "exposure.reopened", "exposure.rated", "exposure.escalated", "incident.broadcast",
    "webhook.disabled",
)  # fmt: skip
#: What a digest counts, in its order.
IN_DIGESTS: Final = (
    "exposure.opened", "exposure.reopened", "exposure.rated", "exposure.escalated", "exposure.held",
    "exposure.assigned", "exposure.resolved", "exposure.withdrawn",
)  # fmt: skip


@dataclass(frozen=True)
class Address:
    """Where a message goes: an address of mail, or the team whose own address has a secret in it (`team:7`)."""

    channel: Channel
    recipient: str


def is_told_at_once(type_: str, priority: str, origin: str) -> bool:
    """Tell whether a change of an exposure is told one by one.

    What was found on the first day is not new; what has become urgent since then, or stays unanswered, is.
    """
    if type_ not in TOLD_ONE_BY_ONE or priority not in URGENT:
        return False
    return origin != "baseline" or type_ in ("exposure.rated", "exposure.escalated", "exposure.reopened")


def addresses_of(
    role: Role, team_id: int, teams: Mapping[int, Recipient], fallback_id: int, channels: Iterable[str]
) -> list[Address]:
    """Say where a message to somebody of a team goes; whoever cannot be reached is heard for by the next.

    The team by whoever is on call, on-call by the team, the manager by the CERT; and at last the fallback team. Empty
    where not even that one has an address in one of *channels*.
    """
    open_ = frozenset(channels)
    for candidate, id_ in _in_turn(role, team_id, fallback_id):
        found = [one for one in _of(candidate, id_, teams.get(id_)) if one.channel in open_]
        if found:
            return found
    return []


def _in_turn(role: Role, team_id: int, fallback_id: int) -> list[tuple[Role, int]]:
    at_last: list[tuple[Role, int]] = [("team", fallback_id), ("on-call", fallback_id)]
    turns: dict[Role, list[tuple[Role, int]]] = {
        "team": [("team", team_id), ("on-call", team_id)],
        "on-call": [("on-call", team_id), ("team", team_id)],
        "manager": [("manager", team_id)],
        "cert": [],
    }
    return turns[role] + at_last


def _of(role: Role, team_id: int, team: Recipient | None) -> list[Address]:
    if team is None:
        return []
    if role in ("on-call", "manager"):
        person = team.on_call if role == "on-call" else team.manager
        return [Address("mail", person.lower())] if person else []
    found: list[Address] = []
    if team.email:
        found.append(Address("mail", team.email.lower()))
    if team.webhook:
        found.append(Address("webhook", f"team:{team_id}"))
    if team.chat:
        found.append(Address("chat", f"team:{team_id}"))
    return found

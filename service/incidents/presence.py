"""What the inventory says about one vulnerability in one product, and what follows for its exposure. Pure.

Unknown is neither affected nor clean: whatever cannot be told holds an exposure open, and says why.
"""

from dataclasses import dataclass
from enum import StrEnum

#: Statuses in which somebody still has something to do.
ACTIVE = frozenset({"open", "acknowledged", "in_progress", "fix_claimed"})
#: Statuses that a clean inventory ends as `resolved`: an accepted risk that is gone needs no acceptance.
ENDED_BY_PROOF = ACTIVE | {"risk_accepted"}
#: Statuses that are held while it cannot be told whether anything is affected.
HELD = ENDED_BY_PROOF | {"not_affected"}
#: Statuses that a match in the field opens again.
REOPENED_BY_MATCH = frozenset({"resolved", "withdrawn", "retired"})


class Absence(StrEnum):
    """Why nothing in the field matches any more."""

    LEFT = "left"  # the components are gone
    UNMATCHED = "unmatched"  # they are still there; the advisory changed or was withdrawn
    RETIRED = "retired"  # they are in streams or releases that are out of support
    TAKEN_BACK = "taken-back"  # the SBOM that listed them was a mistake


@dataclass(frozen=True)
class Seen:
    """What the field shows: affected, or why not, or why that cannot be told (`hold`).

    Attributes:
        present: Something in the field is certainly affected.
        absence: Why nothing is, if nothing is.
        hold: Why that cannot be told; '' if it can.
        suspected: We declared it ourselves, and something in the field may be it: that opens again what had ended.
        retracted: What may have proved it clean was taken back just now.
    """

    present: bool
    absence: Absence = Absence.LEFT
    hold: str = ""
    suspected: bool = False
    retracted: bool = False


@dataclass(frozen=True)
class Step:
    """A move of the machine: a new status (None = the same), what presence becomes, and the reason for the timeline."""

    name: str
    to_status: str | None
    presence: str
    reason: str
    hold: str | None = None


def step_for(status: str | None, presence: str | None, hold: str | None, seen: Seen) -> Step | None:
    """Decide what the machine does to an exposure.

    Args:
        status: The exposure's; None where there is none yet.
        presence: What its presence is now.
        hold: The reason why it is held, if it is.
        seen: What the field shows.

    Returns:
        The step, or None where all is as it was.
    """
    if seen.present:
        return _affected(status, presence)
    if status is None:
        return None
    if seen.suspected and status in REOPENED_BY_MATCH:
        return Step("reopened", "open", "unknown", seen.hold, seen.hold)
    if seen.hold and status == "resolved" and seen.retracted:
        return Step("reopened", "open", "unknown", f"what proved it was taken back, and {seen.hold}", seen.hold)
    if seen.hold:
        return _held(status, hold, seen.hold)
    return _clean(status, presence, seen.absence)


def _affected(status: str | None, presence: str | None) -> Step | None:
    if status is None:
        return Step("opened", "open", "present", "a component in the field is affected")
    if status in REOPENED_BY_MATCH:
        return Step("reopened", "open", "present", f"affected again after it was {status}")
    if presence != "present":
        return Step("seen", None, "present", "a component in the field is affected")
    return None


def _held(status: str, hold: str | None, reason: str) -> Step | None:
    if status not in HELD or hold == reason:
        return None
    return Step("held", None, "unknown", reason, reason)


_ENDINGS = {
    Absence.LEFT: ("resolved", "resolved", "every upload in the field is clean"),
    Absence.UNMATCHED: ("withdrawn", "withdrawn", "no advisory names what is in the field any more"),
    Absence.RETIRED: ("retired", "retired", "what was affected is out of support, not fixed"),
    Absence.TAKEN_BACK: ("withdrawn", "withdrawn", "the SBOM that said so was taken back"),
}


def _clean(status: str, presence: str | None, absence: Absence) -> Step | None:
    if status in ENDED_BY_PROOF:
        name, to_status, reason = _ENDINGS[absence]
        return Step(name, to_status, "absent", reason)
    if presence != "absent":
        return Step("seen", None, "absent", "nothing in the field is affected")
    return None

"""What the machine makes of people's decisions: they hold for what they were about, and no longer.

A decision that does not cover what is in the field ends, and the exposure is open again; one that covers it keeps the
exposure where it is. Claims that a newer SBOM contradicts are taken back.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from service.db import ReadSession, WriteSession
from service.incidents.bounds import Uncovered
from service.incidents.claims import contradicted
from service.incidents.decisions import DECIDED, covered
from service.incidents.grounds import in_field
from service.incidents.models import Exposure
from service.incidents.moving import begun_anew, state_of, write_states
from service.incidents.presence import Step
from service.incidents.timeline import Entry, write_timeline

Steps = list[tuple[Exposure, Step]]


def heed_people(
    session: ReadSession,
    steps: Sequence[tuple[Exposure, Step]],
    exposures: Collection[Exposure],
    affecting: Mapping[int, Collection[int]],
) -> Steps:
    """Add to the machine's steps what follows for decisions and claims, and leave out what a decision covers.

    Args:
        session: Holds the locks of the exposures.
        steps: What the inventory alone would make of them.
        exposures: All that are looked at.
        affecting: Exposure id to the components in the field that affect it now.

    Returns:
        The steps to take, in the order of ids.
    """
    present = [exposure for exposure in exposures if affecting.get(exposure.id)]
    decided = [exposure.id for exposure in present if exposure.status in DECIDED]
    claimed = {exposure.id: affecting[exposure.id] for exposure in present if exposure.status == "fix_claimed"}
    judged = covered(session, decided, affecting) if decided else {}
    against = contradicted(session, claimed) if claimed else {}
    taken = {exposure.id: (exposure, step) for exposure, step in steps}
    for exposure in present:
        if exposure.id in judged:
            _judge(taken, exposure, judged[exposure.id])
        elif exposure.id in against and exposure.id not in taken:
            taken[exposure.id] = exposure, Step("doubted", "in_progress", "present", against[exposure.id])
    return [taken[id_] for id_ in sorted(taken)]


def _judge(taken: dict[int, tuple[Exposure, Step]], exposure: Exposure, missing: Uncovered | None) -> None:
    if missing is not None:
        taken[exposure.id] = exposure, Step("reopened", "open", "present", missing.reason)
    elif exposure.id in taken and taken[exposure.id][1].name == "reopened":  # an override stands, though it is listed
        del taken[exposure.id]
        if exposure.presence != "present":
            taken[exposure.id] = exposure, Step("seen", None, "present", "a component in the field is affected")


def reopen_outgrown(session: WriteSession, exposures: Collection[Exposure], *, actor: str, now: datetime) -> int:
    """Open again what was decided when its incident was less bad; gives how many there were.

    The session holds the exposures' locks, and has flushed what they and their incidents are now.
    """
    decided = {each.id: each for each in exposures if each.status in DECIDED and each.presence != "absent"}
    if not decided:
        return 0
    judged = covered(session, decided, in_field(session, decided))
    reasons = {id_: missing.reason for id_, missing in judged.items() if missing is not None}
    outgrown = [decided[id_] for id_ in sorted(reasons)]
    entries = [
        Entry(exposure.incident_id, "reopened", reasons[exposure.id], exposure.id, exposure.status, "open")
        for exposure in outgrown
    ]
    states = [
        (each, begun_anew(state_of(each), now, priority=each.priority, inputs=each.priority_inputs))
        for each in outgrown
    ]
    write_states(session, states, now)
    write_timeline(session, entries, actor=actor, now=now)
    return len(entries)

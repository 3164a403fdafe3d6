"""The numbers of response, together: as many statements for all teams as for one.

`measures.MEASURES` says what each of them counts.
"""

from collections.abc import Iterator

from service.db import ReadSession
from service.incidents.measures import MEASURES, Number, Slice, Window
from service.incidents.numbers_declared import declared_numbers
from service.incidents.numbers_episodes import episode_numbers, vex_latency
from service.incidents.numbers_presence import exposure_days
from service.incidents.numbers_standing import coverage, reassignments, standing_numbers

_PLACE = {name: place for place, name in enumerate(MEASURES)}


def numbers(session: ReadSession, window: Window, asked: Slice) -> list[Number]:
    """Give all numbers of a period, by group, then in the order of their definitions, what is new before the baseline.

    A group that has nothing to count is not there.
    """
    return sorted(_all(session, window, asked), key=_order)


def cheap_numbers(session: ReadSession, window: Window) -> list[Number]:
    """Give what can be asked every minute: all but what needs the inventory's history and the timeline."""
    found = [
        *episode_numbers(session, window, Slice()),
        *standing_numbers(session, Slice()),
        *coverage(session, Slice()),
    ]
    return sorted(found, key=_order)


def _order(number: Number) -> tuple[str, int, str]:
    return number.group or "", _PLACE[number.measure], {"new": "0"}.get(number.origin or "", number.origin or "")


def _all(session: ReadSession, window: Window, asked: Slice) -> Iterator[Number]:
    yield from episode_numbers(session, window, asked)
    yield from vex_latency(session, window, asked)
    yield from exposure_days(session, window, asked)
    yield from reassignments(session, window, asked)
    yield from standing_numbers(session, asked)
    yield from coverage(session, asked)
    yield from declared_numbers(session, window, asked)

"""The numbers of response as Prometheus' gauges: of the last thirty days, of the whole; asked once a minute at most.

No key is asked for, so that no team or product is named; CSV and JSON name them to whoever may read incidents.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from fastapi import FastAPI

from service.api.numbers import USUAL
from service.db import ReadSession
from service.incidents.measures import MEASURES, Number, Window
from service.incidents.numbers import cheap_numbers

#: Scrapers come every few seconds, and from several places.
_FRESH = timedelta(minutes=1)


def number_lines(app: FastAPI, session: ReadSession, *, now: datetime) -> list[str]:
    """Give ``muster_response_<measure>``, by origin where that makes a difference."""
    asked_at, lines = getattr(app.state, "number_lines", (None, []))
    if asked_at is None or not timedelta(0) <= now - asked_at < _FRESH:
        lines = list(_lines(cheap_numbers(session, Window(now - USUAL, now, now))))
        app.state.number_lines = (now, lines)
    return list(lines)


def _lines(found: Sequence[Number]) -> Iterator[str]:
    for name, measure in MEASURES.items():
        known = [one for one in found if one.measure == name and one.value is not None]
        if not known:
            continue
        metric = f"muster_response_{name}" + {"seconds": "_seconds", "share": "_ratio"}.get(measure.unit, "")
        yield f"# HELP {metric} {measure.definition}"
        yield f"# TYPE {metric} gauge"
        for one in known:
            labels = f'{{origin="{one.origin}"}}' if one.origin else ""
            yield f"{metric}{labels} {one.value!r}"

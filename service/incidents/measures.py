"""The numbers of response: what each means, word for word (`tables/measures.toml`). Pure.

The definitions are answered with the numbers, so that nobody has to guess what a figure counts. All of them are about
*episodes* (from one opening of an exposure to its end) in the wall clock's time: nights, weekends and pauses count.
What a product brought along on its first day (``baseline``) is kept apart from what came later (``new``).
"""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

By = Literal["all", "team", "product", "priority"]


class Measure(NamedTuple):
    """A number's name, its unit, and what it counts."""

    name: str
    unit: str
    definition: str


def _read() -> dict[str, Measure]:
    table = tomllib.loads((Path(__file__).parent / "tables" / "measures.toml").read_text(encoding="utf-8"))
    return {name: Measure(name, said["unit"], said["definition"]) for name, said in table.items()}


#: By name, in the order in which they are shown.
MEASURES = _read()


@dataclass(frozen=True)
class Window:
    """The period [from, to), as of now: what lies ahead of now has not happened."""

    from_at: datetime
    to_at: datetime
    now: datetime

    @property
    def until(self) -> datetime:
        """Give the end of what is known of the period."""
        return min(self.to_at, self.now)


@dataclass(frozen=True)
class Slice:
    """Whose numbers, and how they are divided. None is everybody's."""

    by: By = "all"
    team_id: int | None = None
    product_id: int | None = None
    priority: str | None = None


class Number(NamedTuple):
    """One figure. Shares are `part` of `whole`; times rest on `whole` episodes. `value` None: nothing is to be counted.

    `group` is the team, product or priority that it is about, None for all; `origin` None where it makes no difference.
    """

    measure: str
    group: str | None
    origin: str | None
    value: float | None
    part: int | None
    whole: int | None


def share(measure: str, group: str | None, origin: str | None, part: int, whole: int) -> Number:
    """Give a share; of nothing there is none."""
    return Number(measure, group, origin, part / whole if whole else None, part, whole)


def count(measure: str, group: str | None, origin: str | None, number: int) -> Number:
    """Give a count."""
    return Number(measure, group, origin, number, None, None)


def seconds(measure: str, group: str | None, origin: str | None, value: object, over: int) -> Number:
    """Give a time in seconds, to the millisecond."""
    return Number(measure, group, origin, None if value is None else round(float(str(value)), 3), None, over)

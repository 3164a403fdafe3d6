"""How bad, how soon: severities in order, the classes of urgency, and the clocks that follow. Pure.

Which class it is, and with how much time, is decided in `deciding`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

#: From worst to least. What nobody scored ranks as high: it may be anything.
SEVERITIES = ("critical", "high", "unscored", "medium", "low", "none")
_RANK = {name: rank for rank, name in enumerate(SEVERITIES)}


class Clock(NamedTuple):
    """How long until somebody must have looked, and until it must be fixed."""

    acknowledge: timedelta
    remediate: timedelta


#: The classes, from the most to the least urgent.
PRIORITIES = ("act", "attend", "track*", "track")

#: Budgets by class; the directive's times are those of the classes (see the ADR on priorities and clocks).
CLOCKS = {
    "act": Clock(timedelta(hours=1), timedelta(days=3)),
    "attend": Clock(timedelta(hours=8), timedelta(days=14)),
    "track*": Clock(timedelta(days=3), timedelta(days=60)),
    "track": Clock(timedelta(days=5), timedelta(days=180)),
}

#: The CERT waits for an answer to what it has declared.
ACKNOWLEDGE_DECLARED = timedelta(minutes=15)
#: Act is contained within a day: somebody has begun, with a plan.
CONTAIN = timedelta(hours=24)

#: The least time for what a product brought along on its first day, by how much the product matters.
FIRST_DAYS = {"high": timedelta(days=30), "medium": timedelta(days=60), "low": timedelta(days=90)}


def worst(severities: Iterable[str]) -> str:
    """Give the worst of some severities; an unscored one counts only where nothing is scored."""
    present = set(severities)
    scored = present - {"unscored"}
    return min(scored or present or {"unscored"}, key=_RANK.__getitem__)


def at_least(severity: str, threshold: str) -> bool:
    """Tell whether a severity is as bad as a gate's threshold; what nobody scored counts as high."""
    return _RANK["high" if severity == "unscored" else severity] <= _RANK[threshold]


#: From when on EPSS counts, and until when it goes on counting: scores change daily, priorities should not.
LIKELY, STILL_LIKELY = 0.5, 0.4


def is_likely(score: float | None, *, before: bool) -> bool:
    """Tell whether an EPSS score counts; *before*: it did until now."""
    return score is not None and score >= (STILL_LIKELY if before else LIKELY)


class Due(NamedTuple):
    """The two deadlines of an exposure; None = no clock runs."""

    acknowledge_at: datetime | None
    remediate_at: datetime


def due(
    priority: str,
    *,
    baseline: bool,
    opened_at: datetime,
    inputs: Mapping[str, Any] | None = None,
    declared: bool = False,
) -> Due:
    """Start the clocks.

    Args:
        priority: The class.
        baseline: What a product brought along on its first day: to be acknowledged only where harm is confirmed (KEV,
            malicious code), and else with the time that the product's tier gives to work off what was there already.
        opened_at: From when on the clocks run.
        inputs: The exposure's `priority_inputs`: they may give less time than the class, which decides without them.
        declared: The CERT declared it, and waits for an answer; `inputs` may say so too.
    """
    inputs = inputs or {}
    said = {one["name"]: one["value"] for one in inputs.get("inputs", ())}
    confirmed = inputs.get("confirmed", priority == "act")
    clock = CLOCKS[priority]
    acknowledge = ACKNOWLEDGE_DECLARED if declared or said.get("class") == "declared" else clock.acknowledge
    days = inputs.get("remediate_within_days")
    remediate = clock.remediate if days is None else timedelta(days=days)
    if baseline and not confirmed:
        least = FIRST_DAYS.get(said.get("mission_impact", ""), timedelta())
        return Due(None, opened_at + max(remediate, least))
    return Due(opened_at + acknowledge, opened_at + remediate)

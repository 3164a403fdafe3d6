"""How bad, how soon: severities in order, the decision, and the clocks that follow. Pure.

The decision is by severity and class, and by what is known of exploitation; malicious code always comes first.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

#: From worst to least. What nobody scored ranks as high: it may be anything.
SEVERITIES = ("critical", "high", "unscored", "medium", "low", "none")
_RANK = {name: rank for rank, name in enumerate(SEVERITIES)}


class Clock(NamedTuple):
    """How long until somebody must have looked, and until it must be fixed."""

    acknowledge: timedelta
    remediate: timedelta


#: Budgets by decision (facts measured against CISA's BOD 26-04; see the ADR on priorities).
CLOCKS = {
    "act": Clock(timedelta(hours=1), timedelta(days=3)),
    "attend": Clock(timedelta(hours=8), timedelta(days=14)),
    "track*": Clock(timedelta(days=3), timedelta(days=60)),
    "track": Clock(timedelta(days=5), timedelta(days=180)),
}


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

#: What a likely exploitation makes of a priority; never Act, which takes a known one.
_LIFTED = {"track": "track*", "track*": "attend"}


def is_likely(score: float | None, *, before: bool) -> bool:
    """Tell whether an EPSS score counts; *before*: it did until now."""
    return score is not None and score >= (STILL_LIKELY if before else LIKELY)


def priority_of(severity: str, kind: str, *, exploited: bool = False, likely: bool = False) -> str:
    """Decide how soon an incident has to be handled.

    Args:
        severity: The worst that is said.
        kind: ``malware`` needs no further reason.
        exploited: CISA lists it as exploited.
        likely: EPSS says so.
    """
    if kind == "malware" or exploited:
        return "act"
    priority = {"critical": "attend", "high": "track*", "unscored": "track*"}.get(severity, "track")
    return _LIFTED.get(priority, priority) if likely else priority


class Due(NamedTuple):
    """The two deadlines of an exposure; None = no clock runs."""

    acknowledge_at: datetime | None
    remediate_at: datetime


def due(priority: str, *, baseline: bool, opened_at: datetime) -> Due:
    """Start the clocks. What a product brought along on its first day needs no quick acknowledgement unless Act."""
    clock = CLOCKS[priority]
    acknowledge = None if baseline and priority != "act" else opened_at + clock.acknowledge
    return Due(acknowledge, opened_at + clock.remediate)

"""How bad an advisory says it is: CVSS vectors, or the words databases use instead. Pure.

Newer CVSS wins over older, a vector over a word. CVSS 2 has no rating scale; version 3's is borrowed, as OSV's own
tools do. Nothing said is ``unscored``, which is not ``none``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

Level = Literal["critical", "high", "medium", "low", "none", "unscored"]


@dataclass(frozen=True, slots=True)
class Severity:
    """A level, and the base score and vector it comes from where there is one."""

    level: Level
    score: float | None
    vector: str | None


UNSCORED = Severity("unscored", None, None)

_RANK: dict[Level, int] = {"unscored": 0, "none": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
_BANDS: tuple[tuple[float, Level], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
_CALCULATORS: dict[str, Callable[[str], Any]] = {"CVSS_V4": CVSS4, "CVSS_V3": CVSS3, "CVSS_V2": CVSS2}

# GitHub (MODERATE), Bitnami and curl (Title case), Android, Ubuntu's priorities, Debian's urgencies.
# "Unknown", "not yet assigned" and "end-of-life" say nothing about severity.
_WORDS: dict[str, Level] = {
    "critical": "critical",
    "high": "high",
    "important": "high",
    "moderate": "medium",
    "medium": "medium",
    "low": "low",
    "negligible": "low",
    "unimportant": "low",
}


def rate(severities: object, database_specific: object, ecosystem_specific: object) -> Severity:
    """Rate one set of statements: the record's own, or those of one affected package.

    Args:
        severities: The schema's list of ``{"type", "score"}``; whatever it is instead counts as empty.
        database_specific: May hold the word as ``severity``.
        ecosystem_specific: May hold the word as ``severity`` or ``urgency``.
    """
    stated = _stated(severities)
    for kind in _CALCULATORS:
        scored = [s for type_, score in stated if type_ == kind and (s := _from_vector(kind, score))]
        if scored:
            return most_severe(scored)
    words = [score for type_, score in stated if type_ not in _CALCULATORS]
    for specific, keys in ((database_specific, ("severity",)), (ecosystem_specific, ("severity", "urgency"))):
        if isinstance(specific, dict):
            words += [word for key in keys if isinstance(word := specific.get(key), str)]
    for word in words:
        if level := _WORDS.get(word.strip().lower()):
            return Severity(level, None, None)
    return UNSCORED


def most_severe(severities: Iterable[Severity]) -> Severity:
    """Pick the highest level, then the highest score; the first of equals."""
    return max(severities, key=lambda s: (_RANK[s.level], s.score or 0.0), default=UNSCORED)


def _stated(severities: object) -> list[tuple[object, str]]:
    if not isinstance(severities, list):
        return []
    return [
        (each.get("type"), each["score"])
        for each in severities
        if isinstance(each, dict) and isinstance(each.get("score"), str)
    ]


@lru_cache(maxsize=16_384)
def _from_vector(kind: str, vector: str) -> Severity | None:
    """Compute the base score; None where the vector does not hold together."""
    try:
        score = float(_CALCULATORS[kind](vector.strip()).base_score)
    except (CVSSError, ValueError, KeyError):
        return None
    level: Level = next((level for least, level in _BANDS if score >= least), "none")
    return Severity(level, score, vector.strip())

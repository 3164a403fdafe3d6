"""How bad an advisory says it is: CVSS vectors, or the words databases use instead. Pure.

Newer CVSS wins over older, a vector over a word. CVSS 2 has no rating scale; version 3's is borrowed, as OSV's own
tools do. Nothing said is ``unscored``, which is not ``none``.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

Level = Literal["critical", "high", "medium", "low", "none", "unscored"]


@dataclass(frozen=True, slots=True)
class Severity:
    """A level, the base score and vector it comes from where there is one, and the field that says so."""

    level: Level
    score: float | None
    vector: str | None
    source: str = ""


UNSCORED = Severity("unscored", None, None)

_RANK: dict[str, int] = {"unscored": 0, "none": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
_BANDS: tuple[tuple[float, Level], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
_CALCULATORS: dict[str, Callable[[str], Any]] = {"CVSS_V4": CVSS4, "CVSS_V3": CVSS3, "CVSS_V2": CVSS2}

#: Fields in which databases write a word; Ubuntu's priorities, Debian's urgencies among them.
_FIELDS = ("severity", "urgency", "ubuntu_priority")

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

#: Characters; version 4 with all of its metrics has 190. What is longer is none, and would be remembered.
_LONGEST_VECTOR: Final = 500


def rate(severities: object, database_specific: object, ecosystem_specific: object) -> Severity:
    """Rate one set of statements: the record's own, or those of one affected package.

    Args:
        severities: The schema's list of ``{"type", "score"}``; whatever it is instead counts as empty.
        database_specific: May hold a vector as ``cvss``, and a word.
        ecosystem_specific: May hold a word.
    """
    stated = _stated(severities) or _stated_aside(database_specific)
    for kind in _CALCULATORS:
        vectors = ((score, field) for type_, score, field in stated if type_ == kind and len(score) <= _LONGEST_VECTOR)
        scored = [s for score, field in vectors if (s := _from_vector(kind, score, field))]
        if scored:
            return most_severe(scored)
    words = [(score, field) for type_, score, field in stated if type_ not in _CALCULATORS]
    for name, specific in (("database_specific", database_specific), ("ecosystem_specific", ecosystem_specific)):
        if isinstance(specific, dict):
            words += [(word, f"{name}.{key}") for key in _FIELDS if isinstance(word := specific.get(key), str)]
    for word, field in words:
        if level := _WORDS.get(word.strip().lower()):
            return Severity(level, None, None, field)
    return UNSCORED


def rate_erratum(summary: str) -> Severity:
    """Read the word that Red Hat, and whoever rebuilds it, begin the title of a security erratum with."""
    word = _ERRATUM.match(summary)
    return Severity(_WORDS[word[1].lower()], None, None, "summary") if word else UNSCORED


_ERRATUM = re.compile(r"(Critical|Important|Moderate|Low):")


def most_severe(severities: Iterable[Severity]) -> Severity:
    """Pick the highest level, then the highest score; the first of equals."""
    return max(severities, key=lambda s: (_RANK[s.level], s.score or 0.0), default=UNSCORED)


def level_rank(level: str) -> int:
    """Rank levels, the worst highest; what is unscored says least."""
    return _RANK.get(level, 0)


def cvss_version(vector: str) -> str:
    """Tell a vector's version: ``4.0``, ``3.1``, ``3.0``; those of version 2 do not say theirs."""
    return vector[5:8] if vector.startswith("CVSS:") else "2.0"


def _stated(severities: object) -> list[tuple[object, str, str]]:
    """Give (type, score, field) of what the schema's list says."""
    if not isinstance(severities, list):
        return []
    return [
        (each.get("type"), each["score"], str(each.get("type") or "severity"))
        for each in severities
        if isinstance(each, dict) and isinstance(each.get("score"), str) and each["score"].strip()
    ]


def _stated_aside(specific: object) -> list[tuple[object, str, str]]:
    """Give the vector that a record keeps outside of the schema's list, as RustSec does, and GitHub once did."""
    if not isinstance(specific, dict):
        return []
    value = specific.get("cvss") or specific.get("CVSS")
    if isinstance(value, dict):
        value = value.get("vectorString") or value.get("Code")
    if not isinstance(value, str):
        return []
    kind = {"4": "CVSS_V4", "3": "CVSS_V3"}.get(cvss_version(value)[:1], "CVSS_V2")
    return [(kind, value, "database_specific.cvss")]


@lru_cache(maxsize=16_384)
def _from_vector(kind: str, vector: str, field: str) -> Severity | None:
    """Compute the base score; None where the vector does not hold together."""
    vector = vector.strip().strip("()")  # version 2's are written in brackets by some
    try:
        score = float(_CALCULATORS[kind](vector).base_score)
    except (CVSSError, ValueError, KeyError):
        return None
    level: Level = next((level for least, level in _BANDS if score >= least), "none")
    return Severity(level, score, vector, field)

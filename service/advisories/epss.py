"""FIRST's Exploit Prediction Scoring System, read. Pure.

::

    #model_version:v2025.03.14,score_date:2026-08-22T00:00:00+0000
    cve,epss,percentile
    CVE-2002-0367,0.04919,0.91446
"""

import re
from datetime import UTC, datetime

from service.advisories.signals_reading import CVE, MalformedSignals, Reading, beginning, checked, unpacked

COLUMNS = ("cve", "score", "percentile")

_HEADER = b"cve,epss,percentile"
_SHARE = r"(?:0(?:\.\d{1,20})?|1(?:\.0{1,20})?|\d(?:\.\d{1,20})?[eE]-\d{1,2})"
_ROW = re.compile(rf"^{CVE.pattern},{_SHARE},{_SHARE}$".encode(), re.MULTILINE)


def read_scores(content: bytes) -> Reading:
    """Read a day's scores as published, packed or not.

    Raises:
        MalformedSignals: It is no such file, or does not come to its end.
    """
    plain = unpacked(content).replace(b"\r\n", b"\n")
    comment, rest = plain.split(b"\n", 1) if plain.startswith(b"#") and b"\n" in plain else (b"", plain)
    header, _, rows = rest.partition(b"\n")
    if header != _HEADER:
        raise MalformedSignals(f"it is no list of EPSS scores; it begins with {beginning(plain)}")
    said = _said(comment.decode("utf-8", errors="replace"))
    rows = rows.rstrip(b"\n")
    row_count = sum(1 for _ in _ROW.finditer(rows))
    malformed: list[str] = []
    if row_count != rows.count(b"\n") + bool(rows):
        rows, malformed = _sorted_out(rows, first=3 if comment else 2)
    return checked(Reading(said.get("model_version"), _instant(said.get("score_date")), rows, row_count, malformed))


def _sorted_out(rows: bytes, first: int) -> tuple[bytes, list[str]]:
    """Tell rows that can be read from those that cannot; *first* is the line on which they begin."""
    good, malformed = [], []
    for number, row in enumerate(rows.split(b"\n"), start=first):
        if _ROW.fullmatch(row):
            good.append(row)
        else:
            malformed.append(f"line {number}: {beginning(row)}")
    return b"\n".join(good), malformed


def _said(comment: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in comment.lstrip("#").split(","))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _instant(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at

"""What others know about a vulnerability beside its advisories: whether it is exploited, and how likely that is.

A vulnerability has the signals of all its names; nothing is guessed from packages or titles.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Row, or_, select

from service.advisories.models import VulnerabilityAlias
from service.advisories.signal_models import Epss, Kev, SignalFeed
from service.db import ReadSession, any_of


class KevListing(NamedTuple):
    """CISA lists it as exploited: since when, until when it wants it fixed, and whether ransomware uses it."""

    cve: str
    added_on: date
    due_on: date | None
    ransomware: bool
    required_action: str

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        return {
            "cve": self.cve,
            "added": self.added_on.isoformat(),
            "due": self.due_on.isoformat() if self.due_on else None,
            "ransomware": self.ransomware,
            "required_action": self.required_action,
        }


class EpssScore(NamedTuple):
    """How likely FIRST thinks it is to be exploited within thirty days, and the share of all that score no higher."""

    cve: str
    score: float
    percentile: float
    scored_on: date | None

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        scored_on = self.scored_on.isoformat() if self.scored_on else None
        return {"cve": self.cve, "score": self.score, "percentile": self.percentile, "date": scored_on}


class Signals(NamedTuple):
    """What is known of one vulnerability; None where a source does not list it."""

    kev: KevListing | None = None
    epss: EpssScore | None = None

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        return {
            "kev": self.kev.as_values() if self.kev else None,
            "epss": self.epss.as_values() if self.epss else None,
        }


SILENCE = Signals()


def signals_of(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, Signals]:
    """Give the signals of vulnerabilities that have some: of several names the first listed, and the highest score."""
    scored_at = select(SignalFeed.released_at).where(SignalFeed.name == "epss").scalar_subquery()
    rows = session.execute(
        select(
            VulnerabilityAlias.vulnerability_id,
            VulnerabilityAlias.alias,
            Kev.added_on,
            Kev.due_on,
            Kev.ransomware,
            Kev.required_action,
            Epss.score,
            Epss.percentile,
            scored_at.label("scored_at"),
        )
        .outerjoin(Kev, Kev.cve == VulnerabilityAlias.alias)
        .outerjoin(Epss, Epss.cve == VulnerabilityAlias.alias)
        .where(VulnerabilityAlias.vulnerability_id == any_of(vulnerability_ids))
        .where(or_(Kev.cve.is_not(None), Epss.cve.is_not(None)))
    )
    said: dict[int, list[Row[*tuple[Any, ...]]]] = {}
    for row in rows:
        said.setdefault(row.vulnerability_id, []).append(row)
    return {vulnerability_id: Signals(_kev(rows), _epss(rows)) for vulnerability_id, rows in said.items()}


def _kev(rows: list[Row[*tuple[Any, ...]]]) -> KevListing | None:
    listed = [
        KevListing(row.alias, row.added_on, row.due_on, row.ransomware, row.required_action)
        for row in rows
        if row.added_on is not None
    ]
    return min(listed, key=lambda one: (one.added_on, one.cve), default=None)


def _epss(rows: list[Row[*tuple[Any, ...]]]) -> EpssScore | None:
    scored = [
        EpssScore(row.alias, row.score, row.percentile, row.scored_at.date() if row.scored_at else None)
        for row in rows
        if row.score is not None
    ]
    return max(scored, key=lambda one: (one.score, one.cve), default=None)

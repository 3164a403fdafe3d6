"""What was decided about exposures, for which packages and versions. Never rewritten: a decision is made, and it ends.

At most one decision of an exposure stands, and its status is the exposure's. Each ends when the exposure goes on to
another status, whoever moved it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Text, exists, insert, select, update

from service.db import ReadSession, WriteSession, any_of, arrays
from service.incidents.bounds import Bound, Grounds, Uncovered, uncovered
from service.incidents.decision_models import DecisionBound, DecisionRow
from service.incidents.grounds import known_about, package_name
from service.incidents.models import Exposure
from service.inventory.catalogue_models import OsvPackage, Package

#: Statuses that somebody's decision can have led to; `resolved` mostly comes of proof.
DECIDED = frozenset({"not_affected", "risk_accepted", "resolved"})


@dataclass(frozen=True)
class Authors:
    """Who decided, and who approved it, where it takes two."""

    decided_by: str
    decided_key_id: int | None
    approved_by: str | None = None
    approved_key_id: int | None = None


@dataclass(frozen=True)
class NewDecision:
    """A decision to write down."""

    exposure_id: int
    to: str
    authors: Authors
    reason: str
    bounds: tuple[Bound, ...]
    grounds: Grounds
    justification: str | None = None
    evidence: Mapping[str, object] | None = None
    expires_at: datetime | None = None
    source: str = "person"


@dataclass(frozen=True)
class MadeDecision:
    """A decision as it was made; `ended_at` is None while it stands."""

    id: int
    exposure_id: int
    to: str
    justification: str | None
    reason: str
    evidence: dict[str, object]
    expires_at: datetime | None
    decided_by: str
    decided_key_id: int | None
    approved_by: str | None
    approved_key_id: int | None
    decided_at: datetime
    source: str
    grounds: Grounds
    ended_at: datetime | None
    ended_reason: str | None
    bounds: tuple[Bound, ...]

    @property
    def stands(self) -> bool:
        """Tell whether it holds still."""
        return self.ended_at is None

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        return {
            "to": self.to,
            "justification": self.justification,
            "reason": self.reason,
            "evidence": self.evidence,
            "expires_at": written(self.expires_at),
            "decided_by": self.decided_by,
            "approved_by": self.approved_by,
            "decided_at": written(self.decided_at),
            "source": self.source,
            "bounds": [bound_values(bound) for bound in self.bounds],
        }


def bound_values(bound: Bound) -> dict[str, object]:
    """Give a bound as the API shows it."""
    return {"package": bound.package, "range": bound.range, "narrowed_to": bound.narrowed or None}


def decisions_of(
    session: ReadSession, exposure_ids: Collection[int], *, standing: bool = False
) -> dict[int, list[MadeDecision]]:
    """Give the decisions of exposures in the order they were made, perhaps only those that stand. Two statements."""
    rows = select(DecisionRow).where(DecisionRow.exposure_id == any_of(exposure_ids)).order_by(DecisionRow.id)
    if standing:
        rows = rows.where(DecisionRow.ended_at.is_(None))
    found = session.scalars(rows.execution_options(populate_existing=True)).all()
    bounds = _bounds(session, [row.id for row in found]) if found else {}
    made: dict[int, list[MadeDecision]] = {}
    for row in found:
        made.setdefault(row.exposure_id, []).append(_as_made(row, bounds.get(row.id, ())))
    return made


def covered(
    session: ReadSession, exposure_ids: Collection[int], components: Mapping[int, Collection[int]]
) -> dict[int, Uncovered | None]:
    """Say of exposures that a decision stands about whether it covers what is in the field now.

    Args:
        session: Sees the field as it is to be judged.
        exposure_ids: Those without a standing decision are left out of the answer.
        components: Exposure id to the affected components that are in the field now.

    Returns:
        Exposure id to what the decision does not cover; None: it covers it all.
    """
    standing = decisions_of(session, exposure_ids, standing=True)
    if not standing:
        return {}
    known = known_about(session, {id_: components.get(id_, ()) for id_ in standing})
    return {
        id_: uncovered(decision.bounds, decision.grounds, known[id_].used, known[id_].rating)
        for id_, (decision,) in standing.items()
    }


def is_overridden() -> ColumnElement[bool]:
    """Tell, in a statement about exposures, whether two people called one resolved although nothing proves it."""
    return (
        exists()
        .where(DecisionRow.exposure_id == Exposure.id, DecisionRow.ended_at.is_(None))
        .where(DecisionRow.to_status == "resolved")
    )


def record_decisions(session: WriteSession, made: Sequence[NewDecision], *, now: datetime) -> None:
    """Write decisions down, with their bounds. What stood about the exposures before ends."""
    if not made:
        return
    replaced = {decision.exposure_id: "another decision" for decision in made}
    _end(session, replaced, {}, now)
    created = session.execute(
        insert(DecisionRow).returning(DecisionRow.exposure_id, DecisionRow.id), [_row(each, now) for each in made]
    )
    ids = {row.exposure_id: row.id for row in created}
    bounds = [_bound_row(ids[each.exposure_id], bound) for each in made for bound in each.bounds]
    if bounds:
        session.execute(insert(DecisionBound), bounds)


def end_decisions(session: WriteSession, moved: Mapping[int, tuple[str, str]], *, now: datetime) -> None:
    """End the decisions of exposures that went on: exposure id to (new status, why). One of that status stands on."""
    if moved:
        _end(session, {id_: why for id_, (_, why) in moved.items()}, {id_: to for id_, (to, _) in moved.items()}, now)


def _end(session: WriteSession, why: Mapping[int, str], kept: Mapping[int, str], now: datetime) -> None:
    moved = arrays(
        exposure_id=(BigInteger(), list(why)),
        reason=(Text(), list(why.values())),
        kept=(Text(), [kept.get(id_, "") for id_ in why]),
    )
    session.execute(
        update(DecisionRow)
        .where(DecisionRow.exposure_id == moved.c.exposure_id, DecisionRow.ended_at.is_(None))
        .where(DecisionRow.to_status != moved.c.kept)
        .values(ended_at=now, ended_reason=moved.c.reason),
        execution_options={"synchronize_session": False},
    )


def _bounds(session: ReadSession, decision_ids: Iterable[int]) -> dict[int, tuple[Bound, ...]]:
    rows = session.execute(
        select(DecisionBound, Package.type, Package.namespace, Package.name, OsvPackage.ecosystem)
        .join(Package, Package.id == DecisionBound.package_id)
        .outerjoin(OsvPackage, OsvPackage.id == DecisionBound.osv_package_id)
        .where(DecisionBound.decision_id == any_of(decision_ids))
        .order_by(DecisionBound.id)
    )
    bounds: defaultdict[int, list[Bound]] = defaultdict(list)
    for row, kind, namespace, name, ecosystem in rows:
        bounds[row.decision_id].append(
            Bound(
                row.package_id, package_name(kind, namespace, name), row.osv_package_id, ecosystem or "",
                row.lo_version, row.hi_version, row.hi_included, row.narrowed, row.range,
            )
        )  # fmt: skip
    return {id_: tuple(listed) for id_, listed in bounds.items()}


def _as_made(row: DecisionRow, bounds: tuple[Bound, ...]) -> MadeDecision:
    return MadeDecision(
        row.id, row.exposure_id, row.to_status, row.justification, row.reason, row.evidence, row.expires_at,
        row.decided_by, row.decided_key_id, row.approved_by, row.approved_key_id, row.decided_at, row.source,
        Grounds.read(row.grounds), row.ended_at, row.ended_reason, bounds,
    )  # fmt: skip


def _row(made: NewDecision, now: datetime) -> dict[str, object]:
    return {
        **vars(made.authors),
        "exposure_id": made.exposure_id,
        "to_status": made.to,
        "justification": made.justification,
        "reason": made.reason,
        "evidence": dict(made.evidence or {}),
        "expires_at": made.expires_at,
        "decided_at": now,
        "source": made.source,
        "grounds": made.grounds.as_json(),
    }


def _bound_row(decision_id: int, bound: Bound) -> dict[str, object]:
    kept = ("package_id", "osv_package_id", "lo_version", "hi_version", "hi_included", "narrowed", "range")
    return {"decision_id": decision_id, **{name: getattr(bound, name) for name in kept}}


def written(at: datetime | None) -> str | None:
    """Write an instant in ISO 8601."""
    return at.isoformat().replace("+00:00", "Z") if at else None

"""What a release brings and fixes: the difference of two snapshots, and the vulnerabilities that came or went with it.

Both sides are judged by what is known now: a vulnerability that was published between the two builds and concerns both
neither came nor went.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import select

from service.advisories.findings import evidence_about
from service.db import ReadSession, any_of
from service.flows.answering import MOST, Finding, findings_of, with_fixes
from service.inventory.catalogue_models import Component
from service.inventory.diff import Diff, diff_of
from service.inventory.models import Product
from service.inventory.snapshots import (
    Snapshot,
    default_snapshot,
    find_snapshot,
    snapshot_before,
)

#: A package and a vulnerability, by id.
_Known = tuple[int, int]


@dataclass(frozen=True)
class Moved:
    """A finding that came or went. `elsewhere`: the other side has its vulnerability too, in another package."""

    finding: Finding
    elsewhere: bool

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        values = self.finding.as_values()
        del values["new"]
        return {**values, "elsewhere": self.elsewhere}


@dataclass(frozen=True)
class Comparison:
    """Two snapshots compared; findings are the worst first."""

    diff: Diff
    came: list[Moved]
    went: list[Moved]


def sides_named(session: ReadSession, product: Product, before: str, after: str) -> tuple[Snapshot | None, Snapshot]:
    """Find the two sides of a comparison.

    Args:
        session: Reads.
        product: Whose, where a reference names no other.
        before: See `snapshots`; '' is what the stream contained just before the other side.
        after: '' is the newest upload of ``main``, or of the only live stream.
    """
    newer = find_snapshot(session, product, after) if after else default_snapshot(session, product)
    older = find_snapshot(session, product, before) if before else snapshot_before(session, newer)
    return older, newer


def compare(
    session: ReadSession, before: Snapshot | None, after: Snapshot, *, with_findings: bool = True
) -> Comparison:
    """Compare two snapshots. A constant number of statements, and one pass over either document."""
    diff = diff_of(session, before, after)
    if not with_findings:
        return Comparison(diff, [], [])
    gone, come = diff.old.keys() - diff.new.keys(), diff.new.keys() - diff.old.keys()
    left = findings_of(session, (before or after).product.id, {id_: diff.old[id_] for id_ in gone})
    arrived = findings_of(session, after.product.id, {id_: diff.new[id_] for id_ in come})
    concerned = {item.vulnerability_id for finding in (*left, *arrived) for item in finding.evidence}
    staying = {
        (item.component_id, item.vulnerability_id)
        for item in (evidence_about(session, diff.old.keys() & diff.new.keys(), concerned) if concerned else ())
    }
    packages = _packages(session, gone | come | {component_id for component_id, _ in staying})
    stays = {(packages[component_id], vulnerability_id) for component_id, vulnerability_id in staying}
    then, now = stays | _known(left, packages), stays | _known(arrived, packages)
    came, went = _moved(arrived, packages, then), _moved(left, packages, now)
    return Comparison(diff, came=_shown(session, came), went=_shown(session, went))


def _shown(session: ReadSession, moved: list[Moved]) -> list[Moved]:
    """Find what fixes those of which an answer has room."""
    found = with_fixes(session, [one.finding for one in moved[:MOST]])
    return [replace(one, finding=finding) for one, finding in zip(moved, found, strict=False)] + moved[MOST:]


def _known(findings: Iterable[Finding], packages: dict[int, int]) -> set[_Known]:
    return {_what(finding, packages) for finding in findings}


def _moved(findings: Iterable[Finding], packages: dict[int, int], other_side: set[_Known]) -> list[Moved]:
    """Keep what the other side does not know of the same package."""
    still = {vulnerability_id for _, vulnerability_id in other_side}
    moved = ((finding, _what(finding, packages)) for finding in findings)
    return [Moved(finding, what[1] in still) for finding, what in moved if what not in other_side]


def _what(finding: Finding, packages: dict[int, int]) -> _Known:
    return packages[finding.component.id], finding.evidence[0].vulnerability_id


def _packages(session: ReadSession, component_ids: Iterable[int]) -> dict[int, int]:
    rows = session.execute(select(Component.id, Component.package_id).where(Component.id == any_of(component_ids)))
    return dict(rows.all())

"""What is known of everything that a product has in the field: the upload's answer, over all streams and releases."""

from collections import defaultdict
from dataclasses import dataclass, replace

from service.advisories.explaining import of_component, why_matched
from service.advisories.wording import Why
from service.db import ReadSession
from service.flows.answering import Finding, findings_of, with_fixes
from service.inventory.contents import places_of
from service.inventory.field import all_uses, newest_times
from service.inventory.scopes import SCOPES

Rank = tuple[bool | int | str, ...]


@dataclass(frozen=True)
class Placed:
    """A finding, seen from a stream's newest upload or from a supported release."""

    finding: Finding
    stream: str
    release: str | None
    why: tuple[Why, ...] = ()

    @property
    def rank(self) -> Rank:
        """Its place in the list, the worst first; lists go on after it."""
        return (*self.finding.rank, self.stream, self.release or "")

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        why = [one.as_values() for one in self.why]
        return {**self.finding.as_values(), "stream": self.stream, "release": self.release, "why": why}


def findings_in_field(session: ReadSession, product_id: int, *, after: Rank = (), limit: int = 50) -> list[Placed]:
    """Give a product's findings in the field, the worst first, each explained. A constant number of statements.

    `new` tells of those whose component came with its stream's newest upload.

    Args:
        session: One snapshot.
        product_id: Whose.
        after: The rank of the last one on the page before.
        limit: At most so many.
    """
    uses = all_uses(session, product_id)
    known: defaultdict[int, list[Finding]] = defaultdict(list)
    for finding in findings_of(session, product_id, {use.component_id: use.scope for use in uses}):
        known[finding.component.id].append(finding)
    newest = newest_times(session, product_id)
    streams, releases = places_of(session, uses)
    found = [
        Placed(
            replace(finding, scope=SCOPES[use.scope], new=use.from_us == newest.get(use.stream_id)),
            streams[use.stream_id],
            releases.get(use.release_id or 0),
        )
        for use in uses
        for finding in known[use.component_id]
    ]
    page = sorted((one for one in found if one.rank > after), key=lambda one: one.rank)[:limit]
    return _explained(session, page)


def _explained(session: ReadSession, page: list[Placed]) -> list[Placed]:
    evidence = [item for one in page for item in one.finding.evidence]
    why = why_matched(session, {item.component_id for item in evidence}, {item.advisory_id for item in evidence})
    return [
        replace(
            one,
            finding=finding,
            why=of_component(why, finding.component.id, (item.advisory_id for item in finding.evidence)),
        )
        for one, finding in zip(page, with_fixes(session, [one.finding for one in page]), strict=True)
    ]

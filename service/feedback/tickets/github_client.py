"""GitHub Issues, by REST API. The address is the API's: `https://api.github.com`, or `https://HOST/api/v3`.

Our id stands in the text, where no reader sees it. Searching is eventual; listing by label is not, and costs a page for
each hundred tickets, so a ticket is looked for by search and what changed is read by listing.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from service.feedback.tickets.connecting import Draft, Ticket
from service.feedback.tickets.tracker_client import Tracker, segment

_MARK: Final = re.compile(r"<!-- (muster-[0-9a-f]{8}-exp-\d+) -->")
_PAGE: Final = 100
HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class GitHub:
    """One repository."""

    def __init__(self, tracker: Tracker, repository: str, options: dict[str, Any]) -> None:
        self._tracker, self._repository = tracker, repository
        self._path = f"/repos/{repository}/issues"
        self._labels: list[str] = list(options.get("labels", []))

    def find(self, ref: str) -> list[Ticket]:
        """Search the text."""
        query = f'repo:{self._repository} is:issue in:body "{ref}"'
        found = self._tracker.call("GET", "/search/issues", q=query, sort="created", order="asc", per_page=_PAGE)
        tickets = [_ticket(issue) for issue in found["items"]]
        # The search splits words at dashes: exp-4 finds exp-41 as well.
        return sorted((t for t in tickets if ref in t.refs), key=lambda ticket: (ticket.created_at, int(ticket.key)))

    def get(self, key: str) -> Ticket:
        """Read one issue. A deleted one is 410, one that moved away 301."""
        return _ticket(self._tracker.call("GET", f"{self._path}/{segment(key)}"))

    def create(self, draft: Draft) -> Ticket:
        """Open an issue; labels that are new come into being with it."""
        body = {"title": draft.title, "body": _body(draft), "labels": [draft.group, draft.priority, *self._labels]}
        return _ticket(self._tracker.call("POST", self._path, body=body))

    def update(self, ticket: Ticket, draft: Draft) -> Ticket:
        """Say it anew, open or closed. Labels are people's from then on, but for the one that we list by."""
        body: dict[str, Any] = {"title": draft.title, "body": _body(draft)}
        if ticket.is_open != draft.is_open:
            body |= {"state": "open", "state_reason": "reopened"} if draft.is_open else {"state": "closed"}
        changed = self._tracker.call("PATCH", f"{self._path}/{segment(ticket.key)}", body=body)
        if draft.group not in {label["name"] for label in changed["labels"]}:
            self._tracker.call("POST", f"{self._path}/{segment(ticket.key)}/labels", body={"labels": [draft.group]})
        return _ticket(changed)

    def comment(self, key: str, text: str) -> None:
        """Add a comment."""
        self._tracker.call("POST", f"{self._path}/{segment(key)}/comments", body={"body": text})

    def has_comment(self, key: str, mark: str) -> bool:
        """Look through the comments."""
        return any(mark in comment["body"] for comment in self._tracker.pages(f"{self._path}/{segment(key)}/comments"))

    def changed_since(self, at: datetime, group: str) -> Iterable[Ticket]:
        """List by label; pull requests are issues too, and are left out."""
        since = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        listed = self._tracker.pages(
            self._path, labels=group, state="all", since=since, sort="updated", direction="asc", per_page=_PAGE
        )
        return (_ticket(issue) for issue in listed if "pull_request" not in issue)


def _body(draft: Draft) -> str:
    return f"{draft.body}\n\n<!-- {draft.ref} -->"


def _ticket(issue: dict[str, Any]) -> Ticket:
    return Ticket(
        key=str(issue["number"]),
        url=issue["html_url"],
        is_open=issue["state"] == "open",
        refs=frozenset(_MARK.findall(issue["body"] or "")),
        created_at=issue["created_at"],
    )

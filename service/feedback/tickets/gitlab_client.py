"""GitLab issues, by REST API version 4. A project is named by its path or its number.

Our id stands in the description, in a comment that is not shown; searching descriptions is at once.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from service.feedback.tickets.connecting import Draft, Ticket
from service.feedback.tickets.tracker_client import Tracker, segment

_MARK: Final = re.compile(r"<!-- (muster-[0-9a-f]{8}-exp-\d+) -->")
_PAGE: Final = 100


class GitLab:
    """One project."""

    def __init__(self, tracker: Tracker, project: str, options: dict[str, Any]) -> None:
        self._tracker = tracker
        self._path = f"/api/v4/projects/{quote(project, safe='')}/issues"
        self._labels: list[str] = list(options.get("labels", []))
        self._confidential = bool(options.get("confidential", True))

    def find(self, ref: str) -> list[Ticket]:
        """Search the description."""
        params: dict[str, str | int] = {"search": ref, "in": "description", "scope": "all", "per_page": _PAGE}
        tickets = [_ticket(issue) for issue in self._tracker.pages(self._path, **params)]
        return sorted((t for t in tickets if ref in t.refs), key=lambda ticket: (ticket.created_at, int(ticket.key)))

    def get(self, key: str) -> Ticket:
        """Read one issue."""
        return _ticket(self._tracker.call("GET", f"{self._path}/{segment(key)}"))

    def create(self, draft: Draft) -> Ticket:
        """Open an issue, confidential unless `options.confidential` says otherwise."""
        body = self._said(draft) | {
            "labels": ",".join([draft.group, draft.priority, *self._labels]),
            "confidential": self._confidential,
        }
        return _ticket(self._tracker.call("POST", self._path, body=body))

    def update(self, ticket: Ticket, draft: Draft) -> Ticket:
        """Say it anew, open or closed."""
        body = self._said(draft) | {"add_labels": draft.group}
        if ticket.is_open != draft.is_open:
            body["state_event"] = "reopen" if draft.is_open else "close"
        return _ticket(self._tracker.call("PUT", f"{self._path}/{segment(ticket.key)}", body=body))

    def comment(self, key: str, text: str) -> None:
        """Add a note."""
        self._tracker.call("POST", f"{self._path}/{segment(key)}/notes", body={"body": text})

    def has_comment(self, key: str, mark: str) -> bool:
        """Look through the notes, the newest first."""
        notes = self._tracker.pages(
            f"{self._path}/{segment(key)}/notes", order_by="created_at", sort="desc", per_page=_PAGE
        )
        return any(mark in note["body"] for note in notes)

    def changed_since(self, at: datetime, group: str) -> Iterable[Ticket]:
        """List by label and time of change."""
        since = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        listed = self._tracker.pages(
            self._path,
            labels=group,
            updated_after=since,
            scope="all",
            order_by="updated_at",
            sort="asc",
            per_page=_PAGE,
        )
        return map(_ticket, listed)

    def _said(self, draft: Draft) -> dict[str, Any]:
        said: dict[str, Any] = {"title": draft.title, "description": f"{draft.body}\n\n<!-- {draft.ref} -->"}
        if draft.due_at is not None:
            said["due_date"] = draft.due_at.date().isoformat()
        return said


def _ticket(issue: dict[str, Any]) -> Ticket:
    return Ticket(
        key=str(issue["iid"]),
        url=issue["web_url"],
        is_open=issue["state"] == "opened",
        refs=frozenset(_MARK.findall(issue["description"] or "")),
        created_at=issue["created_at"],
    )

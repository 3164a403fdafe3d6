"""Jira, Cloud and Data Center, by REST API version 2 (plain text instead of documents made of nodes).

Our id is a label, and an entity property beside it. Searching is eventual: an issue made just now may not be found yet.
Closing means taking a transition that leads into the category `done`; what a workflow calls it is its own affair.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from service.feedback.tickets.connecting import Draft, Missing, Rejected, Ticket
from service.feedback.tickets.tracker_client import Tracker, segment

_API: Final = "/rest/api/2"
_FIELDS: Final = "labels,status,created,updated"
_PAGE: Final = 100
#: JQL compares minutes in the time zone of the account; a day either way covers all of them.
_ZONES: Final = timedelta(days=1)
#: Jira's own names, which may be changed there: then `options.priorities` says which.
PRIORITIES: Final = {"act": "Highest", "attend": "High", "track*": "Medium", "track": "Low"}


class Jira:
    """One project."""

    def __init__(self, tracker: Tracker, url: str, project: str, options: dict[str, Any]) -> None:
        self._tracker, self._url, self._project = tracker, url.rstrip("/"), project
        self._type = options.get("issue_type", "Task")
        self._priorities = options.get("priorities", PRIORITIES)

    def find(self, ref: str) -> list[Ticket]:
        """Find by label."""
        found = list(self._search(f'project = "{self._project}" AND labels = "{ref}" ORDER BY created ASC'))
        return sorted(found, key=lambda ticket: (ticket.created_at, ticket.key))

    def get(self, key: str) -> Ticket:
        """Read one issue."""
        return self._ticket(self._tracker.call("GET", f"{_API}/issue/{segment(key)}", fields=_FIELDS))

    def create(self, draft: Draft) -> Ticket:
        """Open an issue; its property tells an app of theirs which exposure it is."""
        fields = self._fields(draft) | {
            "project": {"key": self._project},
            "issuetype": {"name": self._type},
            "labels": [draft.group, draft.ref],
        }
        body = {"fields": fields, "properties": [{"key": "muster.exposure", "value": {"ref": draft.ref}}]}
        made = self._tracker.call("POST", f"{_API}/issue", body=body)
        return self.get(made["key"])

    def update(self, ticket: Ticket, draft: Draft) -> Ticket:
        """Say it anew, keep both labels, and move it where it belongs."""
        labels = [{"add": draft.group}, {"add": draft.ref}]
        body = {"fields": self._fields(draft), "update": {"labels": labels}}
        self._tracker.call("PUT", f"{_API}/issue/{segment(ticket.key)}", body=body)
        if ticket.is_open != draft.is_open:
            self._move(ticket.key, done=not draft.is_open)
        return self.get(ticket.key)

    def comment(self, key: str, text: str) -> None:
        """Add a comment."""
        self._tracker.call("POST", f"{_API}/issue/{segment(key)}/comment", body={"body": text})

    def has_comment(self, key: str, mark: str) -> bool:
        """Look through the newest comments."""
        found = self._tracker.call("GET", f"{_API}/issue/{segment(key)}/comment", orderBy="-created", maxResults=50)
        return any(mark in comment["body"] for comment in found["comments"])

    def changed_since(self, at: datetime, group: str) -> Iterable[Ticket]:
        """List by label and time of change; more than asked for comes back rather than less."""
        since = (at - _ZONES).strftime("%Y-%m-%d %H:%M")
        return self._search(f'project = "{self._project}" AND labels = "{group}" AND updated >= "{since}"')

    def _fields(self, draft: Draft) -> dict[str, Any]:
        fields: dict[str, Any] = {"summary": draft.title, "description": draft.body}
        if name := self._priorities.get(draft.priority):
            fields["priority"] = {"name": name}
        if draft.due_at is not None:
            fields["duedate"] = draft.due_at.date().isoformat()
        return fields

    def _search(self, jql: str) -> Iterator[Ticket]:
        """Search as Cloud does, by token; where that is unknown, as Data Center does, by place."""
        body: dict[str, Any] = {"jql": jql, "fields": _FIELDS.split(","), "maxResults": _PAGE}
        try:
            found = self._tracker.call("POST", f"{_API}/search/jql", body=body)
        except Missing:
            yield from self._search_by_place(body)
            return
        yield from map(self._ticket, found["issues"])
        while token := found.get("nextPageToken"):
            found = self._tracker.call("POST", f"{_API}/search/jql", body=body | {"nextPageToken": token})
            yield from map(self._ticket, found["issues"])

    def _search_by_place(self, body: dict[str, Any]) -> Iterator[Ticket]:
        start = 0
        while True:
            found = self._tracker.call("POST", f"{_API}/search", body=body | {"startAt": start})
            yield from map(self._ticket, found["issues"])
            start += len(found["issues"])
            if not found["issues"] or start >= found["total"]:
                return

    def _move(self, key: str, *, done: bool) -> None:
        transitions = self._tracker.call("GET", f"{_API}/issue/{segment(key)}/transitions")["transitions"]
        for transition in transitions:
            if (transition["to"]["statusCategory"]["key"] == "done") == done:
                self._tracker.call(
                    "POST", f"{_API}/issue/{segment(key)}/transitions", body={"transition": {"id": transition["id"]}}
                )
                return
        wanted = "into" if done else "out of"
        raise Rejected(f"The workflow of {key} has no transition {wanted} the category done from where it is.")

    def _ticket(self, issue: dict[str, Any]) -> Ticket:
        fields, key = issue["fields"], issue["key"]
        return Ticket(
            key=key,
            url=f"{self._url}/browse/{key}",
            is_open=fields["status"]["statusCategory"]["key"] != "done",
            refs=frozenset(fields["labels"]),
            created_at=fields.get("created", ""),
        )

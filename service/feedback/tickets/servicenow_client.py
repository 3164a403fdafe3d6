"""ServiceNow, by its Table API. The place is a table: `incident`, `sn_si_incident`, one's own.

Our id is the `correlation_id`, what we have in common the `correlation_display`: fields that were made for this.
States are numbers that installations change; `options.states` says which.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from service.feedback.tickets.connecting import Draft, Missing, Ticket
from service.feedback.tickets.tracker_client import Tracker

_FIELDS: Final = "sys_id,number,state,correlation_id,correlation_display,sys_created_on"
_PAGE: Final = 200
_NUMBER: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
#: Of the table `incident` as it is delivered: resolved, closed, cancelled; and new, in which it begins again.
STATES: Final[dict[str, Any]] = {"closed": ["6", "7", "8"], "close": "6", "reopen": "2"}
#: Impact and urgency, of which the priority there follows.
_LEVELS: Final = {"act": ("1", "1"), "attend": ("1", "2"), "track*": ("2", "2"), "track": ("3", "3")}


class ServiceNow:
    """One table."""

    def __init__(self, tracker: Tracker, url: str, table: str, options: dict[str, Any]) -> None:
        self._tracker, self._url, self._table = tracker, url.rstrip("/"), table
        self._path = f"/api/now/table/{table}"
        self._states = STATES | dict(options.get("states", {}))
        self._fields: dict[str, Any] = dict(options.get("fields", {}))

    def find(self, ref: str) -> list[Ticket]:
        """Find by correlation id."""
        return list(self._list(f"correlation_id={ref}^ORDERBYsys_created_on^ORDERBYnumber"))

    def get(self, key: str) -> Ticket:
        """Read one record by its number."""
        self._check(key)
        for ticket in self._list(f"number={key}"):
            return ticket
        raise Missing(f"{self._table} has no {key}.")

    def create(self, draft: Draft) -> Ticket:
        """Insert a record, with what `options.fields` adds to each."""
        body = self._fields | self._said(draft) | {"correlation_id": draft.ref, "correlation_display": draft.group}
        return self._ticket(self._tracker.call("POST", self._path, body=body, sysparm_fields=_FIELDS)["result"])

    def update(self, ticket: Ticket, draft: Draft) -> Ticket:
        """Say it anew, resolved or begun again."""
        body = self._said(draft)
        if ticket.is_open and not draft.is_open:
            body |= {
                "state": self._states["close"],
                "close_code": "Solved (Permanently)",
                "close_notes": "A later SBOM proves the fix.",
            }
        elif draft.is_open and not ticket.is_open:
            body["state"] = self._states["reopen"]
        path = f"{self._path}/{self._sys_id(ticket.key)}"
        return self._ticket(self._tracker.call("PATCH", path, body=body, sysparm_fields=_FIELDS)["result"])

    def comment(self, key: str, text: str) -> None:
        """Add a work note, which customers do not see."""
        self._tracker.call("PATCH", f"{self._path}/{self._sys_id(key)}", body={"work_notes": text})

    def has_comment(self, key: str, mark: str) -> bool:
        """Look through the work notes."""
        query = f"element_id={self._sys_id(key)}^element=work_notes^valueLIKE{mark}"
        found = self._tracker.call("GET", "/api/now/table/sys_journal_field", sysparm_query=query, sysparm_limit=1)
        return bool(found["result"])

    def changed_since(self, at: datetime, group: str) -> Iterable[Ticket]:
        """List by correlation and time of change, which the API takes in UTC."""
        since = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        return self._list(f"correlation_display={group}^sys_updated_on>={since}^ORDERBYsys_updated_on")

    def _said(self, draft: Draft) -> dict[str, Any]:
        impact, urgency = _LEVELS[draft.priority]
        return {
            "short_description": draft.title[:160],
            "description": draft.body,
            "impact": impact,
            "urgency": urgency,
        }

    def _list(self, query: str) -> Iterator[Ticket]:
        offset = 0
        while True:
            found = self._tracker.call(
                "GET",
                self._path,
                sysparm_query=query,
                sysparm_fields=_FIELDS,
                sysparm_limit=_PAGE,
                sysparm_offset=offset,
            )["result"]
            yield from map(self._ticket, found)
            offset += len(found)
            if len(found) < _PAGE:
                return

    def _sys_id(self, key: str) -> str:
        self._check(key)
        found = self._tracker.call(
            "GET", self._path, sysparm_query=f"number={key}", sysparm_fields="sys_id", sysparm_limit=1
        )["result"]
        if not found:
            raise Missing(f"{self._table} has no {key}.")
        return str(found[0]["sys_id"])

    def _check(self, key: str) -> None:
        """Refuse what would be more than a number inside a query: people may link anything."""
        if not _NUMBER.fullmatch(key):
            raise Missing(f"{self._table} has no {key!r}.")

    def _ticket(self, record: dict[str, Any]) -> Ticket:
        number = record["number"]
        return Ticket(
            key=number,
            url=f"{self._url}/nav_to.do?uri={self._table}.do%3Fsys_id%3D{record['sys_id']}",
            is_open=str(record["state"]) not in {str(state) for state in self._states["closed"]},
            refs=frozenset({record["correlation_id"]}),
            created_at=record["sys_created_on"],
        )

"""Changes are written beside what changed, in the same transaction, without a number.

Whoever writes a change of an incident holds that incident's row lock: that keeps the changes of one incident in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from service.changes.models import Change
from service.db import WriteSession, insert_rows


@dataclass(frozen=True)
class NewChange:
    """What happened.

    Args:
        type: Noun and past participle, as in ``exposure.opened``.
        data: The full representation of what changed, as the API shows it.
        incident: Readable id, as are the others: values, not keys.
        restricted: Of a tombstone: it was under embargo already, so only the former team may hear of it.
    """

    type: str
    at: datetime
    data: Mapping[str, object]
    incident: str | None = None
    exposure: str | None = None
    product: str | None = None
    team: str | None = None
    restricted: bool = False


def record_changes(session: WriteSession, *changes: NewChange) -> None:
    """Write changes down in this order; they show in the feed once they are numbered, after commit."""
    rows = [
        {
            "type": change.type,
            "at": change.at,
            "data": change.data,
            "incident": change.incident,
            "exposure": change.exposure,
            "product": change.product,
            "team": change.team,
            "restricted": change.restricted,
        }
        for change in changes
    ]
    if rows:
        session.execute(insert_rows(Change, rows))

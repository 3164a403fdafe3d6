"""What a sync of one ecosystem did, and how far it is. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Literal

#: Malformed records that a feed's last result names.
_NAMED = 1_000


@dataclass
class Synced:
    """What one sync of an ecosystem did.

    `missing`: listed in the index, but nowhere to be had. `outdated`: older than the index promised. Both are asked
    for again, though not at once. `malformed`: id to what is wrong with it, until a later version is right. `known`:
    had from another source already. `held`: so many are gone that they are kept until somebody agrees. `trouble` is
    what a person has to look at, `error` why the sync stopped, `note` why there was nothing to do.
    """

    ecosystem: str
    added: int = 0
    changed: int = 0
    vanished: int = 0
    stored: int = 0
    merged: int = 0
    known: int = 0
    held: int = 0
    missing: list[str] = field(default_factory=list)
    outdated: dict[str, datetime] = field(default_factory=dict)
    malformed: dict[str, str] = field(default_factory=dict)
    trouble: str | None = None
    error: str | None = None
    note: str | None = None
    leave_alone: bool = False

    def as_result(self) -> dict[str, object]:
        """Give the counts as JSON."""
        return {
            "added": self.added,
            "changed": self.changed,
            "vanished": self.vanished,
            "stored": self.stored,
            "merged": self.merged,
            "known": self.known,
            "held": self.held,
            "missing": len(self.missing),
            "outdated": len(self.outdated),
            "malformed": dict(islice(self.malformed.items(), _NAMED)),
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the sync of an ecosystem is: bytes of its archive, records of those wanted, then matches to follow."""

    ecosystem: str
    phase: Literal["fetching", "storing", "matching"]
    done: int
    total: int | None

    def as_json(self) -> dict[str, object]:
        """Give it as JSON."""
        return {"ecosystem": self.ecosystem, "phase": self.phase, "done": self.done, "total": self.total}

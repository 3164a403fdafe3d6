"""A source's rows into its table: only what differs is written, and a list that shrinks at once is not believed.

Set-based: 300,000 scores are copied beside the table and compared there. Names of tables and columns are our own.
"""
# ruff: noqa: S608

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from service.advisories.bulk import copy_csv
from service.db import WriteSession

#: More than this share gone at once, and more than a handful, is a broken file rather than news.
_HELD_SHARE, _HELD_AT_LEAST = 0.1, 10


@dataclass(frozen=True, slots=True)
class Replaced:
    """What became of a table's rows. `vanished` are those that the source no longer has; *held*: they are kept."""

    added: int
    changed: int
    vanished: int
    held: bool
    total: int

    @property
    def differs(self) -> bool:
        """Tell whether anything was written."""
        return bool(self.added or self.changed or (self.vanished and not self.held))


def replace_rows(
    session: WriteSession,
    table: str,
    columns: Sequence[str],
    rows: bytes,
    *,
    complete: bool,
    accept_vanished: bool,
) -> Replaced:
    """Make a table's rows those given.

    Args:
        session: The caller's transaction; it holds whatever keeps other writers of the table out.
        table: The table's name.
        columns: In the order of the rows; the first is the key.
        rows: As CSV; of those with the same key the first counts.
        complete: False where some rows could not be read: then what is missing may be among them, and is kept.
        accept_vanished: Take away also when more than a tenth is gone.
    """
    # Of a table that was seen empty the planner expects nothing: row by row, the first scores would take hours.
    session.execute(text("SET LOCAL enable_nestloop = off"))
    before = session.scalar(text(f"SELECT count(*) FROM {table}")) or 0
    session.execute(text(f"CREATE TEMPORARY TABLE incoming (LIKE {table}) ON COMMIT DROP"))
    copy_csv(session, "incoming", columns, rows)
    session.execute(text("ANALYZE incoming"))
    statements = _Statements(table, columns)
    session.execute(text(statements.once))
    vanished = session.scalar(text(statements.vanished)) or 0
    tenth_gone = vanished > max(_HELD_AT_LEAST, _HELD_SHARE * before)
    held = not complete or (tenth_gone and not accept_vanished)
    if vanished and not held:
        session.execute(text(statements.delete))
    changed = session.scalar(text(statements.update)) or 0
    added = session.scalar(text(statements.insert)) or 0
    session.execute(text("DROP TABLE incoming"))
    session.execute(text("SET LOCAL enable_nestloop = on"))
    return Replaced(added, changed, vanished, held, before + added - (0 if held else vanished))


class _Statements:
    """The comparison of a table with ``incoming``, written out for its columns."""

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        key, *values = columns
        names, theirs = ", ".join(columns), ", ".join(f"i.{name}" for name in columns)
        ours, new = ", ".join(f"t.{name}" for name in values), ", ".join(f"i.{name}" for name in values)
        assigned = ", ".join(f"{name} = i.{name}" for name in values)
        gone = f"{table} t WHERE NOT EXISTS (SELECT FROM incoming i WHERE i.{key} = t.{key})"
        self.once = f"DELETE FROM incoming a USING incoming b WHERE a.{key} = b.{key} AND a.ctid > b.ctid"
        self.vanished = f"SELECT count(*) FROM {gone}"
        self.delete = f"DELETE FROM {gone}"
        self.update = (
            f"WITH done AS (UPDATE {table} t SET {assigned} FROM incoming i WHERE i.{key} = t.{key} "
            f"AND ({ours}) IS DISTINCT FROM ({new}) RETURNING 1) SELECT count(*) FROM done"
        )
        self.insert = (
            f"WITH done AS (INSERT INTO {table} ({names}) SELECT {theirs} FROM incoming i "
            f"WHERE NOT EXISTS (SELECT FROM {table} t WHERE t.{key} = i.{key}) RETURNING 1) SELECT count(*) FROM done"
        )

"""Ways in for many rows at once."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import text

from service.db import ReadSession, WriteSession


def copy_rows(session: WriteSession, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Stream rows into a table inside the session's transaction.

    COPY writes whatever ids it is given, into ``GENERATED ALWAYS`` columns too; `next_ids` gives some.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with _driver(session).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def copy_csv(session: WriteSession, table: str, columns: Sequence[str], rows: bytes) -> None:
    """Send rows that are CSV already, without a header, as they are."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with _driver(session).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(rows)


def next_ids(session: WriteSession, table: str, count: int) -> list[int]:
    """Draw that many ids from a table's own sequence, ascending."""
    if not count:
        return []
    drawn = session.scalars(
        text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)"),
        {"table": table, "count": count},
    )
    return sorted(drawn)


def _driver(session: ReadSession) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)

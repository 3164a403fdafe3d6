"""Engine, sessions and the metadata every table belongs to.

`ReadSession` and `WriteSession` are distinct types, so that mypy stops a write in a read path. Rooms never commit:
a door opens one transaction with `writing` and leaves it whole.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum, unique
from pathlib import Path
from typing import Any, ClassVar, NewType, cast

from alembic.command import upgrade
from alembic.config import Config
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Engine,
    MetaData,
    Select,
    String,
    TableValuedAlias,
    Text,
    column,
    create_engine,
    event,
    func,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import NullType, TypeEngine

NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

ReadSession = NewType("ReadSession", Session)
WriteSession = NewType("WriteSession", ReadSession)


@unique
class Lock(IntEnum):
    """The advisory locks that rooms take, in one list: two that share a number wait for each other unawares."""

    NUMBERING_CHANGES = 7_305_112_025
    TAKING_JOBS = 7_305_112_026
    UPLOADS = 7_305_112_031
    SETTLING = 7_305_112_032
    JOINING_VULNERABILITIES = 7_305_112_033
    TAKING_DELIVERIES = 7_305_112_051
    CHAINING_AUDIT = 7_305_112_041


class Base(DeclarativeBase):
    """Every table: named constraints, text for strings, bigint for ids, aware UTC for instants."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {str: Text(), int: BigInteger(), datetime: DateTime(timezone=True)}


def database_url(url: str) -> URL:
    """Read a database URL and choose psycopg 3 as its driver.

    ``postgres://`` is taken as ``postgresql://``, as most tools do.
    """
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    return make_url(url).set(drivername="postgresql+psycopg")


def connect(url: str, *, pool_size: int = 10) -> Engine:
    """Make an engine whose sessions speak UTC and give up on locks and idle transactions in finite time."""
    engine = create_engine(
        database_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,  # errors are logged; what people wrote is not
        pool_timeout=30,
        connect_args={
            # Parallel workers cost ten milliseconds to start, and the other cores serve other requests.
            "options": "-c timezone=UTC -c jit=off -c max_parallel_workers_per_gather=0"
            " -c idle_in_transaction_session_timeout=300000",
            "application_name": "muster",
            "connect_timeout": 10,
        },
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Server-side prepared statements from the first execution on pay off: every request runs the same few.
    connection.prepare_threshold = 2


def arrays(**columns: tuple[TypeEngine[Any], Sequence[Any]]) -> TableValuedAlias:
    """Send columns as arrays and read them as a table: one parameter a column, whatever the number of rows.

    Measured at five times the rate of executing the statement once a row.

    Args:
        columns: Name to (type of one element, values); all of one length.
    """
    unnested = func.unnest(*(_array(values, kind) for kind, values in columns.values()))
    return unnested.table_valued(*(column(name, kind) for name, (kind, _) in columns.items())).render_derived()


def array_text(values: Sequence[Any]) -> str:
    """Write values as PostgreSQL writes an array of them, for a cast to say of what.

    psycopg looks at every element in Python, which takes twenty times as long: 0.5 s for 50,000 components.

    Args:
        values: Of one kind: text, numbers, booleans, instants, dates, UUIDs, bytes; None is NULL.
    """
    first = next((value for value in values if value is not None), None)
    if isinstance(first, str):
        return _quoted(values)
    if isinstance(first, bytes):
        return _quoted([None if value is None else "\\x" + value.hex() for value in values])
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _quoted(values: Sequence[str | None]) -> str:
    if None in values or any("\0" in value for value in values if value):
        return "{" + ",".join(["NULL" if value is None else f'"{_escaped(value)}"' for value in values]) + "}"
    # NUL, which PostgreSQL refuses in text, can stand between elements while all of them are escaped at once.
    whole = "\0".join(values)  # type: ignore[arg-type]  # no None is among them
    return '{"' + _escaped(whole).replace("\0", '","') + '"}'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def insert_rows(table: type["Base"], rows: Sequence[Mapping[str, Any]]) -> pg.Insert:
    """Insert rows in their order: one parameter a column, whatever the number of rows.

    Measured at four times the rate of handing the rows to the driver, which sends one statement for each.

    Args:
        table: Where to.
        rows: At least one; all with the columns of the first.
    """
    columns = [inspect(table).columns[name] for name in rows[0]]
    sent = [_sent(each.type, [row[each.key] for row in rows]) for each in columns]
    named = [column(each.key, kind) for each, (kind, _) in zip(columns, sent, strict=True)]
    unnested = func.unnest(*(_array(values, kind) for kind, values in sent))
    listed = unnested.table_valued(*named, with_ordinality="place").render_derived()
    values = [cast_to(listed.c[each.key], each.type) if _is_json(each.type) else listed.c[each.key] for each in columns]
    chosen = select(*values).order_by(listed.c.place)
    return pg.insert(table).from_select([each.key for each in columns], chosen, include_defaults=False)


def _is_json(kind: TypeEngine[Any]) -> bool:
    return isinstance(kind, JSON)


def _sent(kind: TypeEngine[Any], values: Sequence[Any]) -> tuple[TypeEngine[Any], Sequence[Any]]:
    """Choose as what to send a column: text goes without its collation, documents go as text."""
    if _is_json(kind):
        return Text(), [None if value is None else json.dumps(value) for value in values]
    return Text() if isinstance(kind, String) else kind, values


def analyse(engine: Engine) -> None:
    """Let the planner know what a bulk load has changed, instead of waiting for autovacuum to notice."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def any_of(ids: Iterable[int]) -> ColumnElement[Any]:
    """Write ``= ANY(:ids)`` with one array parameter, so that the statement is the same for any number of ids."""
    return func.any_(_array(list(ids), BigInteger()))


def among(texts: Iterable[str]) -> Select[str]:
    """Write texts as a subquery for ``IN``: one parameter, however many there are."""
    return select(func.unnest(_array(list(texts), Text())))


def _array(values: Sequence[Any], kind: TypeEngine[Any]) -> ColumnElement[Any]:
    # Sent without a type, the parameter itself becomes the array. Sent as text it would be taken apart anew for each
    # row that it is compared with: for 5,000 ids against 5,000 rows, 2 s instead of 40 ms.
    return cast_to(literal(array_text(values), NullType()), ARRAY(kind))


@contextmanager
def reading(engine: Engine) -> Iterator[ReadSession]:
    """Open a read transaction: one snapshot for the whole answer, and nothing can be written."""
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with Session(snapshot, autoflush=False, expire_on_commit=False) as session:
        # Closing ends the transaction; a rollback would expire the rows, which the caller may still show.
        yield cast("ReadSession", session)


@contextmanager
def writing(engine: Engine) -> Iterator[WriteSession]:
    """Open a write transaction; commits at the end, rolls back on any exception."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield cast("WriteSession", session)


def migrations_folder() -> Path:
    """Find the migrations: beside the package in a checkout, inside it when installed from a wheel."""
    package = Path(__file__).parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema to *revision*. Safe to call from any number of processes at once: one works, others wait."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["url"] = database_url(url)
    upgrade(config, revision)

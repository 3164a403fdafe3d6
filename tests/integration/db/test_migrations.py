"""Migrations lead from every earlier schema to the tables that the code expects, and lose nothing on the way."""

import psycopg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from service.db import Base, database_url, migrate, migrations_folder

#: A product with one upload, as the first schema had them.
STORED = """
INSERT INTO product (id, slug, title, created_at) OVERRIDING SYSTEM VALUE VALUES (7, 'shop', 'Shop', now());
INSERT INTO stream (id, product_id, name, created_at) OVERRIDING SYSTEM VALUE VALUES (7, 7, 'main', now());
INSERT INTO document (id, sha256, content, size_bytes, format, spec_version, received_at)
    OVERRIDING SYSTEM VALUE VALUES (7, 'x', 'y', 1, 'cyclonedx-json', '1.6', now());
INSERT INTO upload (stream_id, document_id, at_us, sequence, received_at, set_digest, component_count,
                    unidentified_count, added_count, removed_count, late, quality, ecosystems, actor)
    VALUES (7, 7, 1, 1, now(), '', 42, 0, 42, 0, false, '{"score": 70, "missing": {}}', '{}', 'ci');
"""


def test_the_tables_are_those_that_the_code_expects(fresh_database: str) -> None:
    engine = create_engine(database_url(fresh_database))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert differences == []


def test_what_the_first_schema_held_is_there_at_the_end(empty_database: str) -> None:
    migrate(empty_database, "0001")
    with psycopg.connect(empty_database) as connection:
        connection.execute(STORED)
    migrate(empty_database)
    with psycopg.connect(empty_database) as connection:
        row = connection.execute("SELECT component_count, listed_count, actor FROM upload").fetchone()
        assert row == (42, 42, "ci")
        assert connection.execute("SELECT envelope, conformance FROM document").fetchone() == (None, None)


def test_every_migration_can_be_taken_back(empty_database: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["url"] = database_url(empty_database)
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    command.upgrade(config, "head")

"""Alembic's environment: every room's tables, one migration at a time whatever the number of processes."""

from importlib import import_module

from alembic import context
from sqlalchemy import create_engine, pool, text

from service.db import Base, database_url

ROOMS_WITH_TABLES = (
    "access.models",
    "changes.models",
    "inventory.models",
    "inventory.catalogue_models",
    "inventory.ownership_models",
    "advisories.models",
    "advisories.signal_models",
    "incidents.models",
    "incidents.clock_models",
    "incidents.decision_models",
    "incidents.declaration_models",
    "incidents.link_models",
    "incidents.vex_models",
    "feedback.models",
    "feedback.tickets.models",
    "jobs.models",
)
#: Any number that is ours; processes that start together wait for the first to finish.
MIGRATION_LOCK = 7_305_112_024

for room in ROOMS_WITH_TABLES:
    import_module(f"service.{room}")


def run() -> None:
    """Migrate in one transaction each, under a lock, giving up on a table lock after five seconds."""
    url = context.config.attributes.get("url") or database_url(context.get_x_argument(as_dictionary=True)["url"])
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_server_default=False,
        )
        context.run_migrations()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()


run()

"""Working on the database itself, beside a running server or without one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from secrets import token_urlsafe

from pydantic import SecretStr
from sqlalchemy import Engine

from service.db import connect, migrate
from service.embedded import database
from service.errors import Refused
from service.settings import Settings


@contextmanager
def at_database(settings: Settings) -> Iterator[tuple[Engine, str]]:
    """Give (engine, URL) of the configured or embedded database, its schema at head."""
    with database(settings) as url:
        migrate(url)
        engine = connect(url)
        try:
            yield engine, url
        finally:
            engine.dispose()


def with_secret_key(settings: Settings) -> Settings:
    """Fill in the key that signs cookies and cursors: beside an embedded database it is made on first use.

    Raises:
        Refused: With an external database, several machines have to share one, so it must be given.
    """
    if settings.secret_key is not None:
        return settings
    if settings.database_url is not None:
        raise Refused("Set MUSTER_SECRET_KEY to a long random text, the same for every process: it signs cookies.")
    settings.data.mkdir(parents=True, exist_ok=True)
    path = settings.data / "secret.key"
    # Made by whoever comes first; O_EXCL decides.
    with suppress(FileExistsError):
        write_secret(settings, "secret.key", token_urlsafe(32))
    return settings.model_copy(update={"secret_key": SecretStr(path.read_text(encoding="ascii").strip())})


def write_secret(settings: Settings, name: str, secret: str) -> None:
    """Write a new file into the data folder that nobody else may read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(settings.data / name, "w", encoding="ascii", opener=lambda path, _: os.open(path, flags, 0o600)) as file:
        file.write(secret + "\n")

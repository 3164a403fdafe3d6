import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from service.embedded import EmbeddedError, Server, database, remove
from service.embedded.failures import CannotStart, NoBinaries, OtherVersion
from service.settings import Settings

Start = Callable[..., Server]


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def test_it_speaks_utf8_in_utc_and_orders_text_by_code_point(start: Start) -> None:
    url = start().url
    assert ask(url, "SHOW server_encoding") == "UTF8"
    assert ask(url, "SHOW timezone") == "UTC"
    assert ask(url, "SELECT lower('ÄÖ')") == "äö"
    assert ask(url, "SELECT 'Z' < 'a' AND 'z' < 'ä'") is True


def test_only_the_password_opens_it(start: Start) -> None:
    server = start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace("muster:", "muster:x", 1))
    assert (server.data / "password").stat().st_mode & 0o777 == 0o600
    assert (server.data / "log").stat().st_mode & 0o077 == 0
    assert ask(server.url, "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'muster'") is True


def test_it_listens_on_loopback_and_on_no_socket_file(start: Start) -> None:
    url = start().url
    assert ask(url, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(url, "SHOW unix_socket_directories") == ""


@pytest.mark.parametrize("name", ['a space, quote\'s "and" $x/ünï cødé 数据', "x" * 120])
def test_any_path_will_do(place: Path, start: Start, name: str) -> None:
    assert ask(start(place / name).url, "SELECT 1") == 1


def test_data_and_address_outlive_a_stop(start: Start) -> None:
    with start() as server:
        url = server.url
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    again = start()
    assert again.url == url
    assert ask(again.url, "SELECT n FROM kept") == 7


def test_variables_of_libpq_and_locale_do_not_matter(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGDATA": "/nowhere", "PGPORT": "1", "PGSSLMODE": "require", "LC_ALL": "tr_TR.UTF-8"}.items():
        monkeypatch.setenv(name, value)
    assert ask(start().url, "SELECT lower('I')") == "i"


def test_a_server_that_gives_up_is_quoted(start: Start) -> None:
    with pytest.raises(CannotStart, match="shared_buffers"):
        start(shared_buffers="nonsense")


def test_a_folder_of_another_version_says_what_to_do(own_data: Path, start: Start) -> None:
    server = start(own_data)
    server.close()
    (server.data / "cluster" / "PG_VERSION").write_text("12\n")
    with pytest.raises(OtherVersion, match="pg_dump"):
        start(own_data)


def test_a_folder_without_programs_is_refused(place: Path, start: Start) -> None:
    with pytest.raises(NoBinaries, match="initdb"):
        start(binaries=place)


def test_a_lost_password_is_named(own_data: Path, start: Start) -> None:
    server = start(own_data)
    server.close()
    (server.data / "password").unlink()
    with pytest.raises(EmbeddedError, match="password"):
        start(own_data)


def test_a_wrong_password_is_named(own_data: Path, start: Start) -> None:
    server = start(own_data)
    server.close()
    (server.data / "password").write_text("another")
    with pytest.raises(CannotStart, match="password"):
        start(own_data)


def test_a_first_start_that_was_cut_short_is_begun_anew(place: Path, start: Start) -> None:
    draft = place / "postgres" / "cluster.draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("half made")
    assert ask(start(place / "postgres").url, "SELECT 1") == 1
    assert not draft.exists()


def test_a_configured_database_is_taken_as_it_is() -> None:
    settings = Settings.model_validate({"database_url": "postgresql://elsewhere/db"})
    with database(settings) as url:
        assert url == "postgresql://elsewhere/db"


def test_without_a_configured_database_the_embedded_one_is_used(place: Path) -> None:
    data = place / "data"
    with database(Settings.model_validate({"database_url": None, "data": data})) as url:
        assert ask(url, "SHOW fsync") == "on"
    remove(data / "postgres")
    assert not (data / "postgres").exists()
    shutil.rmtree(data)

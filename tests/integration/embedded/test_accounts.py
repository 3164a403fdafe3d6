"""Root and ordinary users; most of it can only be tried as root."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from service import embedded
from service.embedded import binaries

from .conftest import url_of

Start = Callable[..., embedded.Server]
User = Callable[..., subprocess.Popen[str]]

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
as_anybody = pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")


@pytest.fixture
def closed(place: Path) -> Path:
    """Give a folder that nobody but its owner may pass through, as root's home is."""
    folder = place / "closed"
    folder.mkdir(mode=0o700)
    return folder


def works(server: embedded.Server) -> bool:
    with psycopg.connect(server.url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


@as_root
def test_root_runs_it_as_somebody_else(start: Start) -> None:
    server = start()
    assert works(server)
    assert (server.data / "cluster").stat().st_uid != 0
    assert (server.data / "password").stat().st_uid == 0


@as_root
def test_folders_above_the_data_keep_their_modes_and_owners(place: Path, start: Start) -> None:
    above = [place / "a", place / "a" / "b"]
    for folder in above:
        folder.mkdir()
        folder.chmod(0o751)
    before = [(folder.stat().st_mode, folder.stat().st_uid) for folder in above]
    assert works(start(place / "a" / "b" / "postgres"))
    assert [(folder.stat().st_mode, folder.stat().st_uid) for folder in above] == before


@as_root
def test_data_below_a_closed_folder_is_served_from_the_state_folder(closed: Path, place: Path, start: Start) -> None:
    data = closed / "postgres"
    with start(data) as server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    assert (data / "cluster").is_symlink()
    assert closed.stat().st_mode & 0o777 == 0o700
    with start(data) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    embedded.remove(data)
    assert not list((place / "state").glob("postgres-*"))


@as_root
def test_programs_below_a_closed_folder_are_copied_once(
    closed: Path, place: Path, start: Start, postgres_choice: dict[str, Any]
) -> None:
    found = binaries.find(postgres_choice.get("version", 18), postgres_choice.get("binaries"))
    if found.folder.is_relative_to("/usr"):
        pytest.skip("installed programs find their libraries by fixed paths and are open to all")
    package = found.folder.parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    for _ in range(2):
        server = start(closed / "postgres", binaries=closed / found.folder.relative_to(package.parent))
        assert works(server)
        server.close()
    assert len(list((place / "state").glob("binaries-*"))) == 1
    assert not list((place / "state").glob("draft-*"))
    embedded.remove(closed / "postgres")


@as_root
def test_a_link_that_leads_nowhere_is_no_reason_to_begin_anew(closed: Path, place: Path, start: Start) -> None:
    start(closed / "postgres").close()
    (place / "state").rename(place / "unmounted")
    with pytest.raises(embedded.EmbeddedError, match="Mount or restore"):
        start(closed / "postgres")


@as_root
def test_a_cluster_that_root_restored_is_handed_over(own_data: Path, start: Start) -> None:
    assert (own_data / "cluster").stat().st_uid == 0
    assert works(start(own_data))
    assert (own_data / "cluster" / "PG_VERSION").stat().st_uid != 0


@as_root
def test_an_ordinary_user_runs_it_as_itself_and_root_joins(place: Path, start: Start, user: User) -> None:
    home = place / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    process = user(home / "postgres", python=_python_for_all(), **_as_nobody())
    url = url_of(process)
    assert (home / "postgres").stat().st_uid == NOBODY
    assert (home / "postgres").stat().st_mode & 0o777 == 0o700
    assert (home / "postgres" / "cluster").stat().st_uid == NOBODY
    assert start(home / "postgres").url == url


@as_root
def test_somebody_elses_folder_is_refused_in_words(place: Path, user: User) -> None:
    (place / "postgres").mkdir()
    process = user(place / "postgres", python=_python_for_all(), stderr=subprocess.PIPE, **_as_nobody())
    _, errors = process.communicate(timeout=30)
    assert "FolderUnusable" in errors
    assert "MUSTER_DATA" in errors


@as_anybody
def test_a_folder_that_cannot_be_made_is_refused_in_words(place: Path, start: Start) -> None:
    place.chmod(0o500)
    with pytest.raises(embedded.EmbeddedError, match="MUSTER_DATA"):
        start(place / "postgres")
    place.chmod(0o700)


def _python_for_all() -> str:
    """Find a Python of our version that another account may run; ours may be in root's home."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        if (
            subprocess.run(["/bin/sh", "-c", f'test -x "{candidate}"'], user=NOBODY, cwd="/", check=False).returncode
            == 0
        ):
            return candidate
    pytest.skip("no Python of this version that another account may run")


def _as_nobody() -> dict[str, Any]:
    root = Path(embedded.__file__).parents[2]
    found = f"{root}:{sysconfig.get_path('purelib')}"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": found, "PYTHONDONTWRITEBYTECODE": "1"}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/", "env": environment}

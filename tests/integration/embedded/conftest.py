"""Data folders and user processes for tests that start, kill and share servers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service import embedded

#: A process that uses the server until it is told to leave: prints the URL, then waits for the end of its input.
USER = """
import json, sys
from pathlib import Path
from service import embedded, log
log.configure()  # to standard error: the output is for the URL
choice = json.loads(sys.argv[2])
if "binaries" in choice:
    choice["binaries"] = Path(choice["binaries"])
with embedded.start(Path(sys.argv[1]), shared_buffers="32MB", durable=False, **choice) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder of the test's own that any account may pass through; whatever is in it goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="muster-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def data(postgres_choice: dict[str, Any]) -> Iterator[Path]:
    """Give a data folder that has a cluster, and that tests share as long as they leave it sound and stopped."""
    folder = Path(tempfile.mkdtemp(prefix="muster-test-"))
    folder.chmod(0o755)
    embedded.start(folder / "postgres", durable=False, **postgres_choice).close()
    yield folder / "postgres"
    shutil.rmtree(folder)


@pytest.fixture
def own_data(data: Path, place: Path) -> Path:
    """Give a data folder of the test's own, to be damaged."""
    return shutil.copytree(data, place / "postgres", symlinks=True)


@pytest.fixture
def start(place: Path, data: Path, postgres_choice: dict[str, Any]) -> Iterator[Callable[..., embedded.Server]]:
    """Start servers, by default in the folder that tests share; they are closed afterwards."""
    started: list[embedded.Server] = []

    def start_one(data: Path = data, **options: Any) -> embedded.Server:  # noqa: ANN401 - passed on
        choice: dict[str, Any] = {"shared_buffers": "32MB", "durable": False, "state": place / "state"}
        choice |= postgres_choice | options
        started.append(embedded.start(data, **choice))
        return started[-1]

    yield start_one
    for server in started:
        server.close()


@pytest.fixture
def user(postgres_choice: dict[str, Any]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start processes that use the server of a folder; they are told to leave afterwards."""
    started: list[subprocess.Popen[str]] = []

    def start_one(data: Path, *, python: str = sys.executable, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401
        choice = json.dumps(
            {name: value if name == "version" else str(value) for name, value in postgres_choice.items()}
        )
        command = [python, "-c", USER, str(data), choice]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.communicate(timeout=60)


def url_of(process: subprocess.Popen[str]) -> str:
    """Wait until a user process has its server, and give the URL."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill_postmaster(server: embedded.Server) -> int:
    """Kill a server as hard as can be; gives the process id it had."""
    pid = int((server.data / "cluster" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    return pid

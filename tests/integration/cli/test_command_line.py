"""The command as its users start it: a process of its own, on a database of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Timer
from time import sleep
from typing import NamedTuple

import httpx
import pytest
from sqlalchemy import Engine, select

from service.__main__ import PARTS
from service.cli.app import run
from service.clock import utc_now
from service.db import connect, reading, writing
from service.jobs.models import Job
from service.jobs.queue import enqueue, take

Muster = Callable[..., "Outcome"]


class Outcome(NamedTuple):
    """How a command ended and what it printed."""

    code: object
    out: str
    err: str


@pytest.fixture
def environment(fresh_database: str, tmp_path: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
    return inherited | {
        "MUSTER_DATABASE_URL": fresh_database,
        "MUSTER_SECRET_KEY": "a secret of the tests",
        "MUSTER_DATA": str(tmp_path),
        "MUSTER_OSV_URL": "none",
        "MUSTER_KEV_URL": "none",
        "MUSTER_EPSS_URL": "none",
    }


@pytest.fixture
def muster(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Muster:
    """Run a command in this process, which need not import everything again."""

    def run_here(*arguments: str, **more: str) -> Outcome:
        with monkeypatch.context() as patch:
            for name, value in (environment | more).items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                run(PARTS, arguments)
        return Outcome(left.value.code, *capsys.readouterr())

    return run_here


@contextmanager
def started(environment: dict[str, str], *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """Start a process and wait until it says that it is there; give it, and what it said till then."""
    command = [sys.executable, "-m", "service", *arguments]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        too_late = Timer(60, process.kill)
        too_late.start()
        said: list[str] = []
        try:
            assert process.stderr is not None
            for line in process.stderr:
                said.append(line.strip())
                if line.startswith(("muster serves", "muster works")):
                    break
            yield process, said
        finally:
            too_late.cancel()
            process.kill()


def test_serving_makes_a_first_key_says_where_and_ends_on_sigterm(environment: dict[str, str]) -> None:
    with started(environment, "serve", "--port", "0") as (process, said):
        key = next(match[0] for line in said if (match := re.search(r"mst_\w+", line)))
        address = said[-1].removeprefix("muster serves ")
        assert httpx.get(f"{address}/readyz").json() == {"status": "ready"}
        answer = httpx.get(f"{address}/v1/products", headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with started(environment, "serve", "--port", "0") as (_, said):
        assert len(said) == 1, "the first key is shown once"


def test_a_client_sets_owners_and_tells_problems_from_absence(
    environment: dict[str, str], muster: Muster, tmp_path: Path
) -> None:
    key = muster("keys", "create", "ops", "--role", "cert").out.strip()
    assert re.fullmatch(r"mst_\w+", key), "the key stands alone"
    with started(environment, "serve", "--port", "0") as (_, said):
        here = {"MUSTER_URL": said[-1].removeprefix("muster serves "), "MUSTER_API_KEY": key}
        assert muster("teams", "set", "web", "--email", "web@example.org", **here).code == 0
        assert muster("products", "set", "shop", "--owner", "web", "--tier", "high", **here).code == 0
        assert muster("products", "set", "shop", "--exposed", **here).code == 0
        shop = json.loads(muster("products", "list", "--json", **here).out)["items"][0]
        assert (shop["team"], shop["tier"], shop["exposed"], shop["version"]) == ("web", "high", True, 2)
        assert muster("namespaces", "add", "npm:@acme/*", "--reason", "ours", **here).code == 0
        (patterns := tmp_path / "patterns.csv").write_text("pattern,reason\npypi:acme-*,ours\nnpm:@acme/*,still ours\n")
        assert muster("namespaces", "import", str(patterns), **here).code == 0
        assert muster("namespaces", "remove", "pypi:acme-*", **here).code == 0
        kept = json.loads(muster("namespaces", "list", "--json", **here).out)["items"]
        assert [(one["pattern"], one["reason"]) for one in kept] == [("npm:@acme/*", "still ours")]
        assert muster("namespaces", "add", "npm:*", "--reason", "all", **here).code == 2
        (owners := tmp_path / "OWNERS").write_text("shop:pkg:npm/*  cert-triage  # for now\n")
        assert "0 exposures would change hands" in muster("ownership", "import", str(owners), "--dry-run", **here).err
        assert muster("ownership", "import", str(owners), **here).code == 0
        assert muster("ownership", "export", **here).out.endswith("shop:pkg:npm/*  cert-triage  # for now\n")
        why = muster("ownership", "explain", "shop", "--purl", "pkg:npm/a@1", **here).out
        assert why.startswith("cert-triage: rule for shop with pkg:npm/*\n")
        owners.write_text("shop\n")
        assert "line 1" in muster("ownership", "import", str(owners), **here).err
        assert muster("teams", "retire", "web", "--reason", "merged", **here).code == 0
        assert "was retired" in muster("ownership", "explain", "shop", **here).out
        unknown = muster("products", "set", "shop", "--owner", "nobody", **here)
        assert unknown.code == 2
        assert "There is no team nobody" in unknown.err
        assert muster("products", "list", **(here | {"MUSTER_API_KEY": "mst_wrong"})).code == 2
    assert muster("products", "list", **here).code == 3


def test_keys_are_bound_listed_and_revoked_without_a_server(muster: Muster) -> None:
    made = json.loads(muster("keys", "create", "ci", "--role", "uploader", "--product", "Shop", "--json").out)
    assert (made["role"], made["products"]) == ("uploader", ["shop"])
    assert muster("keys", "revoke", made["id"]).code == 0
    (listed,) = json.loads(muster("keys", "list", "--json").out)["items"]
    assert listed["revoked_at"]
    assert "key" not in listed
    assert muster("keys", "revoke", "nosuchkey").code == 2


def test_what_is_wrong_with_the_settings_is_said_at_once(muster: Muster) -> None:
    wrong = muster("serve", MUSTER_PORT="http", MUSTER_WORKERS="0")
    assert wrong.code == 2
    assert "MUSTER_PORT" in wrong.err
    assert "MUSTER_WORKERS" in wrong.err
    assert muster("migrate", MUSTER_DATABASE_URL="postgresql://muster@127.0.0.1:1/muster").code == 3
    assert muster("nonsense").code == 2


def test_a_worker_takes_over_from_one_that_was_killed(environment: dict[str, str]) -> None:
    engine = connect(environment["MUSTER_DATABASE_URL"])
    long_ago = utc_now() - timedelta(minutes=5)
    with writing(engine) as session:
        enqueue(session, "purge", "by hand", run_at=long_ago)
        assert take(session, "the dead", {"purge"}, now=long_ago) is not None
    with started(environment, "worker") as (process, _):
        state = _state_once_ended(engine)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    engine.dispose()
    assert state == "done"


def _state_once_ended(engine: Engine) -> str | None:
    for _ in range(300):
        with reading(engine) as session:
            state = session.scalar(select(Job.state).where(Job.slot == "by hand"))
        if state != "running":
            break
        sleep(0.1)
    return state

"""An import that is interrupted leaves whole files behind, says so, and goes on when it is run again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sboms import make_sbom
from sqlalchemy import create_engine, text

FILES = 240
_PATIENCE_SECONDS = 60


def start(database: str, folder: Path) -> subprocess.Popen[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
    environment = own | {"MUSTER_DATABASE_URL": database}
    command = [sys.executable, "-m", "service", "import", str(folder), "--json"]
    pipe = subprocess.PIPE
    # A group of its own: as from a terminal, the signal reaches the processes that it started too.
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def count(database: str) -> int:
    engine = create_engine(database)
    with engine.connect() as connection:
        found: int = connection.execute(text("SELECT count(*) FROM upload")).scalar_one()
    engine.dispose()
    return found


@pytest.mark.soak
def test_an_import_goes_on_where_it_was_interrupted(fresh_database: str, tmp_path: Path) -> None:
    database = fresh_database.replace("postgresql://", "postgresql+psycopg://")
    for number in range(FILES):
        (tmp_path / f"{number}.json").write_bytes(make_sbom(f"pkg:npm/left-pad@1.0.{number}"))
    first = start(fresh_database, tmp_path)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while count(database) == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGINT)
    out, err = first.communicate(timeout=_PATIENCE_SECONDS)
    taken = count(database)
    assert (first.returncode, "Traceback" in err) == (130, False), err
    assert "Run it again" in err
    assert json.loads(out)["created"] <= taken < FILES

    out, err = start(fresh_database, tmp_path).communicate(timeout=_PATIENCE_SECONDS)
    counts = json.loads(out)
    assert (counts["created"], counts["unchanged"], counts["refused"], err) == (FILES - taken, taken, 0, "")
    assert count(database) == FILES

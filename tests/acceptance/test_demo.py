"""``muster demo`` as a newcomer meets it: a process of its own, without any configuration."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service import embedded

COMMAND = (sys.executable, "-m", "service", "demo")
LONGEST_SECONDS = 90.0


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    folder = Path(tempfile.mkdtemp(prefix="muster-demo-"))
    folder.chmod(0o711)  # root's server runs as somebody else, who has to pass
    own = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
    yield own | {"MUSTER_DATA": str(folder), "MUSTER_PORT": "0", "COLUMNS": "100", "PYTHONUNBUFFERED": "1"}
    embedded.remove(folder / "demo" / "postgres")
    shutil.rmtree(folder)


def test_the_story_is_told_then_served_and_every_line_to_copy_works(
    environment: dict[str, str], tmp_path: Path
) -> None:
    output, errors = tmp_path / "told", tmp_path / "errors"
    with output.open("w") as written, errors.open("w") as complained:
        process = subprocess.Popen(COMMAND, env=environment, stdout=written, stderr=complained)
    try:
        told = _wait_for(output, process, "Ctrl-C")
        _is_whole(told)
        assert errors.read_text() == ""
        _look_around(told)
        _is_alone(environment)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


@pytest.mark.soak
def test_it_ends_by_itself_where_that_is_wanted(environment: dict[str, str]) -> None:
    told = subprocess.run(
        [*COMMAND, "--exit"], env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
    )
    assert told.returncode == 0, told.stderr
    assert told.stderr == ""
    _is_whole(told.stdout)


def _is_whole(told: str) -> None:
    """From question to proof."""
    for sentence in (
        "5 uses, before any advisory exists",
        "cannot tell: scanner-box (liblzma5), no version; ask cert-triage",
        "cannot tell: partner-app, no sbom; ask web",
        "looks like it and is not: liblzma5 5.6.1+really5.4.5-1",
        "ONE incident, INC-1, critical",
        "3 exposed products",
        "EXP-1 is acknowledged",
        "EXP-1 is in progress",
        "EXP-1 resolved: every upload in the field is clean",
        "EXP-2 stays open",
    ):
        assert sentence in told, sentence
    assert re.search(r"payments-api +payments +resolved", told)
    assert re.search(r"edge-firmware +devices +open, held", told)
    assert "legacy-portal" not in told.split("CVE-2024-3094 is published")[1]


def _wait_for(output: Path, process: subprocess.Popen[bytes], word: str) -> str:
    deadline = time.monotonic() + LONGEST_SECONDS
    while word not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
    return output.read_text()


def _look_around(told: str) -> None:
    door = re.search(r"http://\S+/login\?ticket=\S+", told)
    key = re.search(r"^key +(mst_\w+)", told, re.MULTILINE)
    assert door is not None
    assert key is not None
    address = door[0].split("/login")[0]
    with httpx.Client(follow_redirects=True) as visitor:
        first = visitor.get(door[0])
        assert first.url.path == "/"
        assert "Backdoor in the release tarballs" in first.text
        assert visitor.get(f"{address}/incidents/INC-1").status_code == 200
    with httpx.Client(headers={"Authorization": f"Bearer {key[1]}"}, base_url=address) as admin:
        found = admin.get("/v1/search", params={"q": "liblzma 5.6"}).json()
        assert {item["product"] for item in found["items"]} == {"build-runner", "data-lab"}
        document = '{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": []}'
        assert admin.post("/v1/products/my-app/sboms", content=document).status_code in {201, 422}


def _is_alone(environment: dict[str, str]) -> None:
    """A second demo on the same folder is refused, and leaves the first alone."""
    second = subprocess.run(
        [*COMMAND, "--exit"], env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
    )
    assert second.returncode == 2
    assert "A demo is running" in second.stderr

"""Bodies over real HTTP, as httpx and curl send them: forms, packed files, and far more than is welcome."""

import bz2
import gzip
import json
import lzma
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest
import zstandard
from sboms import make_sbom
from serving import Served, serving

LODASH = "pkg:npm/lodash@4.17.20"
MOST = 2**20
GIBIBYTE = 2**30
PATH = "/v1/products/shop/sboms"


@pytest.fixture(scope="module")
def served(module_database: str) -> Iterator[Served]:
    with serving(module_database, {"MUSTER_MAX_UPLOAD_BYTES": str(MOST)}) as server:
        yield server


def memory(served: Served) -> int:
    """Give the most bytes that the server has had in memory so far."""
    (line,) = (line for line in Path(f"/proc/{served.pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("announced", [True, False])
def test_a_gibibyte_is_refused_early_and_the_client_hears_it(served: Served, announced: bool) -> None:  # noqa: FBT001
    before, sent = memory(served), 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        chunk = b" " * 2**16
        while sent < GIBIBYTE:
            sent += len(chunk)
            yield chunk

    headers = {"Content-Length": str(GIBIBYTE)} if announced else {}
    started = time.monotonic()
    with served.new_client() as client:
        answer = client.post(PATH, content=body(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["max_bytes"] == MOST
    print(f"{announced=} sent {sent:,} in {time.monotonic() - started:.1f} s, memory +{memory(served) - before:,}")
    assert memory(served) - before < 32 * MOST
    assert served.client.get("/readyz").status_code == 200


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def curl(served: Served, *arguments: str, stdin: IO[bytes] | None = None) -> tuple[int, dict[str, object], str]:
    """Send with curl; gives status, answer, and what curl complained about."""
    command = ["curl", "-sS", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {served.token}", *arguments]
    url = f"http://127.0.0.1:{served.port}{PATH}"
    ran = subprocess.run([*command, url], stdin=stdin, capture_output=True, check=False)
    body, _, status = ran.stdout.decode().rpartition("\n")
    return int(status), json.loads(body), ran.stderr.decode()


@needs_curl
@pytest.mark.parametrize("arguments", [["-T", "-", "-X", "POST"], ["-T", "-", "-X", "POST", "-H", "Expect:"]])
def test_curl_hears_it_too(served: Served, arguments: list[str]) -> None:
    with subprocess.Popen(["head", "-c", str(GIBIBYTE), "/dev/zero"], stdout=subprocess.PIPE) as source:
        status, answer, complaint = curl(served, *arguments, stdin=source.stdout)
    assert (status, answer["max_bytes"], complaint) == (413, MOST, "")


@needs_curl
def test_curl_hears_it_before_it_has_sent_a_file(served: Served, tmp_path: Path) -> None:
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(GIBIBYTE)
    for form in (["-T", str(tmp_path / "huge.json"), "-X", "POST"], ["-F", f"bom=@{tmp_path / 'huge.json'}"]):
        status, answer, complaint = curl(served, *form)
        assert (status, answer["max_bytes"], complaint) == (413, MOST, "")


@needs_curl
def test_what_people_do_with_curl_works(served: Served, tmp_path: Path) -> None:
    pretty = json.dumps(json.loads(make_sbom(LODASH)), indent=1).encode()
    file, packed = tmp_path / "x.json", tmp_path / "x.json.gz"
    file.write_bytes(pretty)
    packed.write_bytes(gzip.compress(make_sbom(LODASH)))
    for arguments in (
        ["--data-binary", f"@{file}"],
        ["-d", f"@{file}"],
        ["-F", f"bom=@{file}"],
        ["-F", f"bom=<{file}"],
        ["-F", f"whatever=@{file}", "-F", "note=hello"],
        ["--data-binary", f"@{packed}"],
        ["-F", f"sbom=@{packed}"],
        ["-T", str(packed), "-X", "POST"],
        ["--data-binary", f"@{packed}", "-H", "Content-Encoding: gzip"],
    ):
        status, answer, complaint = curl(served, *arguments)
        assert (status in (200, 201), complaint) == (True, ""), (arguments, answer)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress])
def test_packed_files_are_unpacked_as_a_body_and_in_a_form(served: Served, pack: object) -> None:
    assert callable(pack)
    as_body = served.client.post(PATH, content=pack(make_sbom(LODASH)))
    in_form = served.client.post(PATH, files={"bom": ("x.json.gz", pack(make_sbom(LODASH)))}, data={"note": "x"})
    assert (as_body.status_code, in_form.status_code) == (201, 201)


def test_a_form_that_breaks_off_or_an_archive_stores_nothing(served: Served) -> None:
    broken = served.client.post(
        "/v1/products/none/sboms", content=b"--b\r\n", headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    archive = served.client.post("/v1/products/none/sboms", content=b"PK\3\4")
    assert (broken.status_code, archive.status_code) == (422, 415)
    assert "muster import" in archive.json()["detail"]
    assert served.client.get("/v1/products/none").status_code == httpx.codes.NOT_FOUND

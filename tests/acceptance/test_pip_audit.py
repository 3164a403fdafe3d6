"""pip-audit, as its users install it, asks our server instead of OSV's: own advisories fail the build, too."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from osv_bucket import make_record, to_bytes
from other_clients import Ran, install_pip_audit, run_client
from serving import Served, serving

from service.access.keys import create_key
from service.access.roles import Role
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.clock import utc_now
from service.db import connect, writing

pytestmark = pytest.mark.clients

PUBLIC = make_record(
    "PYSEC-2026-1", "PyPI/zope-interface", "introduced 0", "fixed 5.1", summary="Wrong", aliases=["CVE-1"]
)
MALWARE = make_record("MAL-2026-1", "PyPI/acme-utils", "introduced 0", summary="Malicious")
OWN = make_record("x_OWN-2026-7", "PyPI/acme-payments", "introduced 1.0", "fixed 1.4.2", summary="Keys in the log")


@pytest.fixture(scope="module")
def served(module_database: str) -> Iterator[Served]:
    engine = connect(module_database)
    with writing(engine) as session:
        store(session, [read_record(to_bytes(record)) for record in (PUBLIC, MALWARE)])
    engine.dispose()
    with serving(module_database) as server:
        server.client.put(f"/v1/advisories/{OWN['id']}", json=OWN).raise_for_status()
        yield server


@pytest.fixture(scope="module")
def key(served: Served) -> str:
    engine = connect(served.database)
    with writing(engine) as session:
        token = create_key(session, "developers", Role.READER, now=utc_now()).token
    engine.dispose()
    return token


def audit(served: Served, user: str, folder: Path, *pinned: str, form: str = "columns") -> Ran:
    """Audit a project with these requirements, which pip need not be able to install."""
    requirements = folder / "requirements.txt"
    requirements.write_text("\n".join(pinned) + "\n")
    url = f"http://{user}127.0.0.1:{served.port}/osv/v1/query"
    asks: list[str | Path] = [
        "--vulnerability-service",
        "osv",
        "--osv-url",
        url,
        "--cache-dir",
        folder / "cache",
        "--format",
        form,
    ]
    plain: list[str | Path] = ["--disable-pip", "--no-deps", "--progress-spinner", "off", "--requirement", requirements]
    return run_client(install_pip_audit(), *asks, *plain)


def test_a_project_with_our_own_advisorys_package_is_reported(served: Served, key: str, tmp_path: Path) -> None:
    ran = audit(
        served, f":{key}@", tmp_path, "acme-payments==1.4.1", "Zope.Interface==5.0", "acme-utils==0.1", "idna==3.7"
    )

    assert ran.status == 1
    assert "Found 3 known vulnerabilities in 3 packages" in ran.said
    rows = {line.split()[0]: line.split()[1:4] for line in ran.said.splitlines() if "2026" in line}
    assert rows["acme-payments"] == ["1.4.1", "x_OWN-2026-7", "1.4.2"]
    assert rows["zope-interface"] == ["5.0", "PYSEC-2026-1", "5.1"]
    assert rows["acme-utils"][:2] == ["0.1", "MAL-2026-1"]


def test_a_clean_project_passes(served: Served, key: str, tmp_path: Path) -> None:
    ran = audit(served, f":{key}@", tmp_path, "acme-payments==1.4.2", "zope-interface==5.1", "idna==3.7")

    assert ran.status == 0
    assert "No known vulnerabilities found" in ran.said


def test_its_json_names_aliases_and_fixes(served: Served, key: str, tmp_path: Path) -> None:
    ran = audit(served, f":{key}@", tmp_path, "zope-interface==5.0", form="json")

    document = json.loads(next(line for line in ran.said.splitlines() if line.startswith("{")))
    (found,) = document["dependencies"][0]["vulns"]
    assert (found["id"], found["aliases"], found["fix_versions"]) == ("PYSEC-2026-1", ["CVE-1"], ["5.1"])


def test_without_a_key_it_fails_rather_than_pass(served: Served, tmp_path: Path) -> None:
    ran = audit(served, "", tmp_path, "acme-payments==1.4.1")

    assert ran.status != 0
    assert "No known vulnerabilities found" not in ran.said

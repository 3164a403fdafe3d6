"""Clients made for Dependency-Track, unmodified, as their users run them; only address and key are ours.

`make clients` runs them; with ``-s`` pytest shows what they say.
"""

import json
import shutil
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from osv_bucket import make_record
from other_clients import install_cdxgen, install_dtrack_auditor, run_client
from sboms import make_sbom
from serving import Served, serving

from service.access.keys import create_key
from service.access.roles import Role
from service.clock import utc_now
from service.db import connect, writing

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]

LODASH, QS = "pkg:npm/lodash@4.17.20", "pkg:npm/qs@6.5.2"
CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]


@pytest.fixture(scope="module")
def served(module_database: str) -> Iterator[Served]:
    with serving(module_database) as server:
        record = make_record(
            "OWN-2026-7",
            "npm/lodash",
            "introduced 0",
            "fixed 4.17.21",
            severity=CRITICAL,
            summary="Prototype pollution",
        )
        server.client.put(f"/v1/advisories/{record['id']}", json=record).raise_for_status()
        yield server
        print(*(line for line in server.log().splitlines() if "/api/" in line), sep="\n")


@pytest.fixture(scope="module")
def url(served: Served) -> str:
    return f"http://127.0.0.1:{served.port}"


@pytest.fixture(scope="module")
def key(served: Served) -> str:
    """Give the key that a build has."""
    engine = connect(served.database)
    with writing(engine) as session:
        token = create_key(session, "build", Role.UPLOADER, now=utc_now()).token
    engine.dispose()
    return token


def get(served: Served, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = served.client.get(f"/v1/products/{path}").raise_for_status().json()["items"]
    return items


# --- dtrack-auditor --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def auditor(url: str, key: str) -> list[str | Path]:
    return [install_dtrack_auditor(), "--url", url, "--apikey", key]


def test_dtrack_auditor_uploads_waits_and_fails_the_build_that_breaks_its_rules(
    served: Served, auditor: list[str | Path], tmp_path: Path
) -> None:
    sbom = tmp_path / "bom.json"
    sbom.write_bytes(make_sbom(LODASH, QS))
    build = [*auditor, "--project", "Acme Shop", "--version", "1.4.2", "--filename", sbom, "--auto", "--wait"]

    lenient = run_client(*build, "--rules", "critical:2:true,high:1:true", "--showdetails", "TRUE")
    assert lenient.status == 0
    for words in ("No policy violations found.", LODASH, "OWN-2026-7", "resulted in no violations"):
        assert words in lenient.said

    strict = run_client(*build, "--rules", "critical:1:true")
    assert strict.status == 1
    assert "Threshold for CRITICAL severity issues exceeded" in strict.said

    assert [one["name"] for one in get(served, "acme-shop/streams")] == ["1.4.2"]
    assert {one["purl"] for one in get(served, "acme-shop/components")} == {LODASH, QS}
    (finding,) = get(served, "acme-shop/findings")
    assert (finding["purl"], finding["severity"]) == (LODASH, "critical")


def test_dtrack_auditor_passes_the_build_that_has_the_fix(auditor: list[str | Path], tmp_path: Path) -> None:
    sbom = tmp_path / "bom.json"
    sbom.write_bytes(make_sbom("pkg:npm/lodash@4.17.21"))
    build = [*auditor, "--project", "Acme Shop", "--version", "1.4.3", "--filename", sbom, "--auto", "--wait"]
    ran = run_client(*build, "--rules", "critical:1:true,high:1:true,medium:1:true,low:1:true,unassigned:1:true")
    assert ran.status == 0


def test_dtrack_auditor_hears_what_is_wrong(auditor: list[str | Path], tmp_path: Path) -> None:
    sbom = tmp_path / "bom.json"
    sbom.write_bytes(make_sbom(QS))
    unknown = run_client(*auditor, "--project", "Nobody's", "--version", "1", "--filename", sbom)
    assert (unknown.status, "HTTP-404" in unknown.said) == (1, True)
    sbom.write_text("<html>Sign in</html>")
    broken = run_client(*auditor, "--project", "Acme Shop", "--version", "1", "--filename", sbom, "--auto")
    assert (broken.status, "HTTP-400" in broken.said) == (1, True)


# --- cdxgen ----------------------------------------------------------------------------------------------------------


def test_cdxgen_generates_and_uploads(served: Served, url: str, key: str, tmp_path: Path) -> None:
    cdxgen = install_cdxgen()
    project = tmp_path / "web-shop"
    project.mkdir()
    manifest = {"name": "web-shop", "version": "2.0.0", "dependencies": {"lodash": "4.17.20"}}
    locked = {"version": "4.17.20", "resolved": "https://mirror.example/lodash-4.17.20.tgz"}
    lock = {
        "name": "web-shop",
        "version": "2.0.0",
        "lockfileVersion": 3,
        "requires": True,
        "packages": {"": manifest, "node_modules/lodash": locked},
    }
    (project / "package.json").write_text(json.dumps(manifest))
    (project / "package-lock.json").write_text(json.dumps(lock))

    where = ["--server-url", url, "--api-key", key, "--project-name", "web-shop", "--project-version", "2.0.0"]
    quiet = ["--type", "js", "--no-install-deps", "--no-babel", "--no-recurse", "--fail-on-error"]
    ran = run_client(cdxgen, *quiet, *where, "--output", tmp_path / "bom.json", project, folder=project)

    assert ran.status == 0
    assert [one["name"] for one in get(served, "web-shop/streams")] == ["2.0.0"]
    assert [one["version"] for one in get(served, "web-shop/releases")] == ["2.0.0"]
    assert LODASH in {one["purl"] for one in get(served, "web-shop/components")}
    (finding,) = get(served, "web-shop/findings")
    assert (finding["purl"], finding["vulnerability"]) == (LODASH, "OWN-2026-7")


# --- curl, as Dependency-Track's own documentation has it ------------------------------------------------------------

#: Its lines, with a place for the address, the key, the project and the SBOM. Of the form with the SBOM's text in it
#: curl itself makes a file name, since that begins with a "<"; here it is one.
PUT_JSON = """curl -X "PUT" "{url}/api/v1/bom" \\
     -H 'Content-Type: application/json' \\
     -H 'X-API-Key: {key}' \\
     -d $'{{
  "project": "{project}",
  "bom": "{encoded}"
  }}'
"""
PUT_FILE = """curl -X "PUT" "{url}/api/v1/bom" \\
     -H 'Content-Type: application/json' \\
     -H 'X-API-Key: {key}' \\
     -d @payload.json
"""
POST_FORM = """curl -X "POST" "{url}/api/v1/bom" \\
     -H 'Content-Type: multipart/form-data' \\
     -H "X-Api-Key: {key}" \\
     -F "autoCreate=true" \\
     -F "projectName=xxxx" \\
     -F "projectVersion=xxxx" \\
     -F "bom=@target/bom.xml"
"""
POST_TEXT = """curl -X "POST" "{url}/api/v1/bom" \\
     -H 'Content-Type: multipart/form-data' \\
     -H 'X-Api-Key: {key}' \\
     -F "project={project}" \\
     -F "bom=<target/bom.xml"
"""
XML = """<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">
  <components>
    <component type="library"><name>lodash</name><version>{version}</version>
      <purl>pkg:npm/lodash@{version}</purl></component>
  </components>
</bom>
"""


def test_the_lines_of_its_documentation(served: Served, url: str, key: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("there is no curl here")
    (tmp_path / "target").mkdir()
    file = tmp_path / "target" / "bom.xml"
    file.write_text(XML.format(version="4.17.18"))

    def say(lines: str, **places: str) -> str:
        ran = run_client("bash", "-c", lines.format(url=url, key=key, **places), folder=tmp_path)
        assert ran.status == 0
        assert '"token":"' in ran.said
        (component,) = get(served, "xxxx/components")
        version: str = component["version"]
        return version

    assert say(POST_FORM) == "4.17.18"
    lookup = served.client.get("/api/v1/project/lookup", params={"name": "xxxx", "version": "xxxx"})
    project = lookup.json()["uuid"]
    encoded = b64encode(XML.format(version="4.17.19").encode()).decode()
    assert say(PUT_JSON, project=project, encoded=encoded) == "4.17.19"
    file.write_text(XML.format(version="4.17.20"))
    assert say(POST_TEXT, project=project) == "4.17.20"
    encoded = b64encode(XML.format(version="4.17.21").encode()).decode()
    (tmp_path / "payload.json").write_text(json.dumps({"project": project, "bom": encoded}))
    assert say(PUT_FILE) == "4.17.21"

"""The door that Dependency-Track's clients know, over real HTTP: their requests, their shapes, our rules."""

import json
from base64 import b64encode
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from osv_bucket import make_record
from sboms import listed, make_sbom
from serving import Served, serving

from service.access.keys import create_key
from service.access.roles import Role
from service.clock import utc_now
from service.compat.dependency_track.uuids import Kind, to_uuid
from service.db import connect, writing
from service.inventory.bindings import bind_key
from service.inventory.products import ensure_product

LODASH, QS, LEFT_PAD = "pkg:npm/lodash@4.17.20", "pkg:npm/qs@6.5.2", "pkg:npm/%40acme/left-pad@1.0.0"
NOWHERE = to_uuid(Kind.PROJECT, 999_999)
_names = (f"Acme/Shop {number}" for number in count(1))


@pytest.fixture(scope="module")
def served(module_database: str) -> Iterator[Served]:
    with serving(module_database, {"MUSTER_MAX_UPLOAD_BYTES": "65536"}) as server:
        yield server


@pytest.fixture(scope="module")
def api(served: Served) -> httpx.Client:
    return served.client


@pytest.fixture(scope="module")
def ci(served: Served) -> Iterator[httpx.Client]:
    """Give a client whose key may upload, as a build has it, sent as other tools send it."""
    with key_for(served, Role.UPLOADER) as client:
        yield client


@pytest.fixture
def name() -> str:
    return next(_names)


def key_for(served: Served, role: Role, *products: str) -> httpx.Client:
    engine = connect(served.database)
    with writing(engine) as session:
        new = create_key(session, f"the {role}", role, now=utc_now())
        bind_key(session, new.key.id, [ensure_product(session, one, now=utc_now()).id for one in products])
    engine.dispose()
    return httpx.Client(base_url=served.client.base_url, headers={"X-Api-Key": new.token}, timeout=60)


def put(client: httpx.Client, bom: bytes, **fields: Any) -> httpx.Response:  # noqa: ANN401
    return client.put("/api/v1/bom", json={"bom": b64encode(bom).decode(), **fields})


Part = tuple[str | None, bytes]


def make_form(bom: bytes, filename: str | None, **fields: str) -> list[tuple[str, Part]]:
    form: list[tuple[str, Part]] = [(field, (None, value.encode())) for field, value in fields.items()]
    return [*form, ("bom", (filename, bom))]


def upload(client: httpx.Client, name: str, version: str, *components: Any) -> dict[str, Any]:  # noqa: ANN401
    """Upload an SBOM as a build does; gives the project."""
    answer = put(client, make_sbom(*components), projectName=name, projectVersion=version, autoCreate=True)
    assert answer.status_code == 200, answer.text
    return lookup(client, name, version)


def lookup(client: httpx.Client, name: str, version: str) -> dict[str, Any]:
    found: dict[str, Any] = (
        client.get("/api/v1/project/lookup", params={"name": name, "version": version}).raise_for_status().json()
    )
    return found


def warn(api: httpx.Client, *records: dict[str, Any]) -> None:
    for record in records:
        api.put(f"/v1/advisories/{record['id']}", json=record).raise_for_status()


def product_of(api: httpx.Client, project: dict[str, Any]) -> dict[str, Any]:
    (found,) = [p for p in api.get("/v1/products?limit=500").json()["items"] if p["title"] == project["name"]]
    return dict(found)


# --- uploads ---------------------------------------------------------------------------------------------------------


def test_an_upload_makes_product_stream_and_release_and_is_done_when_it_is_answered(
    api: httpx.Client, ci: httpx.Client, name: str
) -> None:
    fields = {"projectName": name, "projectVersion": "1.4.2", "autoCreate": True, "projectTags": [{"name": "pci"}]}
    answer = put(ci, make_sbom(LODASH), **fields)
    assert answer.status_code == 200
    assert list(answer.json()) == ["token"]
    for kind in ("bom", "event"):
        polled = ci.get(f"/api/v1/{kind}/token/{answer.json()['token']}")
        assert (polled.status_code, polled.json()) == (200, {"processing": False})
    product = product_of(api, {"name": name})
    assert (product["slug"], product["tags"]) == (name.lower().replace("/", "-").replace(" ", "-"), ["pci"])
    (release,) = api.get(f"/v1/products/{product['slug']}/releases").json()["items"]
    assert (release["version"], release["stream"]) == ("1.4.2", "1.4.2")
    (component,) = api.get(f"/v1/products/{product['slug']}/components").json()["items"]
    assert component["purl"] == LODASH


def test_a_hotfix_of_an_old_version_does_not_replace_the_new_one(
    api: httpx.Client, ci: httpx.Client, name: str
) -> None:
    for version, purl in (("1.3", LODASH), ("1.4", QS), ("1.3", LEFT_PAD)):
        upload(ci, name, version, purl)
    slug = product_of(api, {"name": name})["slug"]
    found = {(one["stream"], one["purl"]) for one in api.get(f"/v1/products/{slug}/components").json()["items"]}
    assert found == {("1.3", LEFT_PAD), ("1.4", QS)}


@pytest.mark.parametrize("version", [None, "", "main"])
def test_without_a_version_it_is_main_and_no_release(
    api: httpx.Client, ci: httpx.Client, name: str, version: str | None
) -> None:
    assert put(ci, make_sbom(QS), projectName=name, projectVersion=version, autoCreate="true").status_code == 200
    slug = product_of(api, {"name": name})["slug"]
    assert [one["name"] for one in api.get(f"/v1/products/{slug}/streams").json()["items"]] == ["main"]
    assert api.get(f"/v1/products/{slug}/releases").json()["items"] == []


@pytest.mark.parametrize("filename", ["bom.xml", None], ids=["a file", "a field"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_form_does_too(ci: httpx.Client, name: str, filename: str | None, method: str) -> None:
    form = make_form(make_sbom(QS), filename, projectName=name, projectVersion="1", autoCreate="true")
    assert ci.request(method, "/api/v1/bom", files=form).status_code == 200
    assert lookup(ci, name, "1")["version"] == "1"


def test_a_project_may_be_named_by_uuid(ci: httpx.Client, name: str) -> None:
    project = upload(ci, name, "1", LODASH)
    assert put(ci, make_sbom(QS), project=project["uuid"], projectVersion="ignored").status_code == 200
    form = make_form(make_sbom(QS, LODASH), "bom.json", project=project["uuid"])
    assert ci.post("/api/v1/bom", files=form).status_code == 200
    assert ci.get(f"/api/v1/metrics/project/{project['uuid']}/current").json()["components"] == 2


def test_the_same_sbom_again_changes_nothing_but_the_time_of_the_last_import(ci: httpx.Client, name: str) -> None:
    bom = make_sbom(LODASH)
    fields = {"projectName": name, "projectVersion": "1", "autoCreate": True}
    first = put(ci, bom, **fields).json()
    before = lookup(ci, name, "1")["lastBomImport"]
    assert put(ci, bom, **fields).json() == first
    assert lookup(ci, name, "1")["lastBomImport"] > before


def test_what_has_no_place_here_is_taken_and_named(ci: httpx.Client, name: str) -> None:
    fields = {"projectName": name, "projectVersion": "1", "autoCreate": True}
    answer = put(ci, make_sbom(QS), **fields, parentName="Acme", parentVersion="2", isLatest=True)
    assert (answer.status_code, answer.headers["X-Muster-Unkept"]) == (200, "parentName, parentVersion, isLatest")


def test_without_auto_create_an_unknown_project_is_not_found(ci: httpx.Client, name: str) -> None:
    upload(ci, name, "1", QS)
    for fields in (
        {"projectName": name, "projectVersion": "2"},
        {"projectName": f"{name} other", "projectVersion": "1", "autoCreate": False},
        {"project": NOWHERE, "autoCreate": True},
        {"project": "f90934f5-cb88-47ce-81cb-db06fc67d4b4"},
        {"project": "no uuid"},
    ):
        answer = put(ci, make_sbom(QS), **fields)
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith("The project could not be found.")
    assert put(ci, make_sbom(QS), projectName=name, projectVersion="1").status_code == 200


@pytest.mark.parametrize("bom", [b"<html></html>", b"{}", b"PK\x03\x04", make_sbom(QS)[:-30]])
def test_what_is_no_sbom_is_a_bad_request_and_leaves_nothing(ci: httpx.Client, name: str, bom: bytes) -> None:
    answer = put(ci, bom, projectName=name, projectVersion="1", autoCreate=True)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    problem = answer.json()
    assert (problem["title"], problem["status"], problem["errors"]) == (
        "The uploaded BOM is invalid",
        400,
        [problem["detail"]],
    )
    assert ci.get("/api/v1/project/lookup", params={"name": name, "version": "1"}).status_code == 404


def test_a_body_that_fits_nothing_is_a_bad_request(ci: httpx.Client) -> None:
    for kind, content in (("application/json", b"{"), ("multipart/form-data", b"x"), ("text/plain", b"hello")):
        answer = ci.post("/api/v1/bom", content=content, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/unreadable")
    assert put(ci, make_sbom(QS), projectName="x", projectVersion="v" * 201, autoCreate=True).status_code == 400


def test_an_sbom_over_the_limit_is_too_large(ci: httpx.Client, name: str) -> None:
    fields = {"projectName": name, "projectVersion": "1", "autoCreate": True}
    many = make_sbom(*(f"pkg:npm/package-{number}@1.0.0" for number in range(1_000)))
    assert put(ci, many, **fields).status_code == 413
    form = make_form(many, "b", projectName=name, autoCreate="true")
    assert ci.post("/api/v1/bom", files=form).status_code == 413


# --- keys ------------------------------------------------------------------------------------------------------------


def test_only_the_version_needs_no_key(served: Served) -> None:
    with httpx.Client(base_url=served.client.base_url) as nobody:
        version = nobody.get("/api/version").json()
        assert (version["version"], version["application"]) == ("4.13.0", "muster")
        assert nobody.get("/api/v1/project").status_code == 401
        assert nobody.put("/api/v1/bom", json={}).status_code == 401
        wrong = nobody.get("/api/v1/project", headers={"X-Api-Key": "odt_abc"})
        assert (wrong.status_code, wrong.json()["type"]) == (401, "/problems/unauthenticated")
        bearer = nobody.get("/api/v1/project", headers={"Authorization": f"Bearer {served.token}"})
        assert bearer.status_code == 200


def test_roles_open_the_doors_that_they_open_elsewhere(served: Served, ci: httpx.Client, name: str) -> None:
    uuid = upload(ci, name, "1", QS)["uuid"]
    with key_for(served, Role.READER) as reader, key_for(served, Role.INTEGRATION) as integration:
        assert put(reader, make_sbom(QS), project=uuid).status_code == 403
        assert reader.get(f"/api/v1/finding/project/{uuid}").status_code == 200
        assert reader.get("/api/v1/project").status_code == 200
        assert integration.get(f"/api/v1/finding/project/{uuid}").status_code == 403
    assert ci.get("/api/v1/project").status_code == 403
    assert ci.get("/api/v1/project", params={"name": name}).status_code == 200
    assert ci.patch(f"/api/v1/project/{uuid}", json={"tags": []}).status_code == 403
    assert {one["name"] for one in ci.get("/api/v1/team/self").json()["permissions"]} >= {"BOM_UPLOAD"}


def test_a_bound_key_reaches_its_product_and_no_other(served: Served, ci: httpx.Client, name: str) -> None:
    other = upload(ci, f"{name} other", "1", QS)
    with key_for(served, Role.UPLOADER, name) as bound:
        mine = upload(bound, name, "1", LODASH)
        assert put(bound, make_sbom(QS), projectName="news", projectVersion="1", autoCreate=True).status_code == 404
        assert put(bound, make_sbom(QS), project=other["uuid"]).status_code == 404
        assert bound.put("/api/v1/project", json={"name": "news"}).status_code == 404
        for path in ("project", "finding/project", "violation/project"):
            assert bound.get(f"/api/v1/{path}/{other['uuid']}").status_code == 404
            assert bound.get(f"/api/v1/{path}/{mine['uuid']}").status_code == 200
        assert [one["uuid"] for one in bound.get("/api/v1/project").json()] == [mine["uuid"]]
        assert bound.get("/api/v1/project", params={"name": other["name"]}).json() == []
        permissions = {one["name"] for one in bound.get("/api/v1/team/self").json()["permissions"]}
        assert "PROJECT_CREATION_UPLOAD" not in permissions


# --- projects --------------------------------------------------------------------------------------------------------


def test_a_project_keeps_its_name_and_is_found_by_it(api: httpx.Client, ci: httpx.Client, name: str) -> None:
    project = upload(ci, name, "2.0", QS)
    assert project == ci.get(f"/api/v1/project/{project['uuid']}").json()
    assert {key: project[key] for key in ("name", "version", "classifier", "active", "tags")} == {
        "name": name,
        "version": "2.0",
        "classifier": "APPLICATION",
        "active": True,
        "tags": [],
    }
    slug = product_of(api, project)["slug"]
    renamed = api.patch(f"/v1/products/{slug}", json={"slug": f"{slug}-renamed"}, headers={"If-Match": "*"})
    assert renamed.status_code == 200
    assert lookup(ci, name, "2.0")["uuid"] == project["uuid"]
    assert upload(ci, name, "2.0", LODASH)["uuid"] == project["uuid"]


def test_lists_are_walked_in_each_of_the_ways_that_clients_know(api: httpx.Client, ci: httpx.Client, name: str) -> None:
    uuids = [upload(ci, name, f"1.{number}", QS)["uuid"] for number in range(5)]

    def walk(**params: Any) -> list[str]:  # noqa: ANN401
        answer = api.get("/api/v1/project", params={"name": name, **params})
        assert answer.headers["X-Total-Count"] == "5"
        return [one["uuid"] for one in answer.json()]

    assert walk() == walk(limit=1_000_000, offset=0) == uuids
    assert walk(page=2, limit=2) == walk(pageNumber=2, pageSize=2) == walk(offset=2, limit=2) == uuids[2:4]
    assert walk(page=4, limit=2) == []
    assert walk(excludeInactive="true") == uuids
    assert api.get("/api/v1/project", params={"page": 0}).status_code == 422


def test_projects_are_found_by_tag_and_steered(api: httpx.Client, name: str) -> None:
    made = api.put("/api/v1/project", json={"name": name, "version": "1", "tags": [{"name": name}], "active": True})
    assert made.status_code == 201
    uuid = made.json()["uuid"]
    assert "lastBomImport" not in made.json()
    assert api.put("/api/v1/project", json={"name": name, "version": "1"}).status_code == 409
    assert api.put("/api/v1/project", json={"name": name, "version": "2"}).status_code == 201
    by_tag = api.get("/api/v1/project", params={"tag": name}).json()
    assert [one["version"] for one in by_tag] == ["1", "2"]
    assert api.get(f"/api/v1/project/tag/{quote(name, safe='')}").json() == by_tag
    assert api.get("/api/v1/project/tag/nobody-has-it").json() == []
    changed = api.patch(f"/api/v1/project/{uuid}", json={"tags": [{"name": "web"}], "active": False, "isLatest": True})
    assert (changed.status_code, changed.json()["active"], changed.json()["tags"]) == (200, False, [{"name": "web"}])
    (left,) = api.get("/api/v1/project", params={"name": name, "excludeInactive": "true"}).json()
    assert left["version"] == "2"
    refused = put(api, make_sbom(QS), project=uuid)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/stream-retired")
    assert api.patch(f"/api/v1/project/{uuid}", json={"active": True}).json()["active"] is True
    assert put(api, make_sbom(QS), project=uuid).status_code == 200
    assert api.patch(f"/api/v1/project/{uuid}", json={"version": "3"}).status_code == 409
    assert api.patch(f"/api/v1/project/{NOWHERE}", json={}).status_code == 404


# --- findings --------------------------------------------------------------------------------------------------------


def test_a_finding_has_the_shape_that_clients_read(api: httpx.Client, ci: httpx.Client, name: str) -> None:
    record = make_record(
        "OWN-2024-1",
        "npm/@acme/left-pad",
        "introduced 0",
        "fixed 1.0.1",
        aliases=["CVE-2024-90001"],
        summary="Pads too far",
        details="Very far.",
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    )
    warn(api, record)
    project = upload(ci, name, "1", LEFT_PAD, QS)
    (finding,) = ci.get(f"/api/v1/finding/project/{project['uuid']}").json()
    component, vulnerability = finding["component"], finding["vulnerability"]
    assert component | {"uuid": ""} == {
        "uuid": "",
        "name": "left-pad",
        "group": "@acme",
        "version": "1.0.0",
        "purl": LEFT_PAD,
        "project": project["uuid"],
    }
    assert vulnerability | {"uuid": ""} == {
        "uuid": "",
        "source": "INTERNAL",
        "vulnId": "CVE-2024-90001",
        "title": "Pads too far",
        "description": "Very far.",
        "recommendation": "Fixed in 1.0.1.",
        "severity": "CRITICAL",
        "severityRank": 0,
        "cvssV3BaseScore": 9.8,
        "aliases": [{"osvId": "OWN-2024-1"}],
    }
    assert finding["analysis"] == {"state": "NOT_SET", "isSuppressed": False}
    assert finding["matrix"] == f"{project['uuid']}:{component['uuid']}:{vulnerability['uuid']}"


def test_counts_are_those_of_this_version_and_of_what_a_gate_would_count(
    api: httpx.Client, ci: httpx.Client, name: str
) -> None:
    high = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}]
    warn(
        api,
        make_record("OWN-2024-2", "npm/counted", "introduced 0", "fixed 2", severity=high),
        make_record("OWN-2024-3", "npm/unscored", "introduced 0", "fixed 2"),
        make_record("OWN-4", "npm/evil", "introduced 0", "fixed 2", database_specific={"cwe_ids": ["CWE-506"]}),
    )
    parts = ["pkg:npm/counted@1", "pkg:npm/unscored@1", listed("pkg:npm/evil@1", scope="dev"), QS]
    project = upload(ci, name, "1", *parts)
    for_tests = upload(ci, name, "2", listed("pkg:npm/counted@1", scope="test"))
    metrics = ci.get(f"/api/v1/metrics/project/{project['uuid']}/current").json()
    assert {key: metrics[key] for key in ("critical", "high", "medium", "low", "unassigned", "components")} == {
        "critical": 1,
        "high": 1,
        "medium": 0,
        "low": 0,
        "unassigned": 1,
        "components": 4,
    }
    assert (metrics["vulnerableComponents"], metrics["inheritedRiskScore"]) == (3, 20)
    (finding,) = ci.get(f"/api/v1/finding/project/{for_tests['uuid']}").json()
    assert (finding["vulnerability"]["severity"], finding["vulnerability"]["severityRank"]) == ("UNASSIGNED", 5)
    assert ci.get(f"/api/v1/metrics/project/{project['uuid']}/refresh").status_code == 200
    violations = ci.get(f"/api/v1/violation/project/{project['uuid']}")
    assert (violations.json(), violations.headers["X-Total-Count"]) == ([], "0")


def test_what_two_people_have_decided_about_is_suppressed(
    served: Served, api: httpx.Client, ci: httpx.Client, name: str
) -> None:
    warn(api, make_record("OWN-2024-5", "npm/decided", "introduced 0", "fixed 2"))
    project = upload(ci, name, "1", "pkg:npm/decided@1")
    slug = product_of(api, project)["slug"]
    (found,) = api.get(f"/v1/products/{slug}/findings").json()["items"]
    exposure = api.get(f"/v1/exposures/{found['exposure']}")
    decision = {"to": "not_affected", "justification": "code_not_reachable", "reason": "only in the installer"}
    path = f"/v1/exposures/{found['exposure']}/transitions"
    proposed = api.post(path, json=decision, headers={"If-Match": exposure.headers["ETag"]}).raise_for_status()
    with key_for(served, Role.CERT) as second:
        approval = f"/v1/exposures/{found['exposure']}:approve"
        second.post(approval, headers={"If-Match": proposed.headers["ETag"]}).raise_for_status()
    findings = f"/api/v1/finding/project/{project['uuid']}"
    assert ci.get(findings).json() == []
    (finding,) = ci.get(findings, params={"suppressed": "true"}).json()
    assert finding["analysis"] == {"state": "NOT_AFFECTED", "isSuppressed": True}
    assert ci.get(f"/api/v1/metrics/project/{project['uuid']}/current").json()["suppressed"] == 1


def test_every_call_is_described_under_its_tag(api: httpx.Client) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    calls = {
        (path, method): call
        for path, found in paths.items()
        if path.startswith("/api/")
        for method, call in found.items()
    }
    assert {tag for call in calls.values() for tag in call["tags"]} == {"dependency-track"}
    assert all(call["description"] for call in calls.values())
    accepted = calls["/api/v1/bom", "put"]["requestBody"]["content"]
    assert set(accepted) == {"application/json", "multipart/form-data"}
    assert json.dumps(calls["/api/v1/finding/project/{uuid}", "get"]).count("FindingOut")

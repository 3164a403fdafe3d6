"""How components came in, and what changed between two SBOMs, over HTTP."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from osv_bucket import make_record

SUBJECT = "subject"
LODASH, FIXED, MS, EXPRESS = (
    "pkg:npm/lodash@4.17.20",
    "pkg:npm/lodash@4.17.21",
    "pkg:npm/ms@2.0.0",
    "pkg:npm/express@4.18.0",
)

Licences = dict[str, str]


def send(
    client: TestClient,
    *purls: str,
    product: str = "shop",
    depends: dict[str, list[str]] | None = None,
    licences: Licences | None = None,
    **params: str | int,
) -> int:
    """Upload an SBOM with these components, these dependencies and these licences; gives its id."""
    components = []
    for purl in purls:
        name, _, version = purl.split("/")[-1].partition("@")
        part: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        if licences and purl in licences:
            part["licenses"] = [{"license": {"id": licences[purl]}}]
        components.append(part)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"bom-ref": SUBJECT, "type": "application", "name": "the shop"}},
        "components": components,
        "dependencies": [{"ref": above, "dependsOn": below} for above, below in (depends or {}).items()],
    }
    answer = client.post(f"/v1/products/{product}/sboms", content=json.dumps(document), params=params)
    assert answer.status_code == 201, answer.text
    sbom: int = answer.json()["sbom"]["id"]
    return sbom


def ask(client: TestClient, path: str, **params: str | int) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(f"/v1/products/shop/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- paths -----------------------------------------------------------------------------------------------------------


def names(way: dict[str, Any]) -> list[list[str]]:
    return [[step["name"] for step in path] for path in way["paths"]]


def test_paths_lead_from_the_subject_to_the_component_the_shortest_first(admin: TestClient) -> None:
    graph = {SUBJECT: [LODASH, EXPRESS], EXPRESS: [MS, LODASH], LODASH: [MS]}
    sbom = send(admin, LODASH, MS, EXPRESS, depends=graph)
    (way,) = ask(admin, "paths", purl="pkg:npm/ms")["items"]
    assert names(way)[-1] == ["the shop", "express", "lodash", "ms"]
    assert sorted(names(way)[:2]) == [["the shop", "express", "ms"], ["the shop", "lodash", "ms"]]
    assert way["paths"][0][0] == {"purl": "", "name": "the shop", "version": ""}
    assert way["component"] == {"purl": MS, "name": "ms", "version": "2.0.0"}
    assert (way["relation"], way["total"], way["roots"], way["entries"]) == (
        "transitive",
        {"count": 3, "at_least": False},
        1,
        2,
    )
    assert (way["stream"], way["release"], way["sbom"], way["scope"]) == ("main", None, sbom, "required")
    (short,) = ask(admin, "paths", purl=MS, paths=1)["items"]
    assert len(short["paths"]) == 1
    assert [one["relation"] for one in ask(admin, "paths", name="lodash")["items"]] == ["direct"]
    assert ask(admin, "paths", purl="pkg:npm/ms@9.9.9")["items"] == []


def test_paths_are_given_for_each_stream_and_release_and_component(admin: TestClient) -> None:
    send(admin, LODASH, depends={SUBJECT: [LODASH]}, version="1.0")
    admin.patch("/v1/products/shop/releases/1.0", json={"supported": True})
    now = send(admin, FIXED, EXPRESS, depends={SUBJECT: [EXPRESS], EXPRESS: [FIXED]})
    send(admin, LODASH, FIXED, stream="2.x")

    def places(**params: str | int) -> list[tuple[str, str | None, str, str]]:
        items, after = [], None
        while True:
            more: dict[str, str | int] = {"after": after} if after else {}
            page = ask(admin, "paths", purl="pkg:npm/lodash", limit=2, **params, **more)
            items += page["items"]
            after = page["next"]
            if after is None:
                break
        return sorted((i["stream"], i["release"] or "", i["component"]["version"], i["relation"]) for i in items)

    assert places() == [
        ("2.x", "", "4.17.20", "unknown"),
        ("2.x", "", "4.17.21", "unknown"),
        ("main", "", "4.17.21", "transitive"),
        ("main", "1.0", "4.17.20", "direct"),
    ]
    assert places(stream="main") == places(sbom=now) == [("main", "", "4.17.21", "transitive")]
    assert places(release="1.0") == [("main", "1.0", "4.17.20", "direct")]


def test_paths_lead_into_the_past(admin: TestClient, clock: Any) -> None:  # noqa: ANN401 - of the tests
    send(admin, LODASH, depends={SUBJECT: [LODASH]})
    clock.advance(timedelta(days=1))
    send(admin, FIXED, depends={SUBJECT: [FIXED]})
    (then,) = ask(admin, "paths", purl="pkg:npm/lodash", as_of="2026-03-01T13:00:00Z")["items"]
    assert then["component"]["version"] == "4.17.20"
    assert ask(admin, "paths", purl="pkg:npm/lodash", as_of="2026-02-01T13:00:00Z")["items"] == []


def test_questions_about_paths_that_contradict_themselves_are_refused(admin: TestClient) -> None:
    sbom = send(admin, LODASH, version="1.0")
    questions: list[tuple[dict[str, str | int], int]] = [
        ({}, 422),
        ({"purl": "lodash"}, 422),
        ({"purl": LODASH, "name": "lodash"}, 422),
        ({"purl": LODASH, "as_of": "2026-03-01T13:00:00"}, 422),
        ({"purl": LODASH, "sbom": sbom, "stream": "main"}, 422),
        ({"purl": LODASH, "release": "1.0", "as_of": "2026-03-01T13:00:00Z"}, 422),
        ({"purl": LODASH, "sbom": sbom + 999}, 404),
        ({"purl": LODASH, "stream": "none"}, 404),
        ({"purl": LODASH, "release": "none"}, 404),
    ]
    for params, status in questions:
        assert admin.get("/v1/products/shop/paths", params=params).status_code == status, params


def test_the_list_of_components_says_which_are_direct(admin: TestClient, clock: Any) -> None:  # noqa: ANN401
    send(admin, LODASH, EXPRESS, depends={SUBJECT: [EXPRESS], EXPRESS: [LODASH]}, version="1.0")
    admin.patch("/v1/products/shop/releases/1.0", json={"supported": True})
    clock.advance(timedelta(days=1))
    send(admin, LODASH, MS, depends={SUBJECT: [LODASH]})

    def relations(**params: str) -> dict[tuple[str, str | None], str]:
        items = ask(admin, "components", **params)["items"]
        return {(one["name"], one["release"]): one["relation"] for one in items}

    assert relations() == {
        ("lodash", None): "direct",
        ("ms", None): "unknown",
        ("express", "1.0"): "direct",
        ("lodash", "1.0"): "transitive",
    }
    assert relations(stream="main", as_of="2026-03-01T13:00:00Z") == {
        ("express", None): "direct",
        ("lodash", None): "transitive",
    }


# --- diff ------------------------------------------------------------------------------------------------------------


def test_the_newest_sbom_is_compared_with_the_one_before(admin: TestClient) -> None:
    first = send(admin, LODASH, MS, depends={SUBJECT: [LODASH], LODASH: [MS]})
    second = send(admin, FIXED, EXPRESS, depends={SUBJECT: [FIXED, EXPRESS]})
    diff = ask(admin, "diff")
    assert (diff["from"]["sbom"]["id"], diff["to"]["sbom"]["id"], diff["to"]["stream"]) == (first, second, "main")
    assert diff["summary"] == {
        "added": 1,
        "removed": 1,
        "upgraded": 1,
        "downgraded": 0,
        "changed": 0,
        "unchanged": 0,
        "relicensed": 0,
    }
    assert [(one["change"], one["name"], one["relation"]) for one in diff["items"]] == [
        ("added", "express", "direct"),
        ("removed", "ms", "transitive"),
        ("upgrade", "lodash", "direct"),
    ]
    assert diff["items"][2]["from"] == {"purl": LODASH, "version": "4.17.20", "licence": "", "scope": "required"}
    assert (diff["items"][0]["from"], diff["items"][1]["to"]) == (None, None)
    assert ask(admin, "diff", to=first)["from"] is None
    assert [one["change"] for one in ask(admin, "diff", change="added")["items"]] == ["added"]


def test_a_difference_is_read_page_by_page(admin: TestClient) -> None:
    send(admin, *(f"pkg:npm/p{number}@1.0.0" for number in range(9)))
    send(admin, *(f"pkg:npm/p{number}@2.0.0" for number in range(4, 12)))
    items, after = [], None
    while True:
        more: dict[str, str | int] = {"after": after} if after else {}
        page = ask(admin, "diff", limit=3, **more)
        assert (page["findings"] is None) == (after is not None)
        items += page["items"]
        after = page["next"]
        if after is None:
            break
    assert items == ask(admin, "diff")["items"]
    assert len(items) == 3 + 4 + 5


def test_another_licence_of_the_same_version_is_told_by_the_documents(admin: TestClient) -> None:
    send(admin, MS, LODASH, EXPRESS, product="elsewhere", licences={MS: "Apache-2.0"})
    send(admin, MS, LODASH, EXPRESS, licences={MS: "MIT", LODASH: "MIT"})
    send(admin, MS, LODASH, EXPRESS, licences={MS: "BUSL-1.1", LODASH: "mit", EXPRESS: "ISC"})
    diff = ask(admin, "diff")
    (change,) = diff["items"]
    assert (change["change"], change["differs"], change["name"]) == ("licence", ["licence"], "ms")
    assert (change["from"]["licence"], change["to"]["licence"]) == ("MIT", "BUSL-1.1")
    assert (diff["licences"], diff["summary"]["changed"], diff["summary"]["relicensed"]) == ("documents", 1, 1)
    assert ask(admin, "diff", change="licence")["items"] == [change]


def test_releases_streams_moments_and_other_products_can_be_compared(admin: TestClient, clock: Any) -> None:  # noqa: ANN401
    send(admin, LODASH, version="1.0")
    clock.advance(timedelta(days=1))
    send(admin, FIXED)
    send(admin, MS, product="blog", stream="prod")
    for before, after in (("release:1.0", "stream:main"), ("stream:main@2026-03-01T13:00:00Z", "")):
        diff = ask(admin, "diff", **{"from": before, "to": after})
        assert [one["change"] for one in diff["items"]] == ["upgrade"]
    other = ask(admin, "diff", **{"from": "stream:main", "to": "blog/stream:prod"})
    assert [(one["change"], one["name"]) for one in other["items"]] == [("added", "ms"), ("removed", "lodash")]
    assert (other["from"]["product"], other["to"]["product"]) == ("shop", "blog")
    for params, status in (({"to": "main"}, 422), ({"to": "stream:x"}, 404), ({"from": "nobody/1"}, 404)):
        assert admin.get("/v1/products/shop/diff", params=params).status_code == status


def test_vulnerabilities_come_and_go_with_their_packages(admin: TestClient) -> None:
    affected = make_record("OWN-1", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-23337"])
    admin.put("/v1/advisories/OWN-1", json=affected)
    admin.put("/v1/advisories/OWN-2", json=make_record("OWN-2", "npm/ms", "introduced 0", "fixed 2.0.1"))
    admin.put("/v1/advisories/OWN-3", json=make_record("OWN-3", "npm/express", "introduced 0"))
    send(admin, LODASH, EXPRESS)
    send(admin, FIXED, MS, "pkg:npm/express@4.19.0")
    findings = ask(admin, "diff")["findings"]
    assert [(one["vulnerability"], one["purl"]) for one in findings["added"]] == [("OWN-2", MS)]
    assert [(one["vulnerability"], one["purl"], one["fixed_in"]) for one in findings["removed"]] == [
        ("CVE-2021-23337", LODASH, ["4.17.21"])
    ]
    assert (findings["added_count"], findings["removed_count"]) == (1, 1)
    assert [one["elsewhere"] for one in findings["added"] + findings["removed"]] == [False, False]


def test_a_fix_in_one_package_says_when_another_still_has_the_vulnerability(admin: TestClient) -> None:
    both = make_record("OWN-1", "npm/lodash", "introduced 0", "fixed 4.17.21")
    both["affected"] += make_record("OWN-1", "npm/ms", "introduced 0")["affected"]
    admin.put("/v1/advisories/OWN-1", json=both)
    send(admin, LODASH, MS)
    send(admin, FIXED, MS)
    (gone,) = ask(admin, "diff")["findings"]["removed"]
    assert (gone["name"], gone["elsewhere"]) == ("lodash", True)
    send(admin, FIXED, LODASH, MS)
    send(admin, LODASH, MS)
    findings = ask(admin, "diff")["findings"]
    assert (findings["added"], findings["removed"]) == ([], [])


def test_documents_that_take_long_to_read_are_not_read_again_while_somebody_waits(admin: TestClient) -> None:
    shop = (Path(__file__).parents[2] / "data" / "sbom" / "shop.spdx.yaml").read_bytes()
    for document in (shop, shop.replace(b"5.6.1-1", b"5.6.2-1")):
        assert admin.post("/v1/products/shop/sboms", content=document).status_code == 201
    answer = ask(admin, "diff")
    assert (answer["licences"], answer["summary"]["upgraded"]) == ("catalogue", 1)

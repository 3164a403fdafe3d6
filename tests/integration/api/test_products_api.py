"""Products, teams and keys over HTTP."""

from collections.abc import Callable

from fastapi.testclient import TestClient


def test_a_product_is_described_once_and_changed_under_its_version(admin: TestClient) -> None:
    admin.put("/v1/teams/payments", json={"email": "payments@example.org"})
    made = admin.put("/v1/products/shop", json={"tier": "high", "team": "payments", "tags": ["eu", "eu", "b2c"]})
    assert made.status_code == 201
    assert made.json() | {"created_at": ""} == {
        "slug": "shop", "title": "shop", "kind": "own", "tier": "high", "exposed": False, "tags": ["b2c", "eu"],
        "team": "payments", "created_at": "", "archived_at": None, "archived_reason": None, "version": 1,
        "built_on": None,
    }  # fmt: skip

    changed = admin.patch("/v1/products/shop", json={"exposed": True}, headers={"If-Match": made.headers["ETag"]})
    assert (changed.status_code, changed.json()["exposed"], changed.json()["tier"]) == (200, True, "high")
    assert changed.headers["ETag"] == '"2"'

    stale = admin.patch("/v1/products/shop", json={"tier": "low"}, headers={"If-Match": made.headers["ETag"]})
    assert (stale.status_code, stale.json()["version"]) == (412, 2)
    assert admin.patch("/v1/products/shop", json={"tier": "low"}).status_code == 428
    assert admin.put("/v1/products/shop", json={}).status_code == 428
    assert admin.patch("/v1/products/shop", json={}, headers={"If-Match": "2"}).status_code == 400

    again = admin.put("/v1/products/shop", json={}, headers={"If-Match": "*"})
    assert (again.status_code, again.json()["tier"], again.json()["team"]) == (200, "medium", None)


def test_a_change_that_changes_nothing_keeps_the_version(admin: TestClient) -> None:
    admin.put("/v1/products/shop", json={"tier": "high"})
    same = admin.patch("/v1/products/shop", json={"tier": "high"}, headers={"If-Match": '"1"'})
    assert same.json()["version"] == 1


def test_a_renamed_product_answers_under_both_slugs(admin: TestClient) -> None:
    admin.put("/v1/products/shop", json={})
    admin.patch("/v1/products/shop", json={"slug": "store"}, headers={"If-Match": '"1"'})
    old = admin.get("/v1/products/shop")
    assert old.json()["slug"] == "store"
    assert old.headers["Content-Location"] == "/v1/products/store"
    assert [p["slug"] for p in admin.get("/v1/products").json()["items"]] == ["store"]


def test_an_unknown_team_and_a_bad_slug_are_the_senders_fault(admin: TestClient) -> None:
    unknown = admin.put("/v1/products/shop", json={"team": "nobody"})
    assert (unknown.status_code, unknown.json()["type"].rsplit("/")[-1]) == (422, "unknown-team")
    assert admin.get("/v1/products/shop").status_code == 404
    assert admin.put("/v1/products/Shop", json={}).status_code == 422
    assert admin.put("/v1/products/shop", json={"tier": "huge"}).status_code == 422


def test_an_archived_product_leaves_the_list_and_comes_back(admin: TestClient) -> None:
    admin.put("/v1/products/shop", json={})
    assert admin.post("/v1/products/shop:archive", json={"reason": " "}).status_code == 422
    archived = admin.post("/v1/products/shop:archive", json={"reason": "sold"})
    assert archived.json()["archived_reason"] == "sold"
    assert admin.post("/v1/products/shop:archive", json={"reason": "sold"}).status_code == 409
    assert admin.get("/v1/products").json()["items"] == []
    assert len(admin.get("/v1/products", params={"archived": True}).json()["items"]) == 1
    assert admin.post("/v1/products/shop:revive").json()["archived_at"] is None


def test_a_key_is_shown_once_works_and_ends_when_revoked(admin: TestClient, nobody: TestClient) -> None:
    admin.put("/v1/products/shop", json={})
    made = admin.post("/v1/keys", json={"name": "ci", "role": "uploader", "products": ["shop"]})
    assert made.status_code == 201
    assert made.json()["products"] == ["shop"]
    key = made.json()["key"]
    listed = admin.get("/v1/keys").json()["items"]
    assert [item["name"] for item in listed] == ["the admin", "ci"]
    assert key not in str(listed)
    assert nobody.get("/v1/products", headers={"X-Api-Key": key}).status_code == 403
    assert admin.delete(f"/v1/keys/{made.json()['id']}").status_code == 204
    assert nobody.get("/v1/products", headers={"X-Api-Key": key}).status_code == 401
    assert admin.delete("/v1/keys/nosuchkey").status_code == 404


def test_keys_that_make_no_sense_are_refused(admin: TestClient) -> None:
    admin.put("/v1/products/shop", json={})
    bodies = (
        ({"name": "o", "role": "owner"}, 409),
        ({"name": "r", "role": "reader", "products": ["shop"]}, 409),
        ({"name": "u", "role": "uploader", "products": ["none"]}, 404),
        ({"name": "x", "role": "root"}, 422),
        ({"name": "x", "role": "reader", "life_days": 366}, 422),
    )
    for body, status in bodies:
        assert admin.post("/v1/keys", json=body).status_code == status, body


def test_the_fallback_team_is_there_from_the_beginning(client_as: Callable[..., TestClient]) -> None:
    reader = client_as("reader")
    assert reader.get("/v1/teams/cert-triage").json()["fallback"]
    teams = reader.get("/v1/teams").json()["items"]
    assert [(team["name"], team["fallback"]) for team in teams] == [("cert-triage", True)]


def test_acts_are_listed_newest_first_and_only_to_cert_and_admins(
    admin: TestClient, client_as: Callable[..., TestClient]
) -> None:
    for slug in ("a", "b", "c"):
        admin.put(f"/v1/products/{slug}", json={"tier": "high"})
    first = client_as("cert").get("/v1/audit", params={"limit": 2}).json()
    assert [(act["actor"], act["action"], act["subject"]) for act in first["items"]] == [
        ("the admin", "product.put", "c"),
        ("the admin", "product.put", "b"),
    ]
    assert first["items"][0]["detail"] == {"tier": "high"}
    rest = admin.get("/v1/audit", params={"after": first["next"]}).json()
    assert [act["subject"] for act in rest["items"]] == ["a"]
    assert client_as("reader").get("/v1/audit").status_code == 403

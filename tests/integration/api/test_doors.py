"""Who gets in, what an error looks like, whether a list can be walked."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import text
from stopped_clock import StoppedClock

from service.api.deps import Write, may, permissions_of
from service.db import connect
from service.main import create_app
from service.settings import Settings

OPEN_PATHS = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/api/version"}


def test_every_route_of_the_api_asks_for_a_permission(app: FastAPI) -> None:
    guarded = {path: permissions for _, path, permissions in permissions_of(app)}
    assert guarded["/v1/keys"] == {"manage_keys"}
    without = {path for path, found in guarded.items() if not found and path.startswith(("/v1", "/api", "/osv"))}
    assert without == {"/api/version"}
    assert {path for path, found in guarded.items() if not found} >= OPEN_PATHS


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
def test_probes_need_no_key(nobody: TestClient, path: str) -> None:
    assert nobody.get(path).status_code == 200


def test_without_a_key_there_is_a_challenge(nobody: TestClient) -> None:
    answer = nobody.get("/v1/products")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "https://muster.example/problems/unauthenticated"
    assert answer.json()["instance"] == "/v1/products"


def test_x_api_key_is_as_good_as_a_bearer(admin: TestClient, nobody: TestClient) -> None:
    token = admin.headers["Authorization"].removeprefix("Bearer ")
    assert nobody.get("/v1/products", headers={"X-Api-Key": token}).status_code == 200


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("uploader", "/v1/products", 403),
        ("integration", "/v1/products", 403),
        ("integration", "/v1/changes", 200),
        ("reader", "/v1/products", 200),
        ("reader", "/v1/keys", 403),
        ("cert", "/v1/keys", 403),
        ("cert", "/v1/teams", 200),
    ],
)
def test_a_role_opens_its_doors_and_no_others(
    client_as: Callable[..., TestClient], role: str, path: str, status: int
) -> None:
    assert client_as(role).get(path).status_code == status


def test_readers_cannot_write(client_as: Callable[..., TestClient]) -> None:
    assert client_as("reader").put("/v1/products/shop", json={}).status_code == 403


def test_an_expired_key_is_refused_and_says_so(admin: TestClient, clock: StoppedClock) -> None:
    clock.advance(timedelta(days=366))
    answer = admin.get("/v1/products")
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


def test_unknown_routes_and_methods_are_problems_too(nobody: TestClient) -> None:
    for answer, status in ((nobody.get("/v1/nothing"), 404), (nobody.delete("/healthz"), 405)):
        assert answer.status_code == answer.json()["status"] == status
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_body_that_is_no_json_is_400_and_one_that_does_not_fit_is_422(admin: TestClient) -> None:
    broken = admin.put("/v1/products/shop", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["title"]) == (400, "The request is malformed")
    unfit = admin.put("/v1/products/shop", json={"tags": ["ok", ""], "colour": "red", "exposed": "yes"})
    assert unfit.status_code == 422
    pointers = {(error["in"], error["pointer"]) for error in unfit.json()["errors"]}
    assert pointers == {("body", "/tags/1"), ("body", "/colour"), ("body", "/exposed")}


def test_an_unexpected_error_tells_nothing_but_the_request_id(app_of_its_own: FastAPI, admin: TestClient) -> None:
    router = APIRouter()

    @router.get("/v1/broken", dependencies=[Depends(may("read"))])
    def broken() -> None:
        raise RuntimeError("the password is hunter2")

    app_of_its_own.include_router(router)
    answer = admin.get("/v1/broken", headers={"X-Request-Id": "from-the-proxy-1"})
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"] == "from-the-proxy-1"
    assert "hunter2" not in answer.text


def test_a_commit_that_fails_is_not_answered_with_success(app_of_its_own: FastAPI, admin: TestClient) -> None:
    router = APIRouter()

    @router.post("/v1/late", status_code=201, dependencies=[Depends(may("read"))])
    def late(session: Write) -> dict[str, str]:
        session.execute(text("CREATE TEMP TABLE one (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
        session.execute(text("INSERT INTO one VALUES (1), (1)"))
        return {"all": "well"}

    app_of_its_own.include_router(router)
    assert admin.post("/v1/late").status_code == 409


def test_characters_that_cannot_be_stored_are_the_senders_fault(admin: TestClient) -> None:
    assert admin.put("/v1/products/shop", json={"title": "a\0b"}).status_code == 422


def test_a_database_that_is_away_is_503_with_a_time_to_come_back(app: FastAPI) -> None:
    nowhere = connect("postgresql://muster@127.0.0.1:1/muster")
    away = TestClient(create_app(app.state.settings, engine=nowhere), raise_server_exceptions=False)
    for path in ("/readyz", "/v1/products"):
        answer = away.get(path, headers={"X-Api-Key": "mst_x"})
        assert answer.status_code == (503 if path == "/readyz" else 401)
    assert "Retry-After" in away.get("/readyz").headers
    assert away.get("/healthz").status_code == 200
    nowhere.dispose()


def test_a_schema_that_is_behind_is_not_ready(app: FastAPI, fresh_database: str) -> None:
    behind = connect(fresh_database)
    with behind.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    answer = TestClient(create_app(app.state.settings, engine=behind)).get("/readyz")
    behind.dispose()
    assert answer.status_code == 503
    assert "muster migrate" in answer.json()["detail"]


def test_metrics_count_by_route_and_not_by_path(admin: TestClient) -> None:
    for slug in ("a", "b"):
        admin.get(f"/v1/products/{slug}")
    counted = 'muster_http_requests_total{method="GET",route="/v1/products/{product}",status="404"} 2'
    assert counted in admin.get("/metrics").text


def test_cursors_are_signed_and_belong_to_one_list(admin: TestClient) -> None:
    for slug in ("a", "b", "c"):
        admin.put(f"/v1/products/{slug}", json={})
        admin.put(f"/v1/teams/{slug}", json={})
    following = admin.get("/v1/products", params={"limit": 1}).json()["next"]
    assert admin.get("/v1/products", params={"after": following}).json()["items"][0]["slug"] == "b"
    for path, cursor in (("/v1/teams", following), ("/v1/products", following[:-2] + "xx"), ("/v1/products", "é")):
        answer = admin.get(path, params={"after": cursor})
        assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (400, "bad-cursor")


def test_a_list_is_walked_to_its_end_without_loss(admin: TestClient) -> None:
    slugs = [f"p{number:02}" for number in range(7)]
    for slug in slugs:
        admin.put(f"/v1/products/{slug}", json={})
    seen, after = [], None
    while True:
        page = admin.get("/v1/products", params={"limit": 3} | ({"after": after} if after else {})).json()
        seen += [item["slug"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == slugs
    assert admin.get("/v1/products", params={"limit": 501}).status_code == 422


def test_the_description_of_the_api_needs_no_database_and_names_problems() -> None:
    nowhere = connect("postgresql://nobody@127.0.0.1:1/nothing")
    document = create_app(Settings(secret_key=SecretStr("x")), engine=nowhere).openapi()
    assert document["openapi"].startswith("3.1")
    get = document["paths"]["/v1/products/{product}"]["get"]["responses"]
    assert get["404"]["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["paths"]["/v1/keys"]["post"]["security"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/products/shop", {"GET", "HEAD", "PUT", "PATCH"}),
        ("/api/v1/bom", {"PUT", "POST"}),
        ("/v1/feeds:sync", {"POST"}),
    ],
)
def test_what_is_not_allowed_says_all_that_is(nobody: TestClient, path: str, methods: set[str]) -> None:
    answer = nobody.request("OPTIONS", path)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == methods


def test_head_is_get_without_contents(admin: TestClient) -> None:
    for path in ("/healthz", "/v1/products", "/v1/products/none"):
        asked, given = admin.head(path), admin.get(path)
        assert asked.content == b""
        assert asked.status_code == given.status_code
        assert asked.headers["Content-Length"] == given.headers["Content-Length"]


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000"])
def test_text_that_cannot_be_stored_is_refused(admin: TestClient, text: str) -> None:
    body = b'{"team": "%s"}' % text.encode()
    answer = admin.put("/v1/products/shop", content=body)
    assert answer.status_code == 422
    assert admin.put(f"/v1/advisories/{text}", content=b'{"affected": [], "summary": "%s"}' % text.encode()).is_error


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_at_the_rim_of_the_calendar_are_refused(admin: TestClient, at: str) -> None:
    admin.put("/v1/products/shop", json={})
    asked = (
        admin.get("/v1/search", params={"q": "x", "as_of": at}),
        admin.get("/v1/incidents", params={"updated_after": at}),
        admin.get("/v1/products/shop/sbom", params={"as_of": at}),
        admin.get("/v1/products/shop/components", params={"as_of": at, "stream": "main"}),
        admin.post("/v1/products/shop/exports", json={"as_of": at}),
        admin.post("/v1/products/shop/sboms", params={"at": at}, content=b"{}"),
    )
    assert {answer.status_code for answer in asked} == {422}


def test_a_body_that_is_read_whole_has_a_limit_whoever_sends_it(nobody: TestClient, admin: TestClient) -> None:
    long = b'{"reason": "' + b"x" * (16 * 2**20) + b'"}'
    for client in (nobody, admin):
        answer = client.post("/v1/incidents:declare", content=long, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (413, "too-large")

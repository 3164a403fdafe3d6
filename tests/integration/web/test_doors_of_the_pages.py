"""Who gets to see pages, and how: sessions stand for keys, forms come from our own site, links lead nowhere else."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from stopped_clock import StoppedClock

from service.access.keys import NewKey, revoke_key
from service.db import connect, writing
from service.main import create_app

PAGES = ("/", "/search?q=liblzma", "/incidents", "/incidents/INC-1", "/products", "/products/shop", "/feeds")


@pytest.mark.parametrize("page", PAGES)
def test_without_a_session_every_page_leads_to_the_door(browser: TestClient, page: str) -> None:
    answer = browser.get(page, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login")


def test_signing_in_leads_to_the_page_that_was_asked_for(browser: TestClient, new_key: Callable[..., NewKey]) -> None:
    door = browser.get("/search?q=liblzma+5.6")
    assert door.url.path == "/login"
    assert 'value="/search?q=liblzma+5.6"' in door.text
    answer = browser.post("/login", data={"key": new_key().token, "next": "/search?q=liblzma+5.6"})
    assert (answer.status_code, answer.url.path) == (200, "/search")


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(
    browser: TestClient, new_key: Callable[..., NewKey]
) -> None:
    key = new_key()
    answer = browser.post("/login", data={"key": key.token}, follow_redirects=False)
    cookie = answer.headers["Set-Cookie"].lower()
    assert {"httponly", "samesite=strict", "secure", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert key.token.lower().split("_")[2] not in cookie


@pytest.mark.parametrize("key", ["", "mst_nonsense", "mst_aaaaaaaaaaaa_" + "0" * 36])
def test_a_wrong_key_opens_nothing(browser: TestClient, key: str) -> None:
    answer = browser.post("/login", data={"key": key})
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "not valid" in answer.text


def test_a_key_that_reads_nothing_opens_no_pages(browser: TestClient, new_key: Callable[..., NewKey]) -> None:
    answer = browser.post("/login", data={"key": new_key("uploader").token})
    assert answer.status_code == 401
    assert "reads no pages" in answer.text


def test_an_integration_sees_incidents_and_nothing_else(browser: TestClient, new_key: Callable[..., NewKey]) -> None:
    browser.post("/login", data={"key": new_key("integration").token})
    statuses = {page: browser.get(page).status_code for page in ("/", "/incidents", "/search", "/products")}
    assert statuses == {"/": 200, "/incidents": 200, "/search": 403, "/products": 403}


def test_revoking_a_key_ends_its_sessions_at_once(
    browser: TestClient, new_key: Callable[..., NewKey], own_engine: Engine
) -> None:
    key = new_key()
    browser.post("/login", data={"key": key.token})
    assert browser.get("/").url.path == "/"
    with writing(own_engine) as session:
        revoke_key(session, key.key.public_id, now=key.key.created_at)
    assert browser.get("/").url.path == "/login"


def test_a_session_ends_after_half_a_day(reader: TestClient, clock: StoppedClock) -> None:
    clock.advance(timedelta(hours=11, minutes=59))
    assert reader.get("/").url.path == "/"
    clock.advance(timedelta(minutes=2))
    assert reader.get("/").url.path == "/login"


def test_a_session_of_another_secret_is_none(reader: TestClient, app: FastAPI) -> None:
    forged = reader.cookies["muster_session"][:-2] + "xx"
    reader.cookies.set("muster_session", forged, domain="muster.example")
    stranger = TestClient(app, base_url="https://muster.example", cookies={"muster_session": forged})
    assert stranger.get("/").url.path == "/login"


def test_signing_out_takes_the_cookie_back(reader: TestClient) -> None:
    assert reader.post("/logout").url.path == "/login"
    assert reader.get("/").url.path == "/login"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
    ],
)
@pytest.mark.parametrize("form", ["/login", "/logout"])
def test_forms_of_other_sites_are_refused(reader: TestClient, form: str, headers: dict[str, str]) -> None:
    answer = reader.post(form, data={"key": "x"}, headers=headers, follow_redirects=False)
    assert answer.status_code == 403
    assert reader.get("/").url.path == "/"


def test_a_form_from_our_own_address_is_taken(reader: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "", "Origin": "https://muster.example"}
    assert reader.post("/logout", headers=headers, follow_redirects=False).status_code == 303


def test_a_ticket_opens_the_pages_once(app: FastAPI, browser: TestClient, new_key: Callable[..., NewKey]) -> None:
    key = new_key()
    until = key.key.created_at + timedelta(hours=1)
    ticket = app.state.tickets.write(key.key.public_id, until=until)
    assert browser.get("/login", params={"ticket": ticket}).url.path == "/"
    second = TestClient(app, base_url="https://muster.example")
    answer = second.get("/login", params={"ticket": ticket})
    assert (answer.status_code, answer.url.path) == (401, "/login")
    assert second.get("/").url.path == "/login"


def test_a_ticket_ends_and_dies_with_its_key(
    app: FastAPI, browser: TestClient, new_key: Callable[..., NewKey], clock: StoppedClock, own_engine: Engine
) -> None:
    key = new_key()
    until = key.key.created_at + timedelta(hours=1)
    late, dead = (app.state.tickets.write(key.key.public_id, until=until) for _ in range(2))
    with writing(own_engine) as session:
        revoke_key(session, key.key.public_id, now=key.key.created_at)
    assert browser.get("/login", params={"ticket": dead}).url.path == "/login"
    clock.advance(timedelta(hours=1))
    assert browser.get("/login", params={"ticket": late}).status_code == 401


@pytest.mark.parametrize("page", [*PAGES, "/login", "/login?ticket=none", "/search?q=%22"])
def test_every_page_says_what_a_browser_may_do_with_it(reader: TestClient, page: str) -> None:
    headers = reader.get(page).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    for directive in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert directive in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Type"] == "text/html; charset=utf-8"


def test_the_sheet_may_be_kept_for_ever_under_the_address_of_its_content(browser: TestClient) -> None:
    door = browser.get("/login").text
    address = door.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = browser.get(address)
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["Cache-Control"]
    assert browser.get("/static/../../settings.py").status_code == 404


def test_pages_are_no_part_of_the_described_api(browser: TestClient) -> None:
    paths = browser.get("/openapi.json").json()["paths"]
    assert {"/", "/login", "/incidents"}.isdisjoint(paths)


def test_a_database_that_is_away_is_a_page_too(app: FastAPI, reader: TestClient) -> None:
    nowhere = connect("postgresql://muster@127.0.0.1:1/muster")
    away = create_app(app.state.settings, engine=nowhere, clock=app.state.clock)
    visitor = TestClient(away, base_url="https://muster.example", cookies=dict(reader.cookies))
    answer = visitor.get("/")
    nowhere.dispose()
    assert answer.status_code == 503
    assert "database does not answer" in answer.text
    assert answer.headers["Content-Type"].startswith("text/html")

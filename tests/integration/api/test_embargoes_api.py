"""What is under embargo does not leave through any door; who saw it is told that it is gone, and no more."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from embargoed import HIDDEN, OWN, SUMMARY, World, look_at, make_world
from fastapi import FastAPI
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sqlalchemy import Engine, select
from walking import OPEN, walk

from service.access.models import ApiKey
from service.changes.sequencing import number_changes
from service.db import reading, writing
from service.inventory.bindings import bind_key

REASON = {"reason": "until the vendor has a fix"}


@pytest.fixture
def world(own_engine: Engine) -> World:
    return make_world(own_engine)


def asked_of(world: World) -> dict[str, str]:
    """Give values for the parameters of all paths, those of the secret where there is one."""
    return {
        "incident": f"INC-{world.secret}",
        "exposure": f"EXP-{world.exposures['shop', True]}",
        "advisory": HIDDEN,
        "id": HIDDEN,
        "product": "shop",
        "slug": "shop",
        "name": HIDDEN,
        "stream": "main",
        "sbom": "1",
        "team": "payments",
    }


def give_away(world: World, text: str) -> list[str]:
    return [mark for mark in world.marks if re.search(rf"{re.escape(mark)}(?!\d)", text)]


def all_that_is_told(app: FastAPI, client: TestClient, world: World) -> dict[str, list[str]]:
    """Get every GET route of API and pages; gives which of them name the secret."""
    told = {}
    values = asked_of(world)
    with reading(world.engine) as session:
        key = session.scalars(select(ApiKey.public_id).order_by(ApiKey.id.desc())).first()
    client.cookies.set("muster_session", app.state.seals.seal("session", key))
    for route in walk(app):
        if route.method != "GET" or route.path in OPEN or route.path.endswith("/events"):
            continue
        names = [f"INC-{world.secret}", HIDDEN] if route.path.endswith("{name}") else [HIDDEN]
        for name in names:
            path = route.at(values | {"name": name}, otherwise="1")
            answer = client.get(path, params={"q": "lodash", "limit": 500}, follow_redirects=False)
            assert answer.status_code < 500, (path, answer.text)
            found = give_away(world, answer.text) if answer.is_success else []
            if found and not (name in path and answer.text == echo(client, path, name)):
                told[path] = found
    for path, body in (
        ("/osv/v1/query", {"package": {"purl": "pkg:npm/lodash@4.17.20"}}),
        ("/osv/v1/querybatch", {"queries": [{"package": {"purl": "pkg:npm/lodash@4.17.20"}}]}),
    ):
        if found := give_away(world, client.post(path, json=body).text):
            told[path] = found
    return told


def echo(client: TestClient, path: str, name: str) -> str:
    """Give the answer to the same question about what does not exist, with the name put in: it tells nothing."""
    nothing = "x_ACME-2026-9999"
    return client.get(path.replace(name, nothing)).text.replace(nothing, name)


def test_no_door_tells_of_what_is_under_embargo(
    app: FastAPI, client_as: Callable[..., TestClient], world: World
) -> None:
    happen(world)
    assert all_that_is_told(app, client_as("reader"), world) == {}
    assert all_that_is_told(app, client_as("owner", team_id=world.teams["cloud"]), world) == {}
    told = all_that_is_told(app, client_as("cert"), world)
    assert {f"/v1/incidents/INC-{world.secret}", f"/incidents/INC-{world.secret}", "/v1/changes"} <= set(told)


def test_a_team_is_told_of_its_own_products_and_of_no_others(
    app: FastAPI, client_as: Callable[..., TestClient], world: World
) -> None:
    happen(world)
    told = all_that_is_told(app, client_as("owner", team_id=world.teams["payments"]), world)
    assert f"/v1/incidents/INC-{world.secret}" in told
    others = f"EXP-{world.exposures['blog', True]}"
    assert {path: found for path, found in told.items() if others in found} == {}


def happen(world: World) -> None:
    with writing(world.engine) as session:
        number_changes(session)


class Puller:
    """An integration that keeps what the feed says."""

    def __init__(self, client: TestClient, **wanted: str) -> None:
        self.client, self.wanted, self.kept, self.cursor = client, wanted, dict[str, dict[str, Any]](), ""
        self.heard: list[str] = []

    def pull(self, world: World) -> "Puller":
        happen(world)
        self.heard = []
        while True:
            page = self.client.get("/v1/changes", params={**self.wanted, "after": self.cursor, "limit": 500}).json()
            for change in page["items"]:
                self.heard.append(f"{change['type']} {change['exposure'] or change['incident']}")
                self.keep(change)
            self.cursor = page["next"]
            if not page["has_more"]:
                return self

    def keep(self, change: dict[str, Any]) -> None:
        if change["type"].endswith("visibility_lost"):
            assert SUMMARY not in str(change)
            self.kept.pop(change["data"]["id"], None)
        else:
            self.kept[change["data"]["id"]] = change["data"]

    def snapshot(self) -> set[str]:
        """Read all there is; gives the ids."""
        ids = set[str]()
        after: str | None = ""
        while after is not None:
            page = self.client.get("/v1/changes:snapshot", params={**self.wanted, "after": after, "limit": 2}).json()
            ids |= {item["data"]["id"] for item in page["items"]}
            self.cursor, after = page["cursor"], page["next"]
        return ids


def test_an_embargo_takes_away_and_lifting_it_gives_back(
    client_as: Callable[..., TestClient], own_engine: Engine
) -> None:
    world = make_world(own_engine, restricted=False)
    cert = client_as("cert")
    pullers = {
        "cert": Puller(cert),
        "reader": Puller(client_as("reader")),
        "payments": Puller(client_as("owner", team_id=world.teams["payments"])),
    }
    exposures = {f"EXP-{id_}" for id_ in world.exposures.values()}
    for puller in pullers.values():
        assert exposures <= set(puller.pull(world).kept)
    secret, mine = f"INC-{world.secret}", f"EXP-{world.exposures['shop', True]}"
    theirs = f"EXP-{world.exposures['blog', True]}"

    assert cert.post(f"/v1/incidents/{secret}:restrict", json=REASON).json()["restricted"]
    assert cert.post(f"/v1/incidents/{secret}:restrict", json=REASON).status_code == 409
    assert pullers["cert"].pull(world).heard == [f"incident.restricted {secret}"]
    lost = [f"incident.visibility_lost {secret}", *sorted(f"exposure.visibility_lost {one}" for one in (mine, theirs))]
    assert pullers["reader"].pull(world).heard == lost
    assert not {secret, mine, theirs} & set(pullers["reader"].kept)
    assert f"exposure.visibility_lost {theirs}" in pullers["payments"].pull(world).heard
    assert {mine} == {mine, theirs} & set(pullers["payments"].kept)
    for puller in pullers.values():
        assert set(puller.kept) == Puller(puller.client).pull(world).kept.keys()  # who comes late learns no more
        assert set(puller.kept) - {f"INC-{world.public}", secret} == {
            id_ for id_ in puller.snapshot() if not id_.startswith("INC")
        }

    assert not cert.post(f"/v1/incidents/{secret}:lift", json=REASON).json()["restricted"]
    for puller in pullers.values():
        assert exposures | {secret} <= set(puller.pull(world).kept)
    assert cert.post(f"/v1/incidents/{secret}:lift", json=REASON).status_code == 409


def test_who_reads_a_teams_changes_hears_when_an_exposure_goes_to_another(
    client_as: Callable[..., TestClient], own_engine: Engine
) -> None:
    world = make_world(own_engine, restricted=False)
    cert = client_as("cert")
    payments, press = (Puller(client_as("integration"), team=team) for team in ("payments", "press"))
    all_of_it = Puller(client_as("integration"))
    for puller in (payments, press, all_of_it):
        puller.pull(world)
    moved = f"EXP-{world.exposures['shop', False]}"
    owner = {"team": "press", "reason": "they know it better"}
    assert cert.put(f"/v1/exposures/{moved}/owner", json=owner).is_success
    assert payments.pull(world).heard == [f"exposure.visibility_lost {moved}"]
    assert press.pull(world).heard == [f"exposure.assigned {moved}"]
    assert all_of_it.pull(world).heard == [f"exposure.assigned {moved}"]
    assert moved not in payments.kept
    assert moved in press.kept


def test_a_move_under_embargo_is_told_to_the_two_teams_alone(
    client_as: Callable[..., TestClient], world: World
) -> None:
    cert = client_as("cert")
    pullers = {team: Puller(client_as("owner", team_id=world.teams[team])) for team in ("payments", "press", "cloud")}
    pullers["reader"] = Puller(client_as("reader"))
    for puller in pullers.values():
        puller.pull(world)
    secret, moved = f"INC-{world.secret}", f"EXP-{world.exposures['shop', True]}"
    assert cert.put(f"/v1/exposures/{moved}/owner", json={"team": "cloud", "reason": ""}).is_success
    assert pullers["payments"].pull(world).heard == [f"exposure.visibility_lost {moved}"]
    assert pullers["cloud"].pull(world).heard == [f"exposure.assigned {moved}", f"incident.visibility_gained {secret}"]
    assert pullers["press"].pull(world).heard == [f"incident.visibility_gained {secret}"]
    assert pullers["reader"].pull(world).heard == []


def test_what_joins_an_embargo_is_taken_from_those_who_need_not_know(
    client_as: Callable[..., TestClient], world: World
) -> None:
    reader, public = Puller(client_as("reader")).pull(world), f"INC-{world.public}"
    known = {f"EXP-{world.exposures[product, False]}" for product in ("shop", "blog")}
    assert {public, *known} <= set(reader.kept)
    world.story.feed(make_record("CVE-2026-1", aliases=[HIDDEN]) | OWN)
    told = reader.pull(world).heard
    assert told == [f"incident.visibility_lost {public}", *sorted(f"exposure.visibility_lost {one}" for one in known)]
    assert client_as("cert").get(f"/v1/incidents/{public}").json()["restricted"]


def test_a_key_bound_to_a_product_follows_that_product_alone(
    client_as: Callable[..., TestClient], own_engine: Engine
) -> None:
    world = make_world(own_engine, restricted=False)
    client = client_as("integration")
    with writing(own_engine) as session:
        key = session.scalars(select(ApiKey).order_by(ApiKey.id.desc())).first()
        assert key
        bind_key(session, key.id, [world.products["shop"]])
    mine = {f"EXP-{world.exposures['shop', secret]}" for secret in (True, False)}
    assert {one for one in Puller(client).pull(world).kept if one.startswith("EXP")} == mine
    assert {one for one in Puller(client).snapshot() if one.startswith("EXP")} == mine
    assert {one["id"] for one in client.get("/v1/exposures").json()["items"]} == mine
    assert client.get(f"/v1/incidents/INC-{world.public}").json()["exposure_counts"] == {"open": 1}
    other = f"/v1/exposures/EXP-{world.exposures['blog', False]}"
    assert client.get(other).status_code == 404
    claim = {"to": "fix_claimed", "reason": "done"}
    assert client.post(f"{other}/transitions", json=claim, headers={"If-Match": "*"}).status_code == 404
    own = f"/v1/exposures/EXP-{world.exposures['shop', False]}"
    assert client.post(f"{own}/transitions", json=claim, headers={"If-Match": "*"}).status_code == 200


def test_who_fell_behind_is_shown_the_way_to_a_snapshot(
    client_as: Callable[..., TestClient], own_engine: Engine
) -> None:
    world = make_world(own_engine, restricted=False)
    puller = Puller(client_as("reader")).pull(world)
    world.story.upload("tools", "pkg:npm/lodash@4.17.20")
    happen(world)
    with own_engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM change WHERE seq < (SELECT max(seq) FROM change)")
    answer = puller.client.get("/v1/changes", params={"after": puller.cursor})
    assert (answer.status_code, answer.json()["snapshot"]) == (410, "/v1/changes:snapshot")
    exposures = {f"EXP-{id_}" for id_ in look_at(world.story).exposures.values()}
    assert puller.snapshot() == exposures | {f"INC-{world.public}", f"INC-{world.secret}"}
    assert puller.pull(world).heard == []
    world.story.upload("tools", "pkg:npm/lodash@4.17.21")
    assert any(heard.startswith("exposure.resolved") for heard in puller.pull(world).heard)


def test_a_reason_is_needed_and_the_cert_decides(client_as: Callable[..., TestClient], world: World) -> None:
    path = f"/v1/incidents/INC-{world.secret}"
    assert client_as("cert").post(f"{path}:lift", json={"reason": "  "}).status_code == 422
    for role, status in (("reader", 404), ("integration", 404)):
        assert client_as(role).post(f"{path}:lift", json=REASON).status_code in (403, status)

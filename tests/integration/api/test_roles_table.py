"""Every route, asked with a key of every role and with none: what is allowed is what the table says, and no more.

`tests/data/roles.txt` is the table that people have agreed to. A route that is new or asks for another permission makes
this fail until its line is there: ``MUSTER_WRITE_ROLES=1 pytest tests/integration/api/test_roles_table.py`` writes the
file anew; read the difference, line by line, before it is committed. ``pytest -s`` prints what was seen.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpx
import pytest
from embargoed import World, make_world
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select
from walking import OPEN, Walked, walk

from service.access.keys import create_key
from service.access.models import ApiKey, Team
from service.access.roles import PERMISSIONS, Role
from service.db import writing

TABLE = Path(__file__).parents[2] / "data" / "roles.txt"
HEADER = (
    "# What a key of each role, and none, is answered by every route: yes (anything but 401 and 403), or what else."
)
NOBODY = "nobody"
ROLES = [NOBODY, *(role.value for role in Role)]


class Asker:
    """Asks routes as somebody of each role."""

    def __init__(self, app: FastAPI, engine: Engine) -> None:
        self.app = app
        with writing(engine) as session:
            team = session.scalars(select(Team.id).where(Team.fallback)).one()
            made = {
                role: create_key(session, role, Role(role), team_id=team, now=app.state.clock()) for role in ROLES[1:]
            }
        self.tokens = {role: new.token for role, new in made.items()}
        seals = app.state.seals
        self.cookies = {role: seals.seal("session", new.key.public_id) for role, new in made.items()}

    def ask(self, questions: Iterable[tuple[Walked, str]]) -> list[str]:
        """Ask each route as somebody. Gives `yes`, `401`, `403`, or `door`: sent to sign in."""
        return asyncio.run(self._ask_all(list(questions)))

    async def _ask_all(self, questions: list[tuple[Walked, str]]) -> list[str]:
        # One loop for all of them: a thousand questions would otherwise start a thousand.
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://muster.example") as client:
            return [await self._ask(client, *question) for question in questions]

    async def _ask(self, client: httpx.AsyncClient, route: Walked, role: str) -> str:
        headers = {}
        if role != NOBODY and route.is_page:
            headers = {"Cookie": f"muster_session={self.cookies[role]}"}
        elif role != NOBODY:
            headers = {"Authorization": f"Bearer {self.tokens[role]}"}
        answer = await client.request(route.method, route.at({}, otherwise="1"), headers=headers)
        assert answer.status_code != 500, (route, answer.text)
        if answer.headers.get("location", "").startswith("/login"):
            return "door"
        return str(answer.status_code) if answer.status_code in (401, 403) else "yes"


@pytest.fixture
def asker(app: FastAPI, own_engine: Engine) -> Asker:
    return Asker(app, own_engine)


def test_every_route_lets_in_whom_the_table_says(app: FastAPI, asker: Asker) -> None:
    routes = list(walk(app))
    asked = [(route, role) for route in routes for role in ROLES if role == NOBODY or route.path not in OPEN]
    cells = dict(zip(asked, asker.ask(asked), strict=True))
    seen = [line_of(route, [cells.get((route, role), cells[route, NOBODY]) for role in ROLES]) for route in routes]
    print("\n" + "\n".join([heading(), *seen]))
    assert len(seen) > 80
    if os.environ.get("MUSTER_WRITE_ROLES"):
        TABLE.write_text("\n".join([HEADER, heading(), *seen, ""]), encoding="utf-8")
    agreed = TABLE.read_text(encoding="utf-8").splitlines()[2:]
    assert sorted(set(seen) - set(agreed)) == [], "not in the table: see the first lines of this file"
    assert sorted(set(agreed) - set(seen)) == [], "in the table, and not so any more: see the first lines of this file"


def test_the_table_follows_from_permissions(app: FastAPI) -> None:
    agreed = {tuple(line.split()[:2]): line.split()[3:] for line in TABLE.read_text(encoding="utf-8").splitlines()[2:]}
    for route in walk(app):
        if route.path not in OPEN and route.path not in FINER:
            assert agreed.get((route.method, route.path)) == list(expected(route)), route


#: Routes that look closer than at a permission.
FINER = {
    "/api/v1/project": "a list of all needs `read`; who asks for one by name, or is bound to some, does not",
    "/api/v1/project/tag/{tag:path}": "as the list of all",
}


def expected(route: Walked) -> Iterator[str]:
    """Give what follows from a route's permissions and PERMISSIONS, for nobody and each role."""
    yield "door" if route.is_page else "401"
    for role in Role:
        has = PERMISSIONS[role]
        # A page that names no permission is for whoever reads anything.
        enough = route.permissions <= has if route.permissions else bool(has & {"read", "read_incidents"})
        reads_pages = not route.is_page or bool(has & {"read", "read_incidents"})
        yield "yes" if enough and reads_pages else "403"


def heading() -> str:
    return f"{'method':7}{'path':66}{'permission':30}" + "".join(f"{role:12}" for role in ROLES).rstrip()


def line_of(route: Walked, cells: list[str]) -> str:
    permission = "+".join(sorted(route.permissions)) or "-"
    return f"{route.method:6} {route.path:65} {permission:29} " + "".join(f"{cell:12}" for cell in cells).rstrip()


# --- whose it is -----------------------------------------------------------------------------------------------------


@pytest.fixture
def world(own_engine: Engine) -> World:
    return make_world(own_engine, restricted=False)


CLAIM = {"to": "fix_claimed", "reason": "done"}


def acts(client: TestClient, exposure: str) -> Iterator[int]:
    """Do what owners do; gives the statuses."""
    path = f"/v1/exposures/{exposure}"
    always = {"If-Match": "*"}
    yield client.post(f"{path}/comments", json={"text": "we look into it"}).status_code
    yield client.post(f"{path}/transitions", json={"to": "acknowledged"}, headers=always).status_code
    yield client.post(f"{path}/transitions", json=CLAIM, headers=always).status_code
    yield client.put(f"{path}/owner", json={"team": "cloud"}, headers=always).status_code


def test_an_owner_acts_on_what_the_own_team_has_and_on_nothing_else(
    client_as: Callable[..., TestClient], world: World
) -> None:
    payments = client_as("owner", team_id=world.teams["payments"])
    theirs, own = (f"EXP-{world.exposures[product, False]}" for product in ("blog", "shop"))
    assert set(acts(payments, theirs)) == {403}
    assert set(acts(payments, own)) == {200}
    assert set(acts(payments, own)) == {403}  # it has been given away


def test_an_integration_claims_fixes_and_no_more(client_as: Callable[..., TestClient], world: World) -> None:
    statuses = list(acts(client_as("integration"), f"EXP-{world.exposures['shop', False]}"))
    assert statuses == [403, 403, 200, 403]


def test_for_a_bound_key_other_products_are_not_there(admin: TestClient, app: FastAPI, world: World) -> None:
    made = admin.post("/v1/keys", json={"name": "ci of shop", "role": "uploader", "products": ["shop"]}).json()
    bound = TestClient(app, headers={"Authorization": f"Bearer {made['key']}"})
    sboms = admin.get("/v1/products/blog/sboms").json()["items"]
    assert bound.get(f"/v1/sboms/{sboms[0]['sbom']['id']}").status_code == 404
    assert bound.post("/v1/products/blog/sboms", content=b"{}").status_code in (404, 422)
    assert bound.get("/v1/products/blog/findings").status_code == 404
    assert bound.get("/v1/products/shop/findings").status_code == 200
    assert bound.get("/v1/incidents").status_code == 403
    assert world


def test_only_some_roles_can_be_bound(admin: TestClient, world: World) -> None:
    for role, status in (("reader", 422), ("cert", 422), ("integration", 201), ("uploader", 201)):
        body = {"name": role, "role": role, "products": ["shop"]}
        answer = admin.post("/v1/keys", json=body)
        assert (answer.status_code in (409, 422)) == (status == 422), (world.products, answer.text)


def test_a_key_that_ends_ends_everywhere(app: FastAPI, asker: Asker, own_engine: Engine) -> None:
    with writing(own_engine) as session:
        for key in session.scalars(select(ApiKey)):
            key.revoked_at = app.state.clock()
    routes = [route for route in walk(app) if route.path in ("/v1/incidents", "/osv/v1/query", "/api/v1/project", "/")]
    assert len(routes) == 5
    assert set(asker.ask((route, "admin") for route in routes)) == {"401", "door"}

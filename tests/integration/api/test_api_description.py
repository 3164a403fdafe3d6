"""What integrators read is true: the description of the API, the guide, who may call what."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from service.access.roles import PERMISSIONS, Role
from service.access.teams import fallback_team
from service.api.deps import permissions_of
from service.api.problems import status_of
from service.db import connect, reading
from service.errors import ServiceError
from service.main import create_app
from service.settings import Settings

FOLDER = Path(__file__).parents[3] / "openapi"

#: What the handlers of problems answer without an error class of ours.
OF_THE_FRAMEWORK = {"invalid": 422, "internal": 500, "method-not-allowed": 405, "not-found": 404}
#: Their errors are read on pages, in terminals, in logs, or in the words of another API.
NO_DOORS_OF_THE_API = (
    "service.web",
    "service.cli",
    "service.embedded",
    "service.compat.osv",
    "service.feedback.tickets.connecting",
    "service.flows.bundling",
    "service.advisories.osv_api_client",
    "service.advisories.signals_reading",
)
#: Raised by one room and translated by a door.
TRANSLATED = {"changes-forgotten": 410}


@pytest.fixture(scope="module")
def described() -> FastAPI:
    nowhere = connect("postgresql://nobody@127.0.0.1:1/nothing")
    return create_app(Settings(secret_key=SecretStr("x")), engine=nowhere)


def test_the_committed_description_is_that_of_the_application(described: FastAPI) -> None:
    committed = json.loads((FOLDER / "openapi.json").read_text())
    assert committed == described.openapi(), "run `make openapi` and commit openapi/openapi.json"


def test_every_call_says_what_it_does_and_what_it_answers(described: FastAPI) -> None:
    calls = [
        (path, method, call)
        for path, methods in described.openapi()["paths"].items()
        for method, call in methods.items()
        if path.startswith("/v1")
    ]
    assert [(path, method) for path, method, call in calls if not call.get("description")] == []
    for path, method, call in calls:
        done = [answer for status, answer in call["responses"].items() if status.startswith("2")]
        assert all(answer.get("content") or method == "delete" for answer in done), (path, method)


def leaves(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    yield kind
    for leaf in kind.__subclasses__():
        yield from leaves(leaf)


def test_every_problem_is_in_the_guide_with_its_status() -> None:
    guide = (FOLDER / "README.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", guide, re.MULTILINE)
    documented = {name: int(status) for name, status in rows}
    rooms = [
        leaf
        for leaf in leaves(ServiceError)
        if leaf.__module__.startswith("service.") and not leaf.__module__.startswith(NO_DOORS_OF_THE_API)
    ]
    raised = {leaf.slug: status_of(leaf("")) for leaf in rooms} | OF_THE_FRAMEWORK | TRANSLATED
    assert documented == raised


@pytest.fixture
def clients(client_as: Callable[..., TestClient], app: FastAPI) -> dict[str, TestClient]:
    with reading(app.state.engine) as session:
        team_id = fallback_team(session).id
    return {role: client_as(role, team_id=team_id if role is Role.OWNER else None) for role in Role}


def test_each_role_passes_exactly_the_doors_its_permissions_name(
    app: FastAPI, clients: dict[str, TestClient], nobody: TestClient
) -> None:
    wrong = []
    for methods, template, asked in permissions_of(app):
        if not template.startswith("/v1"):
            continue
        assert asked, template
        method = methods.split(",")[0]
        path = re.sub(r"\{[^}]+\}", "1", template)
        if nobody.request(method, path).status_code != 401:
            wrong.append((method, template, "nobody"))
        for role in Role:
            status = clients[role].request(method, path).status_code
            may_pass = asked <= PERMISSIONS[role]
            if (status == 403) == may_pass or status in {401, 405, 500}:
                wrong.append((method, template, f"{role}: {status}"))
    assert wrong == []

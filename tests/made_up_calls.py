"""Calls made up from the description of the API, some of them with what is really there, and how answers are judged.

What is made up fits the description, or breaks it in one place; the answer has to be one that the description names.
"""

from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import hypothesis
from fastapi.testclient import TestClient
from hypothesis import strategies as st
from osv_bucket import make_record
from sboms import make_sbom
from schemathesis import APIOperation, BaseSchema, Case, Config, GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

LODASH = "pkg:npm/lodash@4.17.20"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
Operation = APIOperation[Any, Any, Any, Any]
Known = Mapping[str, Sequence[Any]]


def furnish(client: httpx.Client | TestClient, *, name: str = "shop") -> Known:
    """Put something of everything into the service.

    Returns:
        By name of a parameter, in whatever place: values that lead to something.
    """
    for call, path, body in (
        ("PUT", "/v1/teams/payments", {"email": "payments@example.org"}),
        ("PUT", f"/v1/products/{name}", {"team": "payments", "tags": ["web"]}),
        ("PUT", f"/v1/advisories/OWN-{name}", make_record(f"OWN-{name}", "npm/lodash", "introduced 0")),
        ("PUT", f"/v1/advisories/PAD-{name}", make_record(f"PAD-{name}", "npm/left-pad", "introduced 0")),
        ("PUT", "/api/v1/bom", {"projectName": f"cart {name}", "autoCreate": True, "bom": _base64(make_sbom(LODASH))}),
        ("POST", "/v1/keys", {"name": "to be revoked", "role": "reader"}),
    ):
        client.request(call, path, json=body).raise_for_status()
    uploads = [
        client.post(f"/v1/products/{name}/sboms", params={"version": version}, content=make_sbom(LODASH, more))
        for version, more in (("1.0", "pkg:npm/left-pad@1.3.0"), ("1.1", "pkg:npm/express@4.0.0"))
    ]
    client.post(f"/v1/products/{name}/sboms", params={"stream": "a/b", "preview": True}, content=make_sbom(LODASH))
    export = client.post(f"/v1/products/{name}/exports", json={}).json()
    project = client.get("/api/v1/project", params={"name": name}).json()[0]
    findings = uploads[0].json()["findings"]
    lists = ("products", "advisories", "incidents", "exposures", "changes", "keys", "audit", f"products/{name}/sboms")
    return {
        "product": [name, f"cart-{name}"],
        "stream": ["main", "a/b"],
        "version": ["1.0", "1.1", "main"],
        "release": ["1.0", "1.1"],
        "sbom": [upload.json()["sbom"]["id"] for upload in uploads],
        "replaces": [upload.json()["sbom"]["id"] for upload in uploads],
        "export": [export["id"]],
        "advisory": [f"OWN-{name}", f"PAD-{name}"],
        "vulnerability": [f"OWN-{name}"],
        "incident": [finding["incident"] for finding in findings],
        "exposure": [finding["exposure"] for finding in uploads[1].json()["findings"]],
        "key": [key["id"] for key in client.get("/v1/keys").json()["items"] if key["name"] == "to be revoked"],
        "team": ["payments"],
        "owner": ["payments"],
        "tag": ["web"],
        "uuid": [project["uuid"]],
        "project": [project["uuid"]],
        "name": [name, "lodash"],
        "projectName": [name, f"cart {name}"],
        "q": ["lodash", "OWN"],
        "purl": [LODASH, "pkg:npm/lodash"],
        "range": ["<5"],
        "from": ["release:1.0"],
        "to": ["stream:main", "release:1.1"],
        "after": [following for listed in lists if (following := _cursor(client, listed))],
        "If-Match": ["*", "*", '"1"'],
        "reason": ["it is so"],
        "justification": ["code_not_present"],
        "bom": [_base64(make_sbom(LODASH))],
    }


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _cursor(client: httpx.Client | TestClient, listed: str) -> str | None:
    following: str | None = client.get(f"/v1/{listed}", params={"limit": 1}).json()["next"]
    return following


def settings() -> Config:
    """Give what calls are made up by: our key is sent, and no other is made up beside it."""
    generation = GenerationConfig(with_security_parameters=False)
    return Config(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))


@st.composite
def calls(draw: st.DrawFn, operation: Operation, known: Known) -> Case[Any]:
    """Make up a call: as described or not, with what is there in most places that name it."""
    mode = draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
    case: Case[Any] = draw(operation.as_strategy(generation_mode=mode))
    _thin_out(draw, case.query)
    _fill(draw, case.path_parameters, known, 5)
    for place in (case.query, case.headers):
        _fill(draw, place, known, 2)
    if "If-Match" in operation.headers and draw(st.booleans()):
        case.headers["If-Match"] = "*"
    if isinstance(case.body, dict):
        _fill(draw, case.body, {name: values for name, values in known.items() if name not in ("from", "to")}, 2)
    elif case.media_type == "application/octet-stream" and draw(st.booleans()):
        case.body = make_sbom(LODASH)
    if case.query and "wait" in case.query:
        case.query["wait"] = 0
    return case


def _thin_out(draw: st.DrawFn, query: Any) -> None:  # noqa: ANN401 - as below
    """Ask in one way only, half of the time: many parameters exclude each other."""
    if len(query or ()) > 1 and draw(st.booleans()):
        kept = draw(st.sampled_from(sorted(query)))
        for name in sorted(set(query) - {kept}):
            del query[name]


def _fill(draw: st.DrawFn, place: Any, known: Known, often: int) -> None:  # noqa: ANN401 - several kinds of mapping
    for name in list(place or ()):
        if name in known and draw(st.integers(0, often)):
            place[name] = draw(st.sampled_from(list(known[name])))


class Judge:
    """Makes calls and remembers how they were answered.

    `faults` has the first call and answer of every kind of fault, `statuses` how often each operation answered what.
    """

    def __init__(self, schema: BaseSchema, headers: Mapping[str, str]) -> None:
        self.operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        self.faults: dict[str, str] = {}
        self.statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self._headers = dict(headers)

    def call(self, operation: Operation, known: Known, *, times: int, seed: int) -> None:
        """Call an operation so many times; the same *seed* makes the same calls."""

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=times,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(calls(operation, known))
        def judge(case: Case[Any]) -> None:
            response = case.call(headers=self._headers)
            self.statuses[operation.label][response.status_code] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except FailureGroup as group:
                for failure in group.exceptions:
                    self.faults.setdefault(f"{operation.label}: {failure}", str(group))

        judge()

    def never_done(self) -> list[str]:
        """Name the operations that always refused."""
        return [label for label, seen in self.statuses.items() if not any(httpx.codes.is_success(one) for one in seen)]


load_all_checks()

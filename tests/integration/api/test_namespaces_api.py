"""Internal names over HTTP: who may say what is ours, and what follows."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import make_sbom

AT = "/v1/internal-namespaces"
OURS = "pkg:npm/%40acme/billing@1.0.0"


def test_a_pattern_is_kept_with_its_reason_and_who_said_so(admin: TestClient) -> None:
    made = admin.put(f"{AT}/npm:@acme/*", json={"reason": "our own packages"})

    assert made.status_code == 201
    said = made.json()
    assert (said["pattern"], said["reason"]) == ("npm:@acme/*", "our own packages")
    assert said["added_by"]
    assert admin.put(f"{AT}/npm:%40acme%2F*", json={"reason": "ours"}).status_code == 200
    assert admin.get(f"{AT}/npm:@acme/*").json()["reason"] == "ours"
    assert [one["pattern"] for one in admin.get(AT).json()["items"]] == ["npm:@acme/*"]
    acts = [(one["action"], one["subject"]) for one in admin.get("/v1/audit").json()["items"]]
    assert acts.count(("internal_namespace.put", "npm:@acme/*")) == 2

    assert admin.delete(f"{AT}/npm:@acme/*").status_code == 204
    assert admin.delete(f"{AT}/npm:@acme/*").status_code == 404
    assert admin.get(AT).json()["items"] == []


def test_a_pattern_that_says_too_much_is_refused(admin: TestClient) -> None:
    answer = admin.put(f"{AT}/npm:*", json={"reason": "everything"})

    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (422, "bad-pattern")
    assert admin.put(f"{AT}/npm:@acme/*", json={"reason": "  "}).status_code == 422


def test_readers_read_and_the_cert_decides(client_as: Callable[..., TestClient]) -> None:
    reader, cert = client_as("reader"), client_as("cert")
    assert reader.put(f"{AT}/npm:@acme/*", json={"reason": "ours"}).status_code == 403
    assert cert.put(f"{AT}/npm:@acme/*", json={"reason": "ours"}).status_code == 201
    assert reader.get(f"{AT}/npm:@acme/*").status_code == 200
    assert reader.delete(f"{AT}/npm:@acme/*").status_code == 403


def test_findings_of_a_private_name_carry_their_note(admin: TestClient) -> None:
    admin.put(f"{AT}/npm:@acme/*", json={"reason": "ours"})
    record = make_record("x_ACME-1", "npm/@acme/billing", "introduced 0")
    admin.put("/v1/advisories/x_ACME-1", json=record)

    answer = admin.post("/v1/products/shop/sboms", content=make_sbom(OURS)).json()

    assert [(one["vulnerability"], one["certainty"], one["note"]) for one in answer["findings"]] == [
        ("x_ACME-1", "certain", None)
    ]
    listed = admin.get("/v1/products/shop/findings").json()["items"]
    assert [one["note"] for one in listed] == [None]

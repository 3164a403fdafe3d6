"""SBOMs in envelopes, over the API: what signed them is shown, and whether it is believed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from envelopes import DIGEST, IN_TOTO, Part, make_dsse, make_key, make_statement
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sboms import make_sbom
from sqlalchemy import Engine, text

from service.api.sboms import ReceiptOut
from service.errors import Refused
from service.main import create_app
from service.settings import Settings

LODASH = "pkg:npm/lodash@4.17.20"
Believing = Callable[[bytes], TestClient]


@pytest.fixture
def believing(own_engine: Engine, admin: TestClient, tmp_path: Path) -> Believing:
    """Give a client of a service that trusts one key."""

    def make(public: bytes) -> TestClient:
        (tmp_path / "release.pub").write_bytes(public)
        settings = Settings(secret_key=SecretStr("a secret of the tests"), trusted_keys=tmp_path)
        return TestClient(
            create_app(settings, engine=own_engine), headers={"Authorization": admin.headers["Authorization"]}
        )

    return make


def send(client: TestClient, envelope: Part, product: str = "shop") -> Part:
    answer = client.post(f"/v1/products/{product}/sboms", content=json.dumps(envelope))
    assert answer.is_success, answer.text
    receipt: Part = answer.json()
    return receipt


def test_an_envelope_is_shown_and_its_bytes_are_kept(admin: TestClient) -> None:
    envelope = make_dsse(make_statement(make_sbom(LODASH)), ("release", make_key()[0]))
    receipt = send(admin, envelope)
    assert receipt["components"]["total"] == 1
    assert ReceiptOut.model_validate(receipt).model_dump(mode="json")["sbom"] == receipt["sbom"]
    shown = receipt["sbom"]["envelope"]
    assert shown.pop("payload_sha256")
    assert shown == {
        "kind": "dsse",
        "payload_type": IN_TOTO,
        "predicate_type": "https://cyclonedx.org/bom",
        "subjects": [{"name": "registry.example/shop", "digest": f"sha256:{DIGEST}"}],
        "signers": [{"key_id": "release", "identity": "", "issuer": ""}],
        "verification": "unverified",
        "verified_by": [],
    }
    path = f"/v1/sboms/{receipt['sbom']['id']}"
    assert admin.get(path).json()["sbom"]["envelope"]["kind"] == "dsse"
    assert admin.get(f"{path}/document").json() == envelope


def test_without_envelope_there_is_none(admin: TestClient, own_engine: Engine) -> None:
    assert admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH)).json()["sbom"]["envelope"] is None
    with own_engine.connect() as connection:
        assert connection.execute(text("SELECT envelope IS NULL FROM document")).scalar()


def test_a_trusted_signature_is_named_and_another_warned_about(believing: Believing) -> None:
    sign, public = make_key()
    client = believing(public)
    good = send(client, make_dsse(make_statement(make_sbom(LODASH)), ("", sign)))
    assert (good["sbom"]["envelope"]["verified_by"], good["warnings"]) == (["release.pub"], [])
    bad = send(client, make_dsse(make_statement(make_sbom(LODASH)), ("release.pub", make_key()[0])))
    assert bad["sbom"]["envelope"]["verification"] == "failed"
    assert bad["warnings"] == [{"code": "signature-failed", "count": 1, "first": "the envelope"}]


def test_the_same_bytes_are_verified_again_with_keys_that_came_later(admin: TestClient, believing: Believing) -> None:
    sign, public = make_key()
    envelope = make_dsse(make_statement(make_sbom(LODASH)), ("", sign))
    first = send(admin, envelope)
    assert first["sbom"]["envelope"]["verification"] == "unverified"
    assert send(believing(public), envelope, "blog")["sbom"]["envelope"]["verification"] == "verified"
    again = admin.get(f"/v1/sboms/{first['sbom']['id']}").json()
    assert again["sbom"]["envelope"]["verification"] == "verified"


def test_keys_that_cannot_be_used_stop_the_start(own_engine: Engine, tmp_path: Path) -> None:
    def start(folder: Path) -> None:
        create_app(Settings(secret_key=SecretStr("x"), trusted_keys=folder), engine=own_engine)

    with pytest.raises(Refused, match="holds no public key"):
        start(tmp_path)
    with pytest.raises(Refused, match="cannot be read"):
        start(tmp_path / "nowhere")
    (tmp_path / ".hidden").write_text("passed over")
    (tmp_path / "README").write_text("no key")
    with pytest.raises(Refused, match="MUSTER_TRUSTED_KEYS: README is not a public key"):
        start(tmp_path)

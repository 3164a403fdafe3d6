"""What the API says of an SBOM beside its findings: how complete it is, and what its schema says."""

import orjson
from fastapi.testclient import TestClient
from sboms import make_sbom
from sqlalchemy import Engine, update

from service.db import writing
from service.flows.checking import check_next
from service.inventory.models import Upload


def test_an_upload_is_answered_with_profiles_and_advice_for_its_generator(admin: TestClient) -> None:
    quality = admin.post("/v1/products/shop/sboms", content=make_sbom("pkg:npm/lodash@4.17.20")).json()["quality"]
    assert (quality["score"], quality["missing"]) == (56, {"supplier": 1, "licence": 1, "hash": 1, "dependencies": 1})
    assert list(quality["profiles"]) == ["ntia", "cisa-2025", "bsi-tr-03183"]
    ntia = quality["profiles"]["ntia"]
    assert (ntia["met"], ntia["score"]) == (False, 42)
    assert ntia["elements"][0] == {"element": "supplier name", "required": True, "present": 0, "of": 1}
    licence = next(one for one in quality["advice"] if one["element"] == "licence")
    assert licence["change"].startswith("Run syft with `--enrich all`")
    assert licence["gains"] == {"score": 11, "cisa-2025": 9, "bsi-tr-03183": 8}


def test_a_record_shows_quality_and_from_its_check_on_conformance(admin: TestClient, own_engine: Engine) -> None:
    sbom = orjson.dumps(orjson.loads(make_sbom("pkg:npm/lodash@4.17.20")) | {"colour": "red"})
    receipt = admin.post("/v1/products/shop/sboms", content=sbom).json()
    path = f"/v1/sboms/{receipt['sbom']['id']}"
    record = admin.get(path).json()
    assert (record["quality"], record["conformance"]) == (receipt["quality"], None)
    assert check_next(own_engine) == "invalid"
    conformance = admin.get(path).json()["conformance"]
    assert conformance.pop("checked_by").startswith("jsonschema-rs ")
    assert conformance == {
        "verdict": "invalid",
        "schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "error_count": 1,
        "first": [{"pointer": "", "message": "Additional properties are not allowed ('colour' was unexpected)"}],
        "reason": "",
    }


def test_an_upload_from_before_there_were_profiles_is_still_shown(admin: TestClient, own_engine: Engine) -> None:
    sbom = admin.post("/v1/products/shop/sboms", content=make_sbom()).json()["sbom"]["id"]
    with writing(own_engine) as session:
        session.execute(update(Upload).where(Upload.id == sbom).values(quality={"score": 67, "missing": {"hash": 2}}))
    quality = admin.get(f"/v1/sboms/{sbom}").json()["quality"]
    assert quality == {"score": 67, "missing": {"hash": 2}, "profiles": {}, "advice": []}

"""Other readings of the three formats of VEX: published schemas, and CSAF's mandatory tests by the package `csaf`."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

from service.sbom.conformance.json_schemas import check_json, schema_file

_OPENVEX = Path(__file__).parent / "data" / "vex" / "openvex-0.2.0.schema.json"


def faults(document: bytes) -> list[str]:
    """Say what is wrong with a VEX document by its schema and, for CSAF, by its mandatory tests; [] is valid."""
    said: dict[str, Any] = orjson.loads(document)
    if "@context" in said:
        return [f"{error.instance_path} {error.message}" for error in _openvex().iter_errors(said)]
    if "bomFormat" in said:
        file = schema_file("cyclonedx", said["specVersion"])
        assert file is not None
        return [f"{one.pointer} {one.message}" for one in check_json(document, file).first]
    return csaf_faults(said)


def csaf_faults(said: dict[str, Any]) -> list[str]:
    """Hold a CSAF 2.0 document against its schema and the mandatory tests (6.1.1 to 6.1.33)."""
    from csaf.csaf.v20._validator import validate  # noqa: PLC0415 - takes three seconds, and sets up logging

    report = validate(said, preset="basic")
    found = [f"{one.id} {error.instance_path} {error.message}" for one in report.results for error in one.errors]
    # They run only on what its schema finds valid.
    assert found or len(report.results) > 30, "the mandatory tests did not run"
    return found


@cache
def _openvex() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(_OPENVEX.read_text()), validate_formats=True)

"""JSON documents against the JSON schemas of CycloneDX and SPDX 2, by jsonschema-rs.

The official valid and invalid examples of CycloneDX 1.2 to 1.7 all get the verdict their names promise, formats
(``iri-reference``, ``date-time``) included.
"""

import importlib.metadata
from functools import cache
from pathlib import Path
from typing import Any

import cyclonedx.schema
import jsonschema_rs
import orjson

from service.sbom.conformance.report import Conformance, Verdict, fault, judged

_CYCLONEDX = Path(cyclonedx.schema.__file__).parent / "_res"
_SPDX = Path(__file__).parents[1] / "schemas"
#: What CycloneDX's schemas refer to, beside them under these names.
_REFERRED = ("spdx.SNAPSHOT", "jsf-0.82.SNAPSHOT", "cryptography-defs.SNAPSHOT")
_NAMESPACE = "http://cyclonedx.org/schema"
CHECKED_BY = f"jsonschema-rs {importlib.metadata.version('jsonschema-rs')}"


def schema_file(family: str, version: str) -> Path | None:
    """Find the schema of ``cyclonedx`` or ``spdx`` in a version, if we have one."""
    name = f"bom-{version}.SNAPSHOT.schema.json" if family == "cyclonedx" else f"spdx-{version}.schema.json"
    file = (_CYCLONEDX if family == "cyclonedx" else _SPDX) / name
    return file if file.is_file() else None


def check_json(data: bytes, file: Path, *, most_bytes_listed: int | None = None) -> Conformance:
    """Hold JSON in UTF-8 against a schema.

    Args:
        data: The document.
        file: The schema.
        most_bytes_listed: Faults of a larger document are not listed but for one: a list takes up to 300 times the
            document's size in memory.
    """
    validator, name = _validator(file)
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return judged([("", f"not JSON: {error}")], checked_by=CHECKED_BY, schema=name)
    if validator.is_valid(document):
        return judged((), checked_by=CHECKED_BY, schema=name)
    if most_bytes_listed is not None and len(data) > most_bytes_listed:
        return _uncounted(validator, document, name)
    faults = ((_pointer(one.instance_path), one.message) for one in validator.iter_errors(document))
    return judged(faults, checked_by=CHECKED_BY, schema=name)


def _uncounted(validator: jsonschema_rs.Draft7Validator, document: Any, name: str) -> Conformance:  # noqa: ANN401
    try:
        validator.validate(document)
    except jsonschema_rs.ValidationError as error:
        first = (fault(_pointer(error.instance_path), error.message),)
        return Conformance(
            verdict=Verdict.INVALID,
            checked_by=CHECKED_BY,
            schema=name,
            error_count=None,
            first=first,
            reason="Too large to list what else is wrong.",
        )
    return judged((), checked_by=CHECKED_BY, schema=name)


@cache
def _validator(file: Path) -> tuple[jsonschema_rs.Draft7Validator, str]:
    """Compile a schema: 2 to 8 ms and 2 MB each."""
    schema = orjson.loads(file.read_bytes())
    name = schema["$id"]
    return jsonschema_rs.Draft7Validator(schema, registry=_registry(), offline=True), name


@cache
def _registry() -> jsonschema_rs.Registry:
    files = {name: f"{name}.schema.json" for name in _REFERRED}
    return jsonschema_rs.Registry(
        [(f"{_NAMESPACE}/{file}", orjson.loads((_CYCLONEDX / file).read_bytes())) for file in files.values()]
    )


def _pointer(path: list[str | int]) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)

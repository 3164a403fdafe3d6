"""What schemas say of documents: verdict, count and the first places; whatever the form and the wrapping."""

import base64
from typing import Any

import orjson
import pytest

from service.sbom import read
from service.sbom.conformance import Conformance, Fault, Verdict, check
from service.sbom.conformance.json_schemas import schema_file

BOM: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "components": [{"type": "library", "name": "a", "hashes": [{"alg": "MD5", "content": "a" * 32}]}],
}
SPDX: dict[str, Any] = {
    "SPDXID": "SPDXRef-DOCUMENT",
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "name": "doc",
    "documentNamespace": "https://example.org/doc",
    "creationInfo": {"created": "2026-03-01T10:00:00Z", "creators": ["Tool: t-1"]},
    "packages": [{"SPDXID": "SPDXRef-a", "name": "a", "downloadLocation": "NOASSERTION"}],
}
#: 2.2 asks for more of each package.
_MORE = {"licenseConcluded": "MIT", "licenseDeclared": "MIT", "copyrightText": "NONE"}
SPDX_2_2 = SPDX | {"spdxVersion": "SPDX-2.2", "packages": [SPDX["packages"][0] | _MORE]}
XML = '<bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"><components>{}</components></bom>'
TAG_VALUE = """SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: doc
DocumentNamespace: https://example.org/doc
Creator: Tool: t-1
Created: 2026-03-01T10:00:00Z
PackageName: a
SPDXID: SPDXRef-a
PackageDownloadLocation: {}
FilesAnalyzed: false
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-a
"""
YAML = """SPDXID: SPDXRef-DOCUMENT
spdxVersion: SPDX-2.3
dataLicense: CC0-1.0
name: doc
documentNamespace: https://example.org/doc
creationInfo:
  created: 2026-03-01T10:00:00Z
  creators: ["Tool: t-1"]
packages:
- SPDXID: SPDXRef-a
  name: a
  versionInfo: 1.10
  downloadLocation: NOASSERTION
  filesAnalyzed: false
documentDescribes: [SPDXRef-a]
"""


def checked(sbom: dict[str, Any] | str) -> Conformance:
    data = sbom.encode() if isinstance(sbom, str) else orjson.dumps(sbom)
    return check(data, read(data).spec_version)


@pytest.mark.parametrize(
    ("sbom", "checked_by", "schema"),
    [
        (BOM, "jsonschema-rs", "http://cyclonedx.org/schema/bom-1.6.schema.json"),
        (
            BOM | {"specVersion": "1.2", "version": 1, "components": [BOM["components"][0] | {"version": "1"}]},
            "jsonschema-rs",
            "http://cyclonedx.org/schema/bom-1.2b.schema.json",
        ),
        (SPDX, "jsonschema-rs", "http://spdx.org/rdf/terms/2.3"),
        (SPDX_2_2, "jsonschema-rs", "http://spdx.org/rdf/terms"),
        (
            XML.format('<component type="file"><name>a</name></component>'),
            "libxml2",
            "http://cyclonedx.org/schema/bom/1.5",
        ),
        (TAG_VALUE.format("NOASSERTION"), "spdx-tools", "SPDX-2.3"),
        (YAML, "spdx-tools", "SPDX-2.3"),
    ],
    ids=["cdx", "cdx-1.2", "spdx-2.3", "spdx-2.2", "xml", "tag-value", "yaml"],
)
def test_a_valid_document_is_called_valid(sbom: dict[str, Any] | str, checked_by: str, schema: str) -> None:
    found = checked(sbom)
    assert (found.verdict, found.schema, found.error_count, found.first) == (Verdict.VALID, schema, 0, ())
    assert found.checked_by.startswith(checked_by)


def test_faults_of_json_have_pointers_and_are_counted_beyond_the_first_five() -> None:
    parts = [{"type": "library", "name": f"a{number}", "scope": "sometimes"} for number in range(7)]
    found = checked(BOM | {"components": parts})
    assert (found.verdict, found.error_count, len(found.first)) == (Verdict.INVALID, 7, 5)
    assert found.first[1].pointer == "/components/1/scope"
    assert "sometimes" in found.first[1].message


def test_faults_of_xml_have_lines_and_plain_names() -> None:
    found = checked(XML.format('\n<component type="library"><version>1</version><name>a</name></component>'))
    assert (found.verdict, found.error_count) == (Verdict.INVALID, 1)
    assert found.first[0].pointer == "line 2"
    assert found.first[0].message.startswith("Element 'version': This element is not expected.")


def test_faults_of_other_forms_of_spdx_name_the_element() -> None:
    found = checked(TAG_VALUE.format("somewhere"))
    assert (found.verdict, found.error_count) == (Verdict.INVALID, 1)
    assert found.first[0].pointer == "SPDXRef-a"


def test_what_spdx_tools_cannot_even_read_is_invalid() -> None:
    found = checked(TAG_VALUE.format("NOASSERTION").replace("Created: 2026-03-01T10:00:00Z", "Created: yesterday"))
    assert found.verdict is Verdict.INVALID
    assert found.first[0].pointer == "line 7"


def test_a_document_in_an_envelope_is_checked_inside() -> None:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://cyclonedx.org/bom",
        "predicate": BOM,
    }
    payload = base64.b64encode(orjson.dumps(statement)).decode()
    found = checked(
        {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": [{"sig": "AA=="}]}
    )
    assert (found.verdict, found.schema) == (Verdict.VALID, "http://cyclonedx.org/schema/bom-1.6.schema.json")


def test_a_document_in_utf_16_is_checked_as_the_readers_read_it() -> None:
    xml = '<?xml version="1.0" encoding="UTF-16"?>' + XML.format("")
    assert check(xml.encode("utf-16"), "1.5").verdict is Verdict.VALID


def test_what_the_readers_forgive_is_invalid_json() -> None:
    found = checked(orjson.dumps(BOM).decode() + "page 1 of 1")
    assert (found.verdict, found.error_count) == (Verdict.INVALID, 1)
    assert found.first[0].message.startswith("not JSON:")


@pytest.mark.parametrize(
    ("sbom", "version"),
    [
        (BOM | {"specVersion": "1.9"}, "1.9"),
        (BOM | {"specVersion": "1.1"}, "1.1"),
        (SPDX | {"spdxVersion": "SPDX-2.1"}, "2.1"),
        (TAG_VALUE.format("NOASSERTION").replace("SPDX-2.3", "SPDX-2.1"), "2.1"),
    ],
)
def test_a_version_without_schema_is_unchecked_and_says_so(sbom: dict[str, Any] | str, version: str) -> None:
    found = checked(sbom)
    assert (found.verdict, found.error_count) == (Verdict.UNCHECKED, None)
    assert version in found.reason


def test_a_version_that_is_a_path_finds_no_file() -> None:
    assert schema_file("spdx", "../schemas/spdx-2.3") is None
    assert schema_file("cyclonedx", "1.6.SNAPSHOT.schema.json/../bom-1.6") is None


def test_faults_of_a_larger_document_are_counted_in_a_process_of_its_own() -> None:
    parts = [{"type": "library", "name": f"a{number}", "scope": "sometimes"} for number in range(1_500)]
    found = checked(BOM | {"components": parts})
    assert (found.verdict, found.error_count) == (Verdict.INVALID, 1_500)


def test_messages_can_be_shown_and_stored() -> None:
    part = {"type": "library", "name": "a", "scope": "nul \0 and\nlines " + "x" * 1000}
    (fault,) = checked(BOM | {"components": [part]}).first
    assert isinstance(fault, Fault)
    assert len(fault.message) <= 300
    assert "\n" not in fault.message
    assert "\0" not in fault.message


def test_a_check_that_takes_too_long_is_no_verdict() -> None:
    found = check(TAG_VALUE.format("NOASSERTION").encode(), "2.3", seconds=0.05)
    assert found.verdict is Verdict.UNCHECKED
    assert "seconds" in found.reason

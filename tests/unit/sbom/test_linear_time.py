"""Texts that are written to be hard to match take no longer than others of their length."""

import time

import pytest

from service.sbom import read

_MOST_SECONDS = 2.0
_CYCLONEDX = '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [%s]}'
_SPDX = (
    '{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "creationInfo": {"creators": ["%s"]}, '
    '"packages": [{"SPDXID": "SPDXRef-a", "name": "a", "supplier": "%s"}]}'
)
_SPDX3 = (
    '{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": ['
    '{"type": "software_Package", "spdxId": "urn:a", "name": "a"}, {"type": "Relationship", "from": "urn:a", '
    '"relationshipType": "hasDeclaredLicense", "to": ["urn:%s!"]}]}'
)
_TAG_VALUE = "SPDXVersion: SPDX-2.3\nDocumentName: x\nSPDXID: SPDXRef-DOCUMENT\nPackageName: a\nSPDXID: SPDXRef-a\n"
_SPACES = "Organization: a" + " " * 60_000 + "b)"
_NAMES = ",".join(f'{{"name": "{"a" * 200}{place}-1{".1" * 150}!"}}' for place in range(200))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(_CYCLONEDX % _NAMES, id="names that nearly hold a version"),
        pytest.param(_SPDX % ("Tool: x", _SPACES), id="a supplier that nearly has a mail"),
        pytest.param(_SPDX % ("Tool: x", "Organization: a(" + "@" * 60_000 + " b)"), id="a mail that nearly is one"),
        pytest.param(_SPDX % (_SPACES, "NONE"), id="an author who nearly has a mail"),
        pytest.param(_SPDX3 % ("LicenseRef-" * 30_000), id="a licence that nearly is a reference"),
        pytest.param(_TAG_VALUE + "ExternalRef: SECURITY advisory x\n" * 100_000, id="references of one package"),
        pytest.param(_TAG_VALUE + "PackageChecksum: SHA1: aa\n" * 100_000, id="checksums of one package"),
    ],
)
def test_what_is_hard_to_match_is_read_as_fast_as_anything(text: str) -> None:
    began = time.process_time()
    read(text.encode())
    assert time.process_time() - began < _MOST_SECONDS

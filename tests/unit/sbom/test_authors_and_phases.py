"""Who wrote a document, in which phase, and what an entry states of its file, in every format."""

import orjson
import pytest

from service.sbom import Document, read

CDX_JSON = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {
        "lifecycles": [{"phase": "build"}, {"name": "nightly", "description": "ours"}, {"phase": "build"}],
        "authors": [{"name": "Jane Doe", "email": "jane@example.org"}, {"email": "ci@example.org"}, {"name": "Joe"}],
        "manufacturer": {"name": "Acme", "url": ["https://acme.example"], "contact": [{"name": "Desk"}]},
        "supplier": {"name": "Acme", "url": ["https://acme.example"]},
    },
    "components": [
        {"type": "library", "name": "silent"},
        {"type": "library", "name": "reachable", "supplier": {"name": "A", "contact": [{"email": "a@example.org"}]}},
        {
            "type": "file",
            "name": "stating",
            "manufacturer": {"name": "B", "url": ["https://b.example"]},
            "properties": [
                {"name": "bsi:component:archive", "value": "archive"},
                {"name": "bsi:component:filename", "value": "b.jar"},
                {"name": "bsi:component:executable", "value": ""},
            ],
        },
    ],
}
CDX_XML = """<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><metadata>
<lifecycles><lifecycle><phase>build</phase></lifecycle><lifecycle><name>nightly</name></lifecycle></lifecycles>
<authors><author><name>Jane Doe</name><email>jane@example.org</email></author>
<author><email>ci@example.org</email></author><author><name>Joe</name></author></authors>
<manufacturer><name>Acme</name><url>https://acme.example</url><contact><name>Desk</name></contact></manufacturer>
</metadata><components>
<component type="library"><name>silent</name></component>
<component type="library"><supplier><name>A</name><contact><email>a@example.org</email></contact></supplier>
<name>reachable</name></component>
<component type="file"><manufacturer><name>B</name><url>https://b.example</url></manufacturer><name>stating</name>
<properties><property name="bsi:component:archive">archive</property>
<property name="bsi:component:filename">b.jar</property></properties></component>
</components></bom>"""
AUTHORS = ("Jane Doe <jane@example.org>", "<ci@example.org>", "Joe", "Acme <https://acme.example>")
STATED = {"silent": (), "reachable": ("contact",), "stating": ("contact", "filename", "archive")}

SPDX_JSON = {
    "spdxVersion": "SPDX-2.3",
    "creationInfo": {
        "creators": [
            "Tool: syft-1.0",
            "Organization: Acme, Inc (sbom@acme.example)",
            "Person: Jane Doe ()",
            "organization: Other (the group)",
            "Organization: NOASSERTION",
        ]
    },
    "packages": [
        {"SPDXID": "SPDXRef-a", "name": "silent", "supplier": "Organization: A ()", "originator": "NOASSERTION"},
        {"SPDXID": "SPDXRef-b", "name": "reachable", "originator": "Person: B (b@example.org)"},
        {"SPDXID": "SPDXRef-c", "name": "named", "packageFileName": "./c.jar"},
    ],
}
TAG_VALUE = """SPDXVersion: SPDX-2.3
Creator: Tool: syft-1.0
Creator: Organization: Acme, Inc (sbom@acme.example)
Creator: Person: Jane Doe ()
Creator: organization: Other (the group)
PackageName: silent
PackageSupplier: Organization: A ()
PackageName: reachable
PackageOriginator: Person: B (b@example.org)
PackageName: named
PackageFileName: ./c.jar
"""


def stated(document: Document) -> dict[str, tuple[str, ...]]:
    return {one.name: one.stated for one in document.components}


@pytest.mark.parametrize("data", [orjson.dumps(CDX_JSON), CDX_XML.encode()], ids=["json", "xml"])
def test_cyclonedx_names_authors_phases_and_what_its_entries_state(data: bytes) -> None:
    document = read(data)
    assert document.authors == AUTHORS
    assert document.lifecycles == ("build", "nightly")
    assert stated(document) == STATED


@pytest.mark.parametrize("data", [orjson.dumps(SPDX_JSON), TAG_VALUE.encode()], ids=["json", "tag-value"])
def test_spdx_names_people_and_organisations_but_no_tools(data: bytes) -> None:
    document = read(data)
    assert document.authors == ("Acme, Inc <sbom@acme.example>", "Jane Doe", "Other (the group)")
    assert stated(document) == {"silent": (), "reachable": ("contact",), "named": ("filename",)}


@pytest.mark.parametrize("url", ["https://a.example", ["https://a.example"], [None, 7, "https://a.example"]])
def test_a_contact_of_the_wrong_type_is_read_as_far_as_it_can_be(url: object) -> None:
    metadata = {"manufacturer": {"name": "A", "url": url, "contact": {"email": ["no"]}}}
    document = read(orjson.dumps(CDX_JSON | {"metadata": metadata}))
    assert document.authors == ("A <https://a.example>",)
    assert not [one for one in document.warnings if one.code == "wrong-type"]


def test_a_hundred_authors_are_cut_to_those_somebody_reads() -> None:
    authors = [{"name": f"{number:03}" * 200} for number in range(100)]
    document = read(orjson.dumps(CDX_JSON | {"metadata": {"authors": authors}}))
    assert (len(document.authors), max(map(len, document.authors))) == (50, 300)

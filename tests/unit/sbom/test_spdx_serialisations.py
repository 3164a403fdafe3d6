"""SPDX 2 as YAML, XML and RDF: told by content, read with or without spdx-tools' consent, refused with a reason."""

from pathlib import Path

import msgspec
import orjson
import pytest
import rdflib
import yaml  # type: ignore[import-untyped]

from service.sbom import (
    Document,
    Format,
    Malformed,
    NotAnSbom,
    UnsupportedFormat,
    read,
    sniff,
    spdx_rdf,
    spdx_xml,
    spdx_yaml,
)
from service.sbom.oddities import Oddities

DATA = Path(__file__).parents[2] / "data" / "sbom"
YAML, XML, RDF = (
    (DATA / name).read_text(encoding="utf-8") for name in ("shop.spdx.yaml", "shop.spdx.xml", "shop.spdx.rdf")
)
IN_JSON = read((DATA / "shop.spdx.json").read_bytes())
HEAD = "spdxVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\nname: x\n"
RDF_HEAD = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://spdx.org/rdf/terms#">'


def codes(document: Document) -> list[str]:
    return [one.code for one in document.warnings]


def said(document: Document, code: str) -> str:
    return next(one.first for one in document.warnings if one.code == code)


# --- told by content -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("spdxVersion: SPDX-2.3\n", Format.SPDX_YAML),
        ("# a comment\n\n%YAML 1.2\n---\nSPDXID: x\nspdxVersion: SPDX-2.3\n", Format.SPDX_YAML),
        ("--- {spdxVersion: SPDX-2.3}\n", Format.SPDX_YAML),
        ('---\n{"SPDXID": "x", "spdxVersion": "SPDX-2.3"}\n', Format.SPDX_YAML),
        ("{SPDXID: SPDXRef-DOCUMENT, spdxVersion: SPDX-2.3}", Format.SPDX_YAML),
        ("{'spdxVersion': 'SPDX-2.3'}", Format.SPDX_YAML),
        ('"spdxVersion": "SPDX-2.3"\n', Format.SPDX_YAML),
        ("SPDXID: x\nfiles:\n" + "- fileName: ./a\n" * 10_000 + "spdxVersion: SPDX-2.3\n", Format.SPDX_YAML),
        ("SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\n", Format.SPDX_TAG_VALUE),
        ('{"spdxVersion": "SPDX-2.3"}', Format.SPDX_JSON),
        ("<Document><SPDXID>x</SPDXID><spdxVersion>SPDX-2.3</spdxVersion></Document>", Format.SPDX_XML),
        (
            '<s:Document xmlns:s="http://spdx.org/ns"><s:spdxVersion>SPDX-2.3</s:spdxVersion></s:Document>',
            Format.SPDX_XML,
        ),
        (RDF, Format.SPDX_RDF),
        ('<SpdxDocument xmlns="http://spdx.org/rdf/terms#"/>', Format.SPDX_RDF),
        ("# shop\n@prefix spdx: <http://spdx.org/rdf/terms#> .\n", Format.SPDX_RDF),
        ("<http://x/#d> a <http://spdx.org/rdf/terms#SpdxDocument> .\n", Format.SPDX_RDF),
    ],
)
def test_the_serialisation_is_told_by_content(text: str, kind: Format) -> None:
    assert sniff(text.encode()) is kind


@pytest.mark.parametrize(
    ("text", "encoding"), [(YAML, "utf-8-sig"), (YAML, "utf-16"), (XML, "utf-16-be"), (RDF, "utf-16"), (RDF, "utf-32")]
)
def test_they_are_read_in_any_encoding(text: str, encoding: str) -> None:
    document = read(text.encode(encoding))

    assert document.components == IN_JSON.components


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\n\x031.6\x10\x01\x1a-urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79", "Protocol Buffers"),
        (b"bomFormat: CycloneDX\nspecVersion: 1.6\n", "CycloneDX as YAML"),
        (b"---\nspdxVersion: SPDX-3.0\n", "SPDX 3 as YAML"),
        (b'"@context": https://spdx.org/rdf/3.0.1/spdx-context.jsonld\n"@graph": []\n', "SPDX 3 as YAML"),
        (b"{spdxVersion: SPDX-3.0}", "SPDX 3 as YAML"),
        (b"@prefix s: <https://spdx.org/rdf/3.0.1/terms/Core/> .\n", "SPDX 3 as RDF"),
        (b"@prefix x: <http://example.org/> .\n", "RDF"),
        (b"spdxVersion: SPDX-1.2\npackages: [{name: a}]\n", "SPDX-1.2"),
    ],
)
def test_what_only_looks_like_it_is_refused_by_name(data: bytes, named: str) -> None:
    with pytest.raises(UnsupportedFormat, match=named):
        read(data)


# --- the two ways ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (YAML, "created: 2026-03-01T10:00:00Z", "created: 2026-03-01T10:00:00.123Z"),
        (XML, "<created>2026-03-01T10:00:00Z", "<created>2026-03-01T10:00:00.123Z"),
        (RDF, "<created>2026-03-01T10:00:00Z", "<created>2026-03-01T10:00:00.123Z"),
    ],
    ids=["yaml", "xml", "rdf"],
)
def test_what_spdx_tools_refuses_is_read_by_our_own_walk_and_said_once(text: str, old: str, new: str) -> None:
    assert old in text

    document = read(text.replace(old, new).encode())

    assert document.components == IN_JSON.components
    assert document.dependencies == IN_JSON.dependencies
    assert document.subject == IN_JSON.subject
    assert document.created == "2026-03-01T10:00:00.123Z"
    assert codes(document).count("not-conformant") == 1
    assert "created" in said(document, "not-conformant") or "2026-03-01" in said(document, "not-conformant")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("supplier: NOASSERTION", "supplier: Microsoft/GitHub", "Microsoft/GitHub"),
        ("licenseDeclared: 0BSD", 'licenseDeclared: "GPL-2.0+, LGPL-2.1+"', "GPL-2.0"),
        ("relationshipType: DEPENDS_ON", "relationshipType: leans_on", "leans_on"),
        ("versionInfo: 29.7.0", "versionInfo: [29, 7]", "version"),
    ],
)
def test_the_warning_gives_spdx_tools_first_reason(old: str, new: str, why: str) -> None:
    assert old in YAML

    document = read(YAML.replace(old, new).encode())

    assert len(document.components) == len(IN_JSON.components)
    assert why in said(document, "not-conformant")


def test_bare_scalars_stay_what_is_written() -> None:
    bare = ["1.10", "0x1F", "1e3", "2024-01-01", "12_3", "1:30", "no", "~", "null", '"~"']
    packages = "".join(f"- {{name: n{place}, versionInfo: {version}}}\n" for place, version in enumerate(bare))

    found = read((HEAD + "packages:\n" + packages).encode())

    assert [one.version for one in found.components] == [*bare[:-3], "", "", "~"]


def test_typed_literals_stay_what_is_written() -> None:
    typed = '<versionInfo rdf:datatype="http://www.w3.org/2001/XMLSchema#decimal">29.70</versionInfo>'
    document = read(RDF.replace("<versionInfo>29.7.0</versionInfo>", typed).encode())

    assert [one.version for one in document.components if one.name == "jest"] == ["29.70"]


def test_anchors_aliases_and_merge_keys_are_followed() -> None:
    text = HEAD + "x: &base {supplier: 'Organization: Acme', versionInfo: '1'}\npackages:\n- {<<: *base, name: a}\n"
    (found,) = read((text + "- {name: b, versionInfo: '2', <<: *base}\n").encode()).components[:1]

    assert (found.name, found.version, found.supplier) == ("a", "1", "Acme")


@pytest.mark.parametrize("format_", ["turtle", "nt"])
def test_turtle_and_n_triples_say_what_rdf_xml_says(format_: str) -> None:
    data = rdflib.Graph().parse(data=RDF, format="xml").serialize(format=format_).encode()

    document = read(data)

    assert document.format is Format.SPDX_RDF
    assert {one.ref: (one.name, one.version, one.purl, one.source_name) for one in document.components} == {
        one.ref: (one.name, one.version, one.purl, one.source_name) for one in IN_JSON.components
    }
    assert set(document.dependencies) == set(IN_JSON.dependencies)
    assert document.subject == IN_JSON.subject


def test_licence_sets_become_an_expression() -> None:
    base = "http://spdx.org/licenses/"
    declared = (
        f'<licenseDeclared><ConjunctiveLicenseSet><member rdf:resource="{base}MIT"/><member><DisjunctiveLicenseSet>'
        f'<member rdf:resource="{base}Apache-2.0"/><member><WithExceptionOperator>'
        f'<member rdf:resource="{base}GPL-2.0-only"/><licenseException><LicenseException>'
        "<licenseExceptionId>Classpath-exception-2.0</licenseExceptionId></LicenseException></licenseException>"
        "</WithExceptionOperator></member></DisjunctiveLicenseSet></member></ConjunctiveLicenseSet></licenseDeclared>"
    )
    text = RDF.replace(f'<licenseDeclared rdf:resource="{base}0BSD"/>', declared)
    assert text != RDF

    tree = spdx_rdf.tree_of(spdx_rdf.graph_of(text.encode()), Oddities())
    (found,) = [one for one in tree["packages"] if one["name"] == "liblzma5"]

    assert found["licenseDeclared"] == "MIT AND (Apache-2.0 OR GPL-2.0-only WITH Classpath-exception-2.0)"


def test_pointers_lead_to_the_package_and_the_relationship() -> None:
    text = YAML.replace("AAAAAAAA", "ZZZZZZZZ").replace("SpdxElement: SPDXRef-lodash", "SpdxElement: SPDXRef-gone")

    document = read(text.encode())

    assert said(document, "bad-hash") == "/packages/2"
    assert said(document, "dangling-dependency") == "/relationships/4"


# --- damage and attacks ----------------------------------------------------------------------------------------------

WALKS = {Format.SPDX_YAML: spdx_yaml.as_json, Format.SPDX_XML: spdx_xml.as_json, Format.SPDX_RDF: spdx_rdf.as_json}
INCLUDE = '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="a"/>'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (HEAD + "packages: [\n", "line"),
        (HEAD + "packages:\n\t- name: a\n", "line 5"),
        (HEAD + "packages: *nobody\n", "nobody"),
        (HEAD + "packages: &a [*a]\n", "itself"),
        (HEAD + "? [a, b]\n: c\n", "line 4"),
        (HEAD + "---\n" + HEAD, "second document"),
        ("<Document><spdxVersion>SPDX-2.3</spdxVersion><packages></Document>", "mismatch"),
        ("<Document><spdxVersion>SPDX-2.3</spdxVersion>&nope;</Document>", "cannot be read"),
        (f"<Document><spdxVersion/>{INCLUDE}</Document>", "includes"),
        (RDF.replace("</rdf:RDF>", ""), "cannot be read"),
        (RDF_HEAD + "<Package rdf:bagID='1'/></rdf:RDF>", "cannot be read"),
        ("@prefix s: <http://spdx.org/rdf/terms#> . s:a s:b", "cannot be read"),
    ],
)
def test_damage_in_yaml_xml_and_rdf_is_refused_with_its_place(text: str, place: str) -> None:
    data = text.encode()
    kind = sniff(data)

    with pytest.raises(Malformed, match=place):
        WALKS[kind](data)


def test_damage_that_the_other_process_finds_is_refused_in_its_words() -> None:
    with pytest.raises(Malformed, match=r"at line \d+\. Create the SBOM again\."):
        read((HEAD + "packages: [\n").encode())
    with pytest.raises(Malformed, match="/packages"):
        read((HEAD + "packages: none\n").encode())


@pytest.mark.parametrize(
    "text",
    [
        RDF_HEAD + "</rdf:RDF>",
        "@prefix s: <http://spdx.org/rdf/terms#> .\n",
        "<Document xmlns='urn:iso:std:iso:20022'><a/></Document>",
    ],
)
def test_rdf_and_xml_about_something_else_are_no_sbom(text: str) -> None:
    with pytest.raises((NotAnSbom, UnsupportedFormat)):
        read(text.encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("text", [XML, RDF], ids=["xml", "rdf"])
def test_entities_are_refused_in_any_encoding(text: str, encoding: str) -> None:
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
        f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(12)
    )
    declaration, rest = text.split("\n", 1)
    for data in (f"{declaration}\n{bomb}]>\n{rest}", f"{bomb.replace('DOCTYPE', 'doctype')}]>{rest}"):
        with pytest.raises(Malformed, match="DOCTYPE"):
            read(data.replace("UTF-8", encoding).replace("shop-2.1.0</name>", "&l;</name>").encode(encoding))


def test_nul_and_surrogates_are_replaced_and_counted() -> None:
    in_yaml = read((HEAD + 'packages:\n- {name: "a\\0b"}\n- {name: "c\\0"}\n').encode())
    in_turtle = read(
        b'@prefix s: <http://spdx.org/rdf/terms#> .\n<http://x/#d> a s:SpdxDocument ; s:specVersion "SPDX-2.3" .\n'
        b'<http://x/#p> a s:Package ; s:name "a\\uD800b\\u0000" .\n'
    )

    assert [one.name for one in in_yaml.components] == ["a\ufffdb", "c\ufffd"]
    assert [one.name for one in in_turtle.components] == ["a\ufffdb\ufffd"]
    for document, where in ((in_yaml, "line 5"), (in_turtle, "http://x/#p")):
        assert said(document, "replaced-characters") == where
        orjson.dumps(msgspec.to_builtins(document))


def test_yaml_without_spdx_tools_is_what_its_loader_makes_of_it() -> None:
    """Apart from texts: the loader is told to leave them be."""
    tree = spdx_yaml.tree_of(YAML.encode(), Oddities())
    loaded = yaml.load(YAML, yaml.BaseLoader)  # noqa: S506 - makes texts only

    assert tree["relationships"] == loaded["relationships"]
    assert [one["externalRefs"] for one in tree["packages"] if "externalRefs" in one] == [
        one["externalRefs"] for one in loaded["packages"] if "externalRefs" in one
    ]

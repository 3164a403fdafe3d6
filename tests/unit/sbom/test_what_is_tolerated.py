"""Small sins of real documents: read, and each kind warned about once, with how often and where first."""

import codecs
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from service.sbom import Document, Scope, read
from service.sbom.cyclonedx_model import Bom
from service.sbom.spdx_model import SpdxDocument


def cyclonedx(*components: Any, **more: Any) -> bytes:  # noqa: ANN401 - whatever a tool may write
    return orjson.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": list(components), **more})


def library(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": "library", "name": name, "version": "1", "bom-ref": name, **more}


def warned(document: Document) -> dict[str, tuple[int, str]]:
    return {one.code: (one.count, one.first) for one in document.warnings}


PLAIN = cyclonedx(library("café"))
XML = """<?xml version="1.0" encoding="{encoding}"?><bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components>
<component type="library" bom-ref="café"><name>café</name><version>1</version></component></components></bom>"""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_json_may_be_in_any_unicode_encoding_with_or_without_mark(encoding: str) -> None:
    document = read(PLAIN.decode().encode(encoding))

    assert document.components == read(PLAIN).components
    assert warned(document) == {"other-encoding": (1, "byte 0")}


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [("UTF-8", "utf-8-sig"), ("UTF-16", "utf-16"), ("UTF-16LE", "utf-16-le"), ("ISO-8859-1", "latin-1")],
)
def test_xml_may_be_in_the_encoding_it_declares(declared: str, encoding: str) -> None:
    document = read(XML.format(encoding=declared).encode(encoding))

    assert [one.name for one in document.components] == ["café"]
    assert document.warnings == ()


def test_a_mark_alone_changes_nothing() -> None:
    document = read(codecs.BOM_UTF8 + PLAIN)

    assert document.components == read(PLAIN).components
    assert warned(document) == {"byte-order-mark": (1, "byte 0")}


@pytest.mark.parametrize(("sample", "shape"), [("shop.cdx.json", Bom), ("shop.spdx.json", SpdxDocument)])
def test_what_is_as_it_should_be_is_never_read_the_slow_way(sample: str, shape: type) -> None:
    data = (Path(__file__).parents[2] / "data" / "sbom" / sample).read_bytes()

    assert isinstance(msgspec.json.decode(data, type=shape), shape)


def test_text_after_the_document_is_cut_off() -> None:
    document = read(PLAIN + b"\n\n(c) 2026 a web page\n")

    assert warned(document) == {"trailing-data": (1, f"line 3, byte {len(PLAIN) + 2}")}
    assert len(document.components) == 1


def test_a_version_may_be_a_number() -> None:
    document = read(cyclonedx(library("a") | {"version": 2}, library("b") | {"version": 1.5}))

    assert [one.version for one in document.components] == ["2", "1.5"]
    assert warned(document) == {"wrong-type": (2, "/components/0/version")}


def test_what_is_no_component_is_left_out() -> None:
    document = read(cyclonedx(library("a"), None, "lodash", library("b", hashes={"alg": "MD5"})))

    assert [one.name for one in document.components] == ["a", "b"]
    assert warned(document) == {"wrong-type": (3, "/components/2")}


def test_a_ref_given_twice_gets_a_suffix_and_edges_lead_to_the_first() -> None:
    twice = [library("a"), library("b"), library("other") | {"bom-ref": "a"}]
    document = read(cyclonedx(*twice, dependencies=[{"ref": "b", "dependsOn": ["a"]}]))

    assert [one.ref for one in document.components] == ["a", "b", "a#2"]
    assert document.dependencies == (("b", "a"),)
    assert warned(document) == {"duplicate-ref": (1, "/components/2")}


def test_a_suffixed_ref_never_takes_anothers_place() -> None:
    document = read(cyclonedx(*(library("x") | {"bom-ref": ref} for ref in ("a", "a#2", "a", "a#2"))))

    assert len({one.ref for one in document.components}) == 4


def test_without_a_ref_the_position_is_the_ref() -> None:
    nested = {"type": "library", "name": "a", "components": [{"type": "library", "name": "b"}]}

    assert [one.ref for one in read(cyclonedx(nested)).components] == ["#/components/0", "#/components/0/components/0"]


def test_a_missing_name_comes_from_the_purl_or_the_ref() -> None:
    document = read(
        cyclonedx({"type": "library", "purl": "pkg:npm/lodash@4.17.20?x=y"}, {"type": "library", "bom-ref": "r"})
    )

    assert [one.name for one in document.components] == ["lodash", "r"]
    assert warned(document) == {"missing-name": (2, "/components/0")}


def test_a_component_that_says_nothing_is_left_out_with_a_warning() -> None:
    document = read(cyclonedx(library("a"), {"type": "library"}))

    assert [one.name for one in document.components] == ["a"]
    assert warned(document) == {"empty-component": (1, "/components/1")}


def test_dependencies_on_nothing_are_counted() -> None:
    document = read(cyclonedx(library("a"), dependencies=[{"ref": "a", "dependsOn": ["ghost", "spook"]}]))

    assert document.dependencies == ()
    assert warned(document) == {"dangling-dependency": (2, "/dependencies/0")}


@pytest.mark.parametrize("escape", [r"\u0000", r"\ud800", r"\udc00", r"\ud800\u0041"])
def test_characters_that_postgres_cannot_store_are_replaced(escape: str) -> None:
    document = read(cyclonedx(library("a@b")).replace(b"a@b", f"a{escape}b".encode()))

    (found,) = document.components
    assert "\N{REPLACEMENT CHARACTER}" in found.name
    assert "\0" not in found.name
    found.name.encode()
    assert "replaced-characters" in warned(document)


def test_an_escaped_backslash_before_u0000_stays_what_it_is() -> None:
    (found,) = read(cyclonedx(library(r"a\u0000"))).components

    assert found.name == r"a\u0000"


def test_emoji_in_surrogate_pairs_survive_beside_a_broken_one() -> None:
    (found,) = read(cyclonedx(library("a@b")).replace(b'"a@b"', rb'"\ud83d\ude00 \ud800"')).components

    assert found.name == "\N{GRINNING FACE} \N{REPLACEMENT CHARACTER}"


def test_names_are_cut_and_identifiers_dropped_when_absurdly_long() -> None:
    document = read(cyclonedx(library("n" * 10_000, purl="pkg:npm/" + "p" * 10_000)))

    (found,) = document.components
    assert found.name == "n" * 600
    assert found.purl == ""
    assert set(warned(document)) == {"text-too-long"}


def test_a_hash_that_is_no_hex_is_left_out() -> None:
    hashes = [{"alg": "SHA-1", "content": "nope"}, {"alg": "SHA-1", "content": "A" * 40}]

    document = read(cyclonedx(library("a", hashes=hashes)))

    assert document.components[0].hashes == (("sha1", "a" * 40),)
    assert warned(document) == {"bad-hash": (1, "/components/0")}


def test_unknown_types_and_scopes_are_read_as_library_and_required() -> None:
    document = read(cyclonedx(library("a", type="gadget", scope="maybe")))

    (found,) = document.components
    assert (found.type, found.scope) == ("library", Scope.REQUIRED)
    assert set(warned(document)) == {"unknown-type", "unknown-scope"}


@pytest.mark.parametrize(
    "instead",
    [
        {"components": []},
        {"metadata": {"component": {"type": "application", "name": "shop"}}},
        {"services": [{"name": "payments"}]},
        {"declarations": {}},
        {"definitions": {"standards": []}},
    ],
)
def test_a_document_that_says_it_lists_nothing_or_something_else_is_read_with_a_warning(
    instead: dict[str, Any],
) -> None:
    bare = {"bomFormat": "CycloneDX", "specVersion": "1.6"}

    assert warned(read(orjson.dumps(bare | instead))) == {"no-components": (1, "/components")}


def test_a_newer_minor_version_is_read_with_a_warning() -> None:
    assert set(warned(read(cyclonedx(library("a"), specVersion="1.9")))) == {"unknown-version"}


def test_unknown_fields_are_passed_over() -> None:
    assert read(cyclonedx(library("a", colour={"red": [1, 2]}), mood="good")).warnings == ()


def test_warnings_in_xml_name_the_line() -> None:
    document = read(XML.format(encoding="UTF-8").replace("<name>café</name>", "<name/>").encode())

    assert warned(document) == {"missing-name": (1, "line 2")}


TAG_VALUE = """SPDXVersion: SPDX-2.2
SPDXID: SPDXRef-DOCUMENT
DocumentName: x
DocumentNamespace: https://example.org/x
Created: 2026-03-01T10:00:00Z
PackageName: a
SPDXID: SPDXRef-a
PackageName: b
SPDXID: SPDXRef-b
Relationship: SPDXRef-a depends_on SPDXRef-b
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_tag_value_lines_may_end_in_any_way_and_types_be_in_lower_case(ending: str) -> None:
    document = read(TAG_VALUE.replace("\n", ending).encode())

    assert document.dependencies == (("SPDXRef-a", "SPDXRef-b"),)
    assert warned(document) == {"wrong-case": (1, "/relationships/0")}


def test_any_tag_value_may_be_a_text_block() -> None:
    lines = TAG_VALUE.replace("PackageName: a", "PackageName: <text>a\nb: c</text>")

    assert [one.name for one in read(lines.encode()).components] == ["a\nb: c", "b"]


def test_tag_value_in_latin_1_is_read_with_a_warning() -> None:
    document = read(TAG_VALUE.replace("PackageName: b", "PackageName: bücher").encode("latin-1"))

    assert document.components[1].name == "b\N{REPLACEMENT CHARACTER}cher"
    assert warned(document)["replaced-characters"] == (1, "line 8")


def test_a_nul_in_tag_value_is_replaced() -> None:
    assert read(TAG_VALUE.replace("Name: a", "Name: a\0").encode()).components[0].name == "a\N{REPLACEMENT CHARACTER}"


def test_tags_of_files_and_licences_are_not_the_packages() -> None:
    lines = (
        TAG_VALUE
        + "FileName: ./x\nSPDXID: SPDXRef-File\nLicenseID: LicenseRef-1\nExtractedText: <text>\nSPDXID: no</text>\n"
    )

    assert [one.ref for one in read(lines.encode()).components] == ["SPDXRef-a", "SPDXRef-b"]

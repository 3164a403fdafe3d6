"""One product written in all formats: what each says is read, and they agree."""

from functools import cache
from pathlib import Path

import pytest

from service.sbom import Component, Document, Format, OperatingSystem, Scope, Subject, Tool, read, sniff

DATA = Path(__file__).parents[2] / "data" / "sbom"
FORMATS = {
    "shop.cdx.json": Format.CYCLONEDX_JSON,
    "shop.cdx.xml": Format.CYCLONEDX_XML,
    "shop.spdx.json": Format.SPDX_JSON,
    "shop.spdx": Format.SPDX_TAG_VALUE,
    "shop.spdx.yaml": Format.SPDX_YAML,
    "shop.spdx.xml": Format.SPDX_XML,
    "shop.spdx.rdf": Format.SPDX_RDF,
    "shop.spdx3.json": Format.SPDX3_JSON_LD,
}
CYCLONEDX = ("shop.cdx.json", "shop.cdx.xml")
SPDX = ("shop.spdx.json", "shop.spdx", "shop.spdx.yaml", "shop.spdx.xml", "shop.spdx.rdf")


@cache
def load(name: str) -> Document:
    return read((DATA / name).read_bytes())


def called(document: Document, name: str) -> Component:
    (found,) = [one for one in document.components if one.name == name]
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_is_told_by_content(name: str) -> None:
    assert sniff((DATA / name).read_bytes()) is FORMATS[name]
    assert load(name).format is FORMATS[name]


@pytest.mark.parametrize("name", FORMATS)
def test_a_clean_document_gives_no_warnings(name: str) -> None:
    assert load(name).warnings == ()


@pytest.mark.parametrize("name", FORMATS)
def test_the_subject_is_read_and_an_image_is_no_component(name: str) -> None:
    document = load(name)

    assert isinstance(document.subject, Subject)
    assert (document.subject.name, document.subject.version) == ("shop", "2.1.0")
    assert document.subject.purl == "pkg:oci/shop@sha256%3Aabc"
    assert "shop" not in {one.name for one in document.components}


@pytest.mark.parametrize("name", FORMATS)
def test_a_binary_package_keeps_its_identity_and_its_source_package(name: str) -> None:
    found = called(load(name), "liblzma5")

    assert found.version == "5.6.1-1"
    assert found.purl == "pkg:deb/debian/liblzma5@5.6.1-1?arch=amd64&distro=debian-13"
    assert found.cpes[0] == "cpe:2.3:a:tukaani:xz:5.6.1:*:*:*:*:*:*:*"
    assert found.hashes == (("sha256", "a" * 64),)
    assert found.supplier == "Debian"
    assert (found.source_name, found.source_version) == ("xz-utils", "5.6.1-1")


@pytest.mark.parametrize("name", FORMATS)
def test_the_distribution_is_found_and_stays_a_component(name: str) -> None:
    document = load(name)

    assert document.operating_system == OperatingSystem(id="debian", version="13")
    assert called(document, "debian").type == "operating-system"


@pytest.mark.parametrize("name", FORMATS)
def test_a_development_dependency_has_its_scope(name: str) -> None:
    assert called(load(name), "jest").scope is Scope.DEV


@pytest.mark.parametrize("name", FORMATS)
def test_the_time_of_creation_is_kept_as_written(name: str) -> None:
    assert load(name).created == "2026-03-01T10:00:00Z"


def test_cyclonedx_says_the_same_in_json_and_xml() -> None:
    in_json, in_xml = (load(name) for name in CYCLONEDX)

    assert in_json.components == in_xml.components
    assert in_json.subject == in_xml.subject
    assert in_json.dependencies == in_xml.dependencies
    assert in_json.tools == in_xml.tools
    assert in_json.serial == in_xml.serial


@pytest.mark.parametrize("name", SPDX[1:])
def test_spdx_says_the_same_as_in_json(name: str) -> None:
    in_json, other = load(SPDX[0]), load(name)

    assert in_json.components == other.components
    assert in_json.subject == other.subject
    assert in_json.dependencies == other.dependencies
    assert in_json.tools == other.tools
    assert in_json.serial == other.serial


@pytest.mark.parametrize("name", CYCLONEDX)
def test_nested_components_are_flat_with_the_names_around_them(name: str) -> None:
    document = load(name)

    assert [one.name for one in document.components] == ["debian", "liblzma5", "shop-web", "lodash", "jest"]
    assert called(document, "lodash").path == ("shop-web",)
    assert called(document, "shop-web").path == ()


@pytest.mark.parametrize("name", CYCLONEDX)
def test_edges_are_kept_once_and_those_to_services_left_out(name: str) -> None:
    assert load(name).dependencies == (
        ("shop", "shop-web"),
        ("shop", "liblzma5"),
        ("shop-web", "lodash"),
        ("shop-web", "jest"),
    )


@pytest.mark.parametrize("name", CYCLONEDX)
def test_licences_become_one_expression(name: str) -> None:
    document = load(name)

    assert called(document, "liblzma5").licence == "0BSD AND public domain"
    assert called(document, "lodash").licence == "MIT OR Apache-2.0"


@pytest.mark.parametrize("name", CYCLONEDX)
def test_cyclonedx_tools_are_components_and_services(name: str) -> None:
    assert load(name).tools == (
        Tool(name="trivy", version="0.50.0", vendor="aquasecurity"),
        Tool(name="signer", vendor="Signing Ltd"),
    )


@pytest.mark.parametrize("name", SPDX)
def test_spdx_tools_are_split_into_name_and_version(name: str) -> None:
    assert load(name).tools == (Tool(name="syft", version="0.90.0"), Tool(name="spdx-maven-plugin"))


@pytest.mark.parametrize("name", SPDX)
def test_spdx_files_are_neither_components_nor_ends_of_edges(name: str) -> None:
    document = load(name)

    assert [one.name for one in document.components] == ["debian", "liblzma5", "lodash", "jest"]
    assert document.dependencies == (
        ("SPDXRef-Image", "SPDXRef-OperatingSystem-1"),
        ("SPDXRef-Image", "SPDXRef-liblzma5"),
        ("SPDXRef-Image", "SPDXRef-lodash"),
        ("SPDXRef-Image", "SPDXRef-jest"),
    )


@pytest.mark.parametrize("name", SPDX)
def test_a_concluded_licence_wins_and_no_assertion_is_none(name: str) -> None:
    document = load(name)

    assert called(document, "liblzma5").licence == "0BSD"
    assert called(document, "lodash").licence == "MIT"
    assert called(document, "debian").licence == ""


@pytest.mark.parametrize("name", SPDX)
def test_both_kinds_of_cpe_are_kept(name: str) -> None:
    assert called(load(name), "liblzma5").cpes[1] == "cpe:/a:tukaani:xz:5.6.1"

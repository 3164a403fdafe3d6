"""What is written can be read again, is valid by its schema, and says the same."""

import json
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.validation.xml import XmlValidator
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.parser.tagvalue.parser import Parser as TagValueParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from service.sbom import read
from service.sbom.document import Component, Document, Format, OperatingSystem, Scope, Subject, Tool
from service.sbom.export import ExportFormat, Order, export, fulfil

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CYCLONEDX = [form for form in ExportFormat if form.startswith("cyclonedx")]
SPDX = [form for form in ExportFormat if form.startswith("spdx")]

SHOP = Document(
    format=Format.CYCLONEDX_JSON,
    spec_version="",
    subject=Subject(ref="shop", name="Shop & Söhne", version="1.4.2", type="application"),
    components=(
        Component(
            ref="a",
            name="xz-libs",
            version="5.6.1-r1",
            purl="pkg:apk/alpine/xz-libs@5.6.1-r1?arch=x86_64&distro=alpine-3.19",
            source_name="xz",
            source_version="5.6.1-r1",
            licence="LGPL-2.1-or-later AND 0BSD",
            supplier="Alpine",
            hashes=(("sha256", "ab" * 32), ("sha1", "cd" * 20)),
        ),
        Component(ref="b", name="core", namespace="@acme", version="2.0", licence="Acme licence, see file & ask"),
        Component(ref="c", name="jest", version="29.7.0", purl="pkg:npm/jest@29.7.0", scope=Scope.TEST),
        Component(ref="d", name="vite", version="5.0.0", purl="pkg:npm/vite@5.0.0", scope=Scope.DEV),
        Component(ref="e", name="fsevents", version="2.3.3", purl="pkg:npm/fsevents@2.3.3", scope=Scope.OPTIONAL),
        Component(ref="p", name="six", version="1.16.0", purl="pkg:pypi/six@1.16.0", scope=Scope.PACKAGED),
        Component(ref="f", name="zlib", cpes=("cpe:2.3:a:zlib:zlib:1.2.13:*:*:*:*:*:*:*",)),
    ),
    dependencies=(("shop", "a"), ("shop", "b"), ("b", "c"), ("b", "d"), ("b", "e"), ("a", "nobody")),
    tools=(Tool(name="muster", version="0.1.0"),),
    operating_system=OperatingSystem(id="alpine", version="3.19.1"),
    serial="5f0c2c5b-77f4-4a0c-8f62-0a5a8c1d2e3f",
)


def told(component: Component) -> tuple[object, ...]:
    return (component.purl, component.version, component.cpes, frozenset(component.hashes), component.scope)


@pytest.mark.parametrize("form", ExportFormat)
def test_what_is_written_is_read_as_the_same(form: ExportFormat) -> None:
    again = read(export(SHOP, form, now=NOON))
    assert {told(one) for one in again.components} == {told(one) for one in SHOP.components}
    assert again.subject is not None
    assert (again.subject.name, again.subject.version) == ("Shop & Söhne", "1.4.2")
    assert again.warnings == ()
    assert again.tools == SHOP.tools
    assert datetime.fromisoformat(again.created) == NOON
    # SPDX has no groups, so a name without purl carries its own.
    names = {one.ref: one.name.removeprefix("@acme/") for one in again.components} | {again.subject.ref: "shop"}
    edges = {(names[above], names[below]) for above, below in again.dependencies}
    assert {("shop", "xz-libs"), ("core", "jest"), ("core", "vite"), ("core", "fsevents")} <= edges
    (first, *_) = [one for one in again.components if one.name == "xz-libs"]
    assert (first.source_name, first.source_version, first.supplier) == ("xz", "5.6.1-r1", "Alpine")


@pytest.mark.parametrize("form", CYCLONEDX)
def test_the_distribution_is_known_again(form: ExportFormat) -> None:
    assert read(export(SHOP, form, now=NOON)).operating_system == SHOP.operating_system


@pytest.mark.parametrize("form", CYCLONEDX)
def test_cyclonedx_is_valid_by_its_schema(form: ExportFormat) -> None:
    version = SchemaVersion.from_version(form.split("-")[1])
    content = export(SHOP, form, now=NOON).decode()
    validator = XmlValidator(version) if form.endswith("xml") else JsonStrictValidator(version)
    assert validator.validate_str(content) is None


@pytest.mark.parametrize("form", SPDX)
def test_spdx_is_valid_by_its_own_library(form: ExportFormat) -> None:
    content = export(SHOP, form, now=NOON).decode()
    if form is ExportFormat.SPDX_2_3_JSON:
        document = JsonLikeDictParser().parse(json.loads(content))  # type: ignore[no-untyped-call]
    else:
        document = TagValueParser(write_tables=False, debug=False).parse(content)  # type: ignore[no-untyped-call]
    assert validate_full_spdx_document(document) == []


def test_a_document_without_subject_or_components_can_be_written() -> None:
    empty = msgspec.structs.replace(SHOP, subject=None, components=(), dependencies=(), operating_system=None)
    for form in ExportFormat:
        assert export(empty, form, now=NOON)


def test_the_serial_names_the_document() -> None:
    written = json.loads(export(SHOP, ExportFormat.CYCLONEDX_1_6_JSON, now=NOON))
    assert UUID(written["serialNumber"].removeprefix("urn:uuid:")) == UUID(SHOP.serial)


def test_an_order_is_fulfilled_as_it_was_given() -> None:
    order = Order(SHOP, ExportFormat.SPDX_2_3_JSON, NOON)
    assert fulfil(msgspec.msgpack.encode(order)) == export(SHOP, ExportFormat.SPDX_2_3_JSON, now=NOON)

"""Single values that are not what they claim to be: kept as written, and warned about once per kind."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.purls.canonical import BadPurl, parse
from service.sbom import Document, Format, read
from service.sbom.soundness import is_instant, is_licence, is_purl, version_in


def cyclonedx(*components: dict[str, Any], **more: Any) -> Document:  # noqa: ANN401
    listed = [{"type": "library", "name": "a", **one} for one in components]
    return read(orjson.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": listed, **more}))


def spdx(*packages: dict[str, Any], **more: Any) -> Document:  # noqa: ANN401
    listed = [{"SPDXID": f"SPDXRef-{n}", "name": "a", **one} for n, one in enumerate(packages)]
    header = {"name": "x", "documentNamespace": "urn:x", "creationInfo": {"created": "2026-03-01T10:00:00Z"}}
    return read(orjson.dumps({"spdxVersion": "SPDX-2.3", **header, "packages": listed, **more}))


def warned(document: Document) -> dict[str, tuple[int, str]]:
    return {one.code: (one.count, one.first) for one in document.warnings}


def referring(purl: str) -> dict[str, Any]:
    return {"externalRefs": [{"referenceType": "purl", "referenceLocator": purl}]}


# --- purls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purl", ["https://github.com/a/b", "pkg:pypi/", "pkg:npm", "xz@5.6.1", "pkg:npm/%40scope"])
def test_a_purl_that_names_no_package_is_kept_and_warned_about(purl: str) -> None:
    document = cyclonedx({"purl": purl, "version": "1"}, {"purl": "pkg:npm/a@1"})

    assert document.components[0].purl == purl
    assert warned(document) == {"bad-purl": (1, "/components/0")}
    assert warned(spdx(referring(purl))) == {"bad-purl": (1, "/packages/0")}


_PIECES = st.sampled_from(
    [
        "pkg:", "npm", "deb/debian", "/", "@", "%40", "%2B", "%00", "%7F", "%", "?", "#", "&", "=", "a", "é", " ",
        "1.0", "~",
    ]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=9).map("".join))
def test_the_short_way_to_a_sound_purl_never_disagrees_with_the_long_one(rest: str) -> None:
    for purl in (rest, f"pkg:npm/{rest}"):
        try:
            parse(purl)
        except BadPurl:
            assert not is_purl(purl)
        else:
            assert is_purl(purl)


# --- versions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "purl", "code"),
    [
        ("5.32.1", "pkg:rpm/redhat/perl@5.32.1-481.el9", "shortened-version"),
        ("1.5", "pkg:npm/a@1.6", "version-differs"),
        ("1%2B2", "pkg:deb/debian/a@1%2B3", "version-differs"),
    ],
)
def test_a_version_that_the_purl_has_otherwise_is_warned_about(version: str, purl: str, code: str) -> None:
    assert warned(cyclonedx({"version": version, "purl": purl})) == {code: (1, "/components/0")}
    assert warned(spdx({"versionInfo": version, **referring(purl)})) == {code: (1, "/packages/0")}


@pytest.mark.parametrize(
    ("version", "purl"),
    [
        ("1+2", "pkg:deb/debian/a@1%2B2?arch=amd64"),
        ("1:2.3", "pkg:deb/debian/a@2.3?epoch=1"),
        ("2.3", "pkg:rpm/fedora/a@1:2.3"),
        ("1.2", "pkg:golang/example.com/a@v1.2"),
        ("2.1.0", "pkg:oci/a@sha256%3Aabc"),
        ("1.2", "pkg:npm/a"),
        ("", "pkg:npm/a@1.2"),
    ],
)
def test_another_spelling_of_the_same_version_is_no_oddity(version: str, purl: str) -> None:
    assert cyclonedx({"version": version, "purl": purl}).warnings == ()


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("xz-5.6.1", ("xz", "5.6.1")),
        ("foo@1.2", ("foo", "1.2")),
        ("@scope/foo@v1.2-rc1", ("@scope/foo", "v1.2-rc1")),
        ("foo-bar-1.0-SNAPSHOT", ("foo-bar", "1.0-SNAPSHOT")),
        ("libgtk-3-0", None),
        ("@scope/foo", None),
        ("foo-1.2.tar.gz", None),
        ("user@example.org", None),
        ("log4j-1", None),
    ],
)
def test_a_version_within_a_name_is_found(name: str, split: tuple[str, str] | None) -> None:
    assert version_in(name) == split


def test_a_name_is_split_only_where_neither_version_nor_purl_is_given() -> None:
    document = cyclonedx(
        {"name": "xz-5.6.1"}, {"name": "b-1.2", "version": "3"}, {"name": "c-1.2", "purl": "pkg:npm/c"}
    )

    assert [(one.name, one.version) for one in document.components] == [("xz", "5.6.1"), ("b-1.2", "3"), ("c-1.2", "")]
    assert warned(document) == {"version-in-name": (1, "/components/0")}


def test_a_files_name_is_never_split() -> None:
    assert cyclonedx({"type": "file", "name": "xz-5.6.1"}).components[0].name == "xz-5.6.1"


@pytest.mark.parametrize("name", ["/usr/lib/libssl.so.3", "C:\\Windows\\a", "D:/build/a"])
def test_a_path_is_kept_as_the_name_of_what_is_no_file_with_a_warning(name: str) -> None:
    assert warned(cyclonedx({"name": name}, {"name": name, "type": "file"})) == {"path-as-name": (1, "/components/0")}


# --- licences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "licence",
    [
        "MIT", "GPL-2.0+", "LicenseRef-scancode-x", "DocumentRef-a:LicenseRef-b", "MIT OR Apache-2.0",
        "mit or apache-2.0",
        "(MIT AND (BSD-3-Clause OR ISC))", "GPL-2.0-only WITH Classpath-exception-2.0", " MIT ",
    ],
)  # fmt: skip
def test_an_expression_is_a_licence(licence: str) -> None:
    assert is_licence(licence)


@pytest.mark.parametrize(
    "licence",
    ["GPL-2.0+, LGPL-2.1+", "Apache License 2.0", "MIT OR", "AND", "(MIT", "MIT)", "()", "MIT (ISC)", "OR MIT", "a/b"],
)
def test_a_list_or_a_sentence_is_none_and_is_kept_with_a_warning(licence: str) -> None:
    assert not is_licence(licence)

    document = spdx({"licenseDeclared": licence})
    assert document.components[0].licence == licence
    assert warned(document) == {"bad-licence": (1, "/packages/0")}


def test_in_cyclonedx_a_licences_name_may_be_anything_but_an_id_or_expression_may_not() -> None:
    named, formal = {"license": {"name": "My own words"}}, {"license": {"id": "My own words"}}

    assert cyclonedx({"licenses": [named]}).warnings == ()
    odd_ones: list[dict[str, Any]] = [formal, {"expression": "My own words"}, {"license": {}}]
    for odd in odd_ones:
        assert warned(cyclonedx({"licenses": [odd]})) == {"bad-licence": (1, "/components/0")}


def test_noassertion_is_no_value_in_any_format() -> None:
    nothing = {"version": "NOASSERTION", "publisher": "NOASSERTION", "licenses": [{"license": {"name": "NOASSERTION"}}]}

    for document in (
        cyclonedx(nothing),
        spdx({"versionInfo": "NOASSERTION", "supplier": "NOASSERTION ", "licenseConcluded": "NONE"}),
    ):
        (found,) = document.components
        assert (found.version, found.supplier, found.licence) == ("", "", "")
        assert document.warnings == ()


def test_empty_strings_are_no_values_and_no_oddities() -> None:
    document = cyclonedx(
        {"bom-ref": "", "version": " ", "purl": "", "cpe": "", "group": "", "scope": "", "publisher": ""}
    )

    (found,) = document.components
    assert (found.ref, found.version, found.purl, found.cpes, found.supplier) == ("#/components/0", "", "", (), "")
    assert document.warnings == ()


# --- the rest --------------------------------------------------------------------------------------------------------


def test_hashes_of_the_wrong_length_are_left_out_and_of_unknown_algorithms_kept() -> None:
    hashes = [{"alg": "SHA-256", "content": "a" * 40}, {"alg": "FOO", "content": "b" * 40}]

    document = cyclonedx({"hashes": hashes})

    assert document.components[0].hashes == (("foo", "b" * 40),)
    assert warned(document) == {
        "bad-hash": (1, "/components/0"),
        "unknown-hash-algorithm": (1, "/components/0"),
    }


@pytest.mark.parametrize("said", ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00.123456789+01:00", "2026-03-01T10:00:00"])
def test_a_date_with_a_time_is_an_instant(said: str) -> None:
    assert is_instant(said)


@pytest.mark.parametrize("said", ["2020-04-13", "+275760-09-13T00:00:00Z", "yesterday", "2026-13-01T10:00:00Z", ""])
def test_anything_else_is_kept_with_a_warning(said: str) -> None:
    assert not is_instant(said)
    if said:
        document = cyclonedx({}, metadata={"timestamp": said})
        assert document.created == said
        assert warned(document) == {"bad-timestamp": (1, "/metadata/timestamp")}
        assert warned(spdx({}, creationInfo={"created": said})) == {"bad-timestamp": (1, "/creationInfo/created")}


def test_a_serial_number_that_is_no_uuid_is_kept_with_a_warning() -> None:
    document = cyclonedx({}, serialNumber="urn:uuid:3e671687-395b-41f5-a30f")

    assert document.serial == "urn:uuid:3e671687-395b-41f5-a30f"
    assert warned(document) == {"bad-serial": (1, "/serialNumber")}


def test_enum_values_in_another_case_are_understood_with_a_warning() -> None:
    document = cyclonedx({"type": "Operating-System", "scope": "Optional"})

    (found,) = document.components
    assert (found.type, found.scope) == ("operating-system", "optional")
    assert warned(document) == {"wrong-case": (2, "/components/0")}
    assert warned(spdx({"primaryPackagePurpose": "application"})) == {"wrong-case": (1, "/packages/0")}


def test_an_unknown_purpose_is_a_library() -> None:
    document = spdx({"primaryPackagePurpose": "GADGET"})

    assert document.components[0].type == "library"
    assert warned(document) == {"unknown-type": (1, "/packages/0")}


def test_a_supplier_without_a_role_is_a_supplier() -> None:
    document = spdx({"supplier": "Microsoft/GitHub"}, {"supplier": "Organization: Acme"})

    assert [one.supplier for one in document.components] == ["Microsoft/GitHub", "Acme"]
    assert warned(document) == {"missing-role": (1, "/packages/0")}


def test_a_dependency_of_nobody_is_left_out() -> None:
    document = cyclonedx({"bom-ref": "a"}, dependencies=[{"dependsOn": []}])

    assert warned(document) == {"missing-field": (1, "/dependencies/0/ref")}
    xml = b'<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components/><dependencies><dependency/></dependencies></bom>'
    assert warned(read(xml))["missing-field"] == (1, "/dependencies/0/ref")


def test_a_relationship_type_that_spdx_does_not_have_is_left_out() -> None:
    relations = [
        {"spdxElementId": "SPDXRef-0", "relationshipType": kind, "relatedSpdxElement": "SPDXRef-1"}
        for kind in ("LOVES", "OTHER", "COPY_OF")
    ]

    assert warned(spdx({}, {}, relationships=relations)) == {"unknown-relationship": (1, "/relationships/0")}


def test_missing_fields_of_spdx_are_counted() -> None:
    document = read(b'{"spdxVersion": "SPDX-2.3", "packages": [{"name": "a"}]}')

    assert document.format is Format.SPDX_JSON
    assert warned(document) == {"missing-field": (4, "/packages/0")}


def test_a_component_that_depends_on_itself_does_not() -> None:
    selfish = [{"ref": "a", "dependsOn": ["a", "b"]}, {"ref": "a", "dependsOn": []}]

    document = cyclonedx({"bom-ref": "a"}, {"bom-ref": "b"}, dependencies=selfish)

    assert document.dependencies == (("a", "b"),)
    assert warned(document) == {
        "self-dependency": (1, "/dependencies/0"),
        "duplicate-dependency": (1, "/dependencies/1"),
    }
    relation = {"spdxElementId": "SPDXRef-0", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-0"}
    assert warned(spdx({}, relationships=[relation])) == {"self-dependency": (1, "/relationships/0")}

"""SPDX 3 graphs with something wrong: read with a warning, or refused in our words."""

import time
from typing import Any

import orjson
import pytest

from service.sbom import Document, Malformed, NothingToInventory, TooDeep, TooManyComponents, UnsupportedFormat, read

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
CREATION = {"type": "CreationInfo", "@id": "_:c", "specVersion": "3.0.1", "created": "2026-03-01T10:00:00Z"}


def graph(*elements: Any, **more: Any) -> bytes:  # noqa: ANN401 - whatever a tool may write
    return orjson.dumps({"@context": CONTEXT, "@graph": [CREATION, *elements], **more})


def package(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": "software_Package", "spdxId": f"urn:{name}", "name": name, **more}


def depends(start: Any, *ends: Any, kind: str = "dependsOn") -> dict[str, Any]:  # noqa: ANN401
    return {"type": "Relationship", "spdxId": "urn:r", "relationshipType": kind, "from": start, "to": list(ends)}


def warned(document: Document) -> dict[str, tuple[int, str]]:
    return {one.code: (one.count, one.first) for one in document.warnings}


def test_an_id_given_twice_gets_a_suffix_and_edges_lead_to_the_first() -> None:
    document = read(graph(package("a"), package("b"), package("a"), depends("urn:b", "urn:a")))

    assert [one.ref for one in document.components] == ["urn:a", "urn:b", "urn:a#2"]
    assert document.dependencies == (("urn:b", "urn:a"),)
    assert warned(document) == {"duplicate-ref": (1, "/@graph/3")}


@pytest.mark.parametrize("kind", ["dependsOn", "contains", "hasStaticLink"])
def test_an_edge_to_another_document_is_counted_and_left_out(kind: str) -> None:
    elsewhere = {"type": "ExternalMap", "externalSpdxId": "urn:other", "locationHint": "https://example.org/other"}
    me = {"type": "SpdxDocument", "spdxId": "urn:d", "import": [elsewhere]}
    document = read(graph(me, package("a"), depends("urn:a", "urn:other", kind=kind)))

    assert document.dependencies == ()
    assert warned(document) == {"dangling-dependency": (1, "/@graph/3")}


def test_edges_to_nobody_are_no_edges() -> None:
    ends = ("NoneElement", "https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement")

    assert read(graph(package("a"), depends("urn:a", *ends))).warnings == ()


def test_a_relationship_without_a_start_is_left_out() -> None:
    assert set(warned(read(graph(package("a"), depends(None, "urn:a"))))) == {"bad-relationship"}


def test_values_of_the_wrong_type_are_kept_where_they_can_be() -> None:
    version = package("a", software_packageVersion=2, software_packageUrl={"no": "purl"})
    document = read(graph(version, None, "text", 5, depends("urn:a", 7)))

    assert [one.version for one in document.components] == ["2"]
    assert warned(document)["wrong-type"] == (6, "/@graph/2")


def test_every_field_may_be_of_any_type() -> None:
    fields = (
        "type", "@type", "spdxId", "@id", "name", "creationInfo", "from", "to", "relationshipType", "scope",
        "rootElement", "element", "software_sbomType", "createdBy", "createdUsing", "suppliedBy", "originatedBy",
        "externalIdentifier", "verifiedUsing", "software_packageVersion", "software_primaryPurpose", "specVersion",
        "created", "expandedlicensing_member", "simplelicensing_licenseExpression", "software_packageUrl",
    )  # fmt: skip
    kinds = (
        "software_Package", "software_File", "Relationship", "SpdxDocument", "software_Sbom", "CreationInfo", "Person",
        "expandedlicensing_ConjunctiveLicenseSet", "ExternalIdentifier", "Hash",
    )  # fmt: skip
    values: tuple[Any, ...] = (
        None,
        True,
        5,
        1.5,
        "",
        "x",
        [],
        {},
        [None],
        [[]],
        [{}],
        {"type": "software_Package"},
        ["x"],
    )
    for kind in kinds:
        for field in fields:
            for value in values:
                odd = {"type": kind, "spdxId": "urn:odd", "relationshipType": "dependsOn"} | {field: value}
                me = {"type": "SpdxDocument", "spdxId": "urn:d", "creationInfo": "urn:odd", "rootElement": "urn:odd"}
                use = package("a", suppliedBy="urn:odd", externalIdentifier=["urn:odd"], verifiedUsing=["urn:odd"])
                licence = depends("urn:a", "urn:odd", kind="hasDeclaredLicense")
                assert read(graph(odd, me, use, licence)).components


def test_a_hash_that_is_no_hex_is_left_out() -> None:
    digests = [{"type": "Hash", "algorithm": "sha1", "hashValue": said} for said in ("nope", "A" * 40)]
    document = read(graph(package("a", verifiedUsing=digests)))

    assert document.components[0].hashes == (("sha1", "a" * 40),)
    assert warned(document) == {"bad-hash": (1, "/@graph/1")}


def test_a_second_purl_and_an_unknown_purpose_are_warned_about() -> None:
    purls = [{"type": "ExternalIdentifier", "externalIdentifierType": "packageUrl", "identifier": "pkg:npm/b@1"}]
    odd = package("a", software_packageUrl="pkg:npm/a@1", externalIdentifier=purls, software_primaryPurpose="gadget")
    document = read(graph(odd))

    assert (document.components[0].purl, document.components[0].type) == ("pkg:npm/a@1", "library")
    assert set(warned(document)) == {"several-purls", "unknown-type"}


def test_a_package_without_name_or_id_is_named_or_left_out() -> None:
    nameless = {"type": "software_Package", "spdxId": "urn:a"}
    document = read(graph(nameless, {"type": "software_Package"}, {"type": "software_Package", "name": "c"}))

    assert [(one.ref, one.name) for one in document.components] == [("urn:a", "urn:a"), ("#/@graph/3", "c")]
    assert set(warned(document)) == {"missing-name", "empty-component", "missing-field"}


@pytest.mark.parametrize("escape", [r"\u0000", r"\ud800", r"\udc00"])
def test_characters_that_postgres_cannot_store_are_replaced(escape: str) -> None:
    document = read(graph(package("a@b")).replace(b'"a@b"', f'"a{escape}b"'.encode()))

    assert document.components[0].name == "a\N{REPLACEMENT CHARACTER}b"
    assert warned(document)["replaced-characters"][0] == 1


def test_text_after_the_document_is_cut_off_also_behind_a_single_element() -> None:
    for data in (graph(package("a")), orjson.dumps({"@context": CONTEXT, **package("a", creationInfo=CREATION)})):
        document = read(data + b"\n(c) 2026")
        assert [one.name for one in document.components] == ["a"]
        assert set(warned(document)) == {"trailing-data"}


def test_a_newer_minor_version_is_read_with_a_warning() -> None:
    newer = CREATION | {"specVersion": "3.1"}
    document = read(orjson.dumps({"@context": CONTEXT, "@graph": [newer, package("a")]}))

    assert document.spec_version == "3.1"
    assert set(warned(document)) == {"unknown-version"}


def test_a_version_that_is_none_is_taken_from_the_context() -> None:
    odd = CREATION | {"specVersion": "three"}

    assert read(orjson.dumps({"@context": CONTEXT, "@graph": [odd, package("a")]})).spec_version == "3.0.1"


def test_an_odd_or_missing_time_is_warned_about() -> None:
    for created, code in (("yesterday", "bad-timestamp"), ("", "missing-field")):
        odd = CREATION | {"created": created}
        assert set(warned(read(orjson.dumps({"@context": CONTEXT, "@graph": [odd, package("a")]})))) == {code}


@pytest.mark.parametrize("elements", [(), ({"type": "software_Package"},), ({"type": "Person", "name": "Jane"},)])
def test_a_graph_that_lists_nothing_is_refused(elements: tuple[Any, ...]) -> None:
    with pytest.raises(NothingToInventory):
        read(graph(*elements))


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (graph(package("a"))[:-9], "end"),
        (graph(package("a")).replace(b'"urn:a"', b"urn"), "byte"),
        (
            graph({"type": "Person", "spdxId": "urn:p", "x": -7}, package("a", suppliedBy="urn:p")).replace(
                b"-7", b"1e999"
            ),
            "/@graph/1",
        ),
        (graph(package("a", scope=-7)).replace(b"-7", b"1e999"), "/@graph/1"),
        (orjson.dumps({"@context": CONTEXT, "@graph": {"type": "software_Package"}}), "/@graph"),
        (graph(package("a")).replace(b'"name":"a"', b'"name":"\xe9"'), "UTF-8"),
    ],
)
def test_damage_is_refused_with_its_place(data: bytes, place: str) -> None:
    with pytest.raises(Malformed, match=place):
        read(data)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"@prefix spdx: <https://spdx.org/rdf/3.0.1/terms/Core/> .\n<urn:a> a spdx:Element .", "SPDX 3"),
        (
            b'<urn:a> <https://spdx.org/rdf/3.0.1/terms/Core/name> "a" .\n',
            "SPDX 3",
        ),
        (
            b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:s="https://spdx.org/rdf/3.0.1/terms/Core/"/>',
            "SPDX 3",
        ),
        (b'[{"@id": "urn:a", "@type": ["https://spdx.org/rdf/3.0.1/terms/Software/Package"]}]', "SPDX 3"),
    ],
)
def test_other_serialisations_are_refused_by_name(data: bytes, named: str) -> None:
    with pytest.raises(UnsupportedFormat, match=named):
        read(data)


def test_more_packages_than_allowed_are_refused() -> None:
    packages = [package(str(number)) for number in range(11)]

    assert len(read(graph(*packages), max_components=11).components) == 11
    with pytest.raises(TooManyComponents, match="more than 10"):
        read(graph(*packages), max_components=10)
    files = [{"type": "software_File", "spdxId": f"urn:{number}", "name": "f"} for number in range(11)]
    sbom = {"type": "software_Sbom", "rootElement": [f"urn:{number}" for number in range(11)]}
    with pytest.raises(TooManyComponents, match="more than 10"):
        read(graph(sbom, *files), max_components=10)


@pytest.mark.parametrize(
    "key", ["to", "suppliedBy", "verifiedUsing", "expandedlicensing_member", "comment", "@context"]
)
def test_elements_nested_without_end_are_refused(key: str) -> None:
    nested = f'{{"type":"software_Package","name":"a","{key}":[' * 5_000 + "]}" * 5_000
    with pytest.raises(TooDeep):
        read(f'{{"@context":"{CONTEXT}","@graph":[{nested}]}}'.encode())


def test_licences_that_grow_endlessly_when_written_out_are_cut() -> None:
    member, kinds = "expandedlicensing_member", ("Conjunctive", "Disjunctive")
    sets = [
        {"type": f"expandedlicensing_{kinds[level % 2]}LicenseSet", "spdxId": f"urn:{level}/{side}",
         member: [f"urn:{level + 1}/{other}" for other in range(3)]}
        for level in range(49) for side in range(3)
    ]  # fmt: skip
    ends = [{"type": "simplelicensing_LicenseExpression", "spdxId": f"urn:49/{side}",
             "simplelicensing_licenseExpression": f"LicenseRef-{side}"} for side in range(3)]  # fmt: skip
    began = time.process_time()
    (found,) = read(
        graph(package("a"), depends("urn:a", "urn:0/0", kind="hasDeclaredLicense"), *sets, *ends)
    ).components

    assert len(found.licence) <= 20_000
    assert time.process_time() - began < 2


def test_one_package_with_very_many_licences_takes_no_quadratic_time() -> None:
    relations = [depends("urn:a", f"urn:{number}", kind="hasDeclaredLicense") for number in range(50_000)]
    began = time.process_time()
    read(graph(package("a"), *relations))

    assert time.process_time() - began < 5


def test_an_element_that_many_point_to_is_decoded_once() -> None:
    large = {"type": "ExternalIdentifier", "spdxId": "urn:e", "comment": "x" * 1_000_000}
    began = time.process_time()
    read(graph(large, package("a", externalIdentifier=["urn:e"] * 100_000)))

    assert time.process_time() - began < 2


def test_values_without_number_are_refused_before_they_take_memory() -> None:
    with pytest.raises(TooManyComponents, match="values"):
        read(b'{"@context": "' + CONTEXT.encode() + b'", "@graph": [' + b"1," * 16_000_001 + b"1]}")


def test_a_number_of_endless_digits_in_a_single_element_is_refused() -> None:
    element = orjson.dumps({"@context": CONTEXT} | package("a"))[:-1] + b', "extra": ' + b"1" * 5_000 + b"}"

    with pytest.raises(Malformed, match="digits"):
        read(element)

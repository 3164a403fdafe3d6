"""What is no SBOM, broken or over a bound: refused in our words, which say what it is and what to do."""

import orjson
import pytest

from service.errors import TooLarge, Unreadable, Unsupported
from service.sbom import (
    Malformed,
    NotAnSbom,
    NothingToInventory,
    TooDeep,
    TooManyComponents,
    UnsupportedFormat,
    read,
    sniff,
)

BOM = '<bom xmlns="http://cyclonedx.org/schema/bom/1.5">{}</bom>'


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "empty"),
        (b" \r\n\t ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"{}", "without bomFormat or spdxVersion"),
        (b"[1]", "not an object"),
        (b"null", "not an object"),
        (b'"text"', "not an object"),
        (b'{"bomFormat": "Other"}', "Other"),
        (b'{"specVersion": "1.5", "components": {}}', "lacks"),
        (b'{"licenseListVersion": "3.19", "licenses": []}', "licence list"),
        (b'{"name": "x", "lockfileVersion": 3}', "lock file"),
        (b'{"@context": "https://openvex.dev/ns", "statements": [{}]}', "OpenVEX"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"<html><body>Log in</body></html>", "HTML"),
        (b"<unheard-of/>", "'unheard-of'"),
        (b"name,version\nlodash,4\n", "neither JSON nor XML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b'{"bomFormat": "CycloneDX", "specVersion": "1.4", "vulnerabilities": [{"id": "CVE-1"}]}', "VEX"),
    ],
)
def test_what_is_no_sbom_is_named(data: bytes, named: str) -> None:
    with pytest.raises(NotAnSbom, match=named) as refusal:
        read(data)
    assert isinstance(refusal.value, Unreadable)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b'[{"@type": ["https://spdx.org/rdf/3.0.1/terms/Software/Package"]}]', "expanded JSON-LD"),
        (b'{"artifacts": [], "descriptor": {}}', "syft"),
        (b'{"specFormat": "CycloneDX", "specVersion": "2.0"}', "CycloneDX 2"),
        (b'{"bomFormat": "CycloneDX", "specVersion": "2.0"}', "CycloneDX 2.0"),
        (b'<bom xmlns="http://cyclonedx.org/schema/bom/9.9"/>', "CycloneDX 9.9"),
        (b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>', "RDF"),
        (b"SPDXVersion: SPDX-1.2\n", "SPDX-1.2"),
        (b'bomFormat: "CycloneDX"\n', "YAML"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PK\x03\x04", "zip"),
    ],
)
def test_what_we_know_but_do_not_read_is_unsupported(data: bytes, named: str) -> None:
    with pytest.raises(UnsupportedFormat, match=named) as refusal:
        read(data)
    assert isinstance(refusal.value, Unsupported)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'{"bomFormat": "CycloneDX",\n "components": [', "end"),
        (b'{"bomFormat": "CycloneDX",\n "version": NaN}', "line 2, byte 39"),
        (b'{"bomFormat": "CycloneDX",\n "x": "\xe9"}', "line 2, byte 34"),
        (b'{"bomFormat": "CycloneDX"}\n{"bomFormat": "CycloneDX"}', "line 2, byte 27"),
        (b'{"bomFormat": "CycloneDX", "components": {}}', "/components"),
        (b'{"spdxVersion": "SPDX-2.3", "packages": "none"}', "/packages"),
        (b"SPDXVersion: SPDX-2.3\nPackageComment: <text>and so on\n", "line 1"),
        (BOM.format("<components>").encode(), "mismatch"),
        (BOM.format("\n&nope;").encode(), "'nope' not defined, at line 2"),
        ("\ufeff{}".encode("utf-16-le")[:-1], "UTF-16"),
    ],
)
def test_damage_is_refused_with_its_place(data: bytes, place: str) -> None:
    with pytest.raises(Malformed, match=place):
        read(data)


DOCTYPE = '<?xml version="1.0"{}?><!-- x --><!DOCTYPE bom [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + BOM.format(
    "&e;"
)


@pytest.mark.parametrize(
    "data",
    [
        DOCTYPE.format("").encode(),
        DOCTYPE.format("").replace("DOCTYPE", "doctype").encode(),
        DOCTYPE.format(' encoding="UTF-16"').encode("utf-16"),
        DOCTYPE.format(' encoding="UTF-16"').encode("utf-16-be"),
        DOCTYPE.format("").encode("utf-8-sig"),
        DOCTYPE.format("").encode("utf-32"),
    ],
)
def test_a_doctype_is_refused_in_any_encoding(data: bytes) -> None:
    with pytest.raises(Malformed, match="DOCTYPE"):
        read(data)


@pytest.mark.parametrize("encoding", ["utf-7", "cp037", "UTF-16", "x-unknown", "EBCDIC-US"])
def test_an_encoding_that_could_hide_a_doctype_is_refused(encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding}"?>' + BOM.format("")

    with pytest.raises(Malformed, match="encoding"):
        read(declared.encode())


@pytest.mark.parametrize(
    "declared",
    [
        f'<?xml version="1.0"{" " * 300}encoding="utf-7"?>',
        f'<?xml version="1.0" encoding="UTF-{"9" * 400}"?>',
        '<?xml version="1.0" encoding="UTF-8 "?>',
        "<?xml version='1.0' encoding=utf-7?>",
        """<?xml version='encoding="utf-8"' encoding='utf-7'?>""",
    ],
)
def test_an_encoding_does_not_slip_by_in_a_strange_declaration(declared: str) -> None:
    with pytest.raises(Malformed, match="encoding"):
        read((declared + BOM.format("<components/>")).encode())


def test_an_xinclude_is_refused_not_followed() -> None:
    include = (
        '<components><x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/></components>'
    )

    with pytest.raises(Malformed, match="includes another file"):
        read(BOM.format(include).encode())


def nested_json(depth: int) -> bytes:
    opened = '{"type":"library","name":"a","components":[' * depth
    return ('{"bomFormat":"CycloneDX","specVersion":"1.5","components":[' + opened + "]}" * depth + "]}").encode()


def nested_xml(depth: int) -> bytes:
    opened = '<component type="library"><name>a</name><components>' * depth
    return BOM.format("<components>" + opened + "</components></component>" * depth + "</components>").encode()


@pytest.mark.parametrize("depth", [201, 400, 5_000, 100_000])
def test_components_nested_too_deeply_are_refused(depth: int) -> None:
    for data in (nested_json(depth), nested_xml(depth)):
        with pytest.raises(TooDeep) as refusal:
            read(data)
        assert isinstance(refusal.value, TooLarge)


def test_a_hundred_levels_are_read() -> None:
    assert len(read(nested_json(100)).components) == 100
    assert len(read(nested_xml(100)).components) == 100


@pytest.mark.parametrize("key", ["ignored", "components", "bomFormat", "metadata", "vulnerabilities"])
def test_brackets_without_end_are_refused_whatever_they_hang_from(key: str) -> None:
    for bracket in ("[", '{"a":'):
        with pytest.raises((TooDeep, NotAnSbom)):
            read(f'{{"bomFormat":"CycloneDX","{key}":{bracket * 200_000}'.encode())


def test_more_components_than_allowed_are_refused() -> None:
    components = [{"type": "library", "name": str(number)} for number in range(11)]
    packages = [{"SPDXID": str(number), "name": str(number)} for number in range(11)]
    for document in (
        {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": components},
        {"spdxVersion": "SPDX-2.3", "packages": packages},
    ):
        assert len(read(orjson.dumps(document), max_components=11).components) == 11
        with pytest.raises(TooManyComponents, match="more than 10"):
            read(orjson.dumps(document), max_components=10)


@pytest.mark.parametrize(
    "data",
    [
        b'{"bomFormat": "CycloneDX", "specVersion": "1.6"}',
        b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": null, "dependencies": []}',
        b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library"}]}',
        b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"components": [{}]}}}',
        BOM.format("").encode(),
        BOM.format("<dependencies/>").encode(),
        BOM.format('<components><component type="library"/></components>').encode(),
        b'{"spdxVersion": "SPDX-2.3", "name": "cut off"}',
        b'{"spdxVersion": "SPDX-2.3", "name": "empty", "packages": [], "files": []}',
        b'{"spdxVersion": "SPDX-2.3", "packages": [{}]}',
        b"SPDXVersion: SPDX-2.3\nDocumentName: cut off\n",
    ],
)
def test_a_document_that_lists_nothing_and_does_not_say_so_is_refused(data: bytes) -> None:
    with pytest.raises(NothingToInventory, match=r"Send|Create") as refusal:
        read(data)
    assert isinstance(refusal.value, Unreadable)


@pytest.mark.parametrize("subject", [b"", b', "metadata": {"component": {"type": "application", "name": "shop"}}'])
def test_a_vex_or_vdr_is_no_inventory_whatever_its_subject(subject: bytes) -> None:
    vex = b'{"bomFormat": "CycloneDX", "specVersion": "1.4", "vulnerabilities": [{"id": "CVE-1"}]%s}'

    with pytest.raises(NotAnSbom, match="VEX or VDR"):
        read(vex % subject)


def test_a_file_extension_is_never_needed() -> None:
    assert sniff(b'\n\n  {"creationInfo": {}, "spdxVersion": "SPDX-2.2"}') == "spdx-json"


def test_millions_of_empty_objects_are_refused_before_they_take_memory() -> None:
    with pytest.raises(TooManyComponents, match="objects"):
        read(b'{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [' + b"{}," * 8_000_000 + b"{}]}")


def test_endless_nul_escapes_are_refused_instead_of_replaced_one_by_one() -> None:
    with pytest.raises(Malformed, match="NUL"):
        read(b'{"bomFormat": "CycloneDX", "x": "' + rb"\u0000" * 1_000_000 + b'"}')


def test_long_runs_of_escapes_beside_one_nul_cost_little() -> None:
    escapes = rb"\n\ud83d\ude00\\" * 500_000

    (found,) = read(b'{"bomFormat":"CycloneDX","components":[{"name":"a\\u0000"}],"x":"' + escapes + b'"}').components
    assert found.name == "a\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("beginning", ["<?x ", "<!-- "])
def test_a_prolog_without_end_is_refused(beginning: str) -> None:
    with pytest.raises(Malformed, match="never ends"):
        read((beginning + "- ? > " * 1_000_000).encode())

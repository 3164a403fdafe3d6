"""SBOMs inside of something else: read all the same, and what was around them is kept."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from envelopes import CYCLONEDX, DIGEST, ISSUER, b64, make_bundle, make_certificate, make_dsse, make_statement
from sboms import make_sbom

from service.sbom import Format, Malformed, NotAnSbom, TooDeep, UnsupportedFormat, read, sniff, unwrapped
from service.sbom.document import Envelope, Signer

SAMPLES = Path(__file__).parents[2] / "data" / "sbom"
SBOM = make_sbom("pkg:npm/lodash@4.17.20")


def unsigned(_: bytes) -> bytes:
    return b"not verified here"


def written(part: Any) -> bytes:  # noqa: ANN401 - JSON
    return json.dumps(part).encode()


def envelope_of(part: Any) -> Envelope:  # noqa: ANN401 - JSON
    document = read(written(part))
    assert [one.purl for one in document.components] == ["pkg:npm/lodash@4.17.20"]
    assert document.warnings == ()
    assert document.envelope is not None
    return document.envelope


def test_a_signed_statement_says_what_it_is_about_and_who_signed_it() -> None:
    statement = make_statement(SBOM)
    envelope = envelope_of(make_dsse(statement, ("release-key", unsigned), ("", unsigned)))
    assert envelope == Envelope(
        kind="dsse",
        payload_sha256=sha256(written(statement)).hexdigest(),
        payload_type="application/vnd.in-toto+json",
        predicate_type=CYCLONEDX,
        subjects=(("registry.example/shop", f"sha256:{DIGEST}"),),
        signers=(Signer(key_id="release-key"), Signer()),
    )


def test_a_bare_statement_is_nobodys_word() -> None:
    envelope = envelope_of(make_statement(SBOM))
    assert (envelope.kind, envelope.signers, envelope.verification) == ("in-toto-statement", (), "unverified")
    assert envelope.payload_sha256 == sha256(written(json.loads(SBOM))).hexdigest()


def test_an_envelope_may_hold_the_sbom_itself() -> None:
    envelope = envelope_of(make_dsse(SBOM, payload_type="application/vnd.cyclonedx+json"))
    assert (envelope.kind, envelope.predicate_type, envelope.signers) == ("dsse", "", ())


@pytest.mark.parametrize("name", ["shop.cdx.json", "shop.cdx.xml", "shop.spdx", "shop.spdx.json"])
def test_every_format_is_read_in_an_envelope_as_it_is_alone(name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    enveloped = written(make_dsse(data, payload_type="text/plain"))
    inside = read(enveloped)
    assert (inside.components, inside.subject, inside.warnings) == (
        (alone := read(data)).components,
        alone.subject,
        alone.warnings,
    )
    assert (sniff(enveloped), unwrapped(enveloped)) == (alone.format, data)


def test_utf_16_inside_is_read_too() -> None:
    data = (SAMPLES / "shop.cdx.xml").read_text().replace("UTF-8", "UTF-16").encode("utf-16")
    assert read(written(make_dsse(data))).format is Format.CYCLONEDX_XML


def test_cosigns_older_shapes_are_read() -> None:
    for predicate in ({"Data": json.loads(SBOM), "Timestamp": "2022"}, {"Data": SBOM.decode()}, SBOM.decode()):
        envelope_of(make_statement(SBOM, predicate=predicate))


def test_a_text_predicate_may_be_tag_value() -> None:
    text = (SAMPLES / "shop.spdx").read_text()
    document = read(written(make_statement(SBOM, "https://spdx.dev/Document", predicate=text)))
    assert document.format is Format.SPDX_TAG_VALUE


def test_the_answers_of_apis_are_read() -> None:
    for name in ("sbom", "SPDX"):
        assert envelope_of({name: json.loads(SBOM)}).kind == "wrapper"


def test_base64_may_be_url_safe_unpadded_and_wrapped() -> None:
    dsse = make_dsse(SBOM + b"  \n" * (len(SBOM) % 2 + 1))
    dsse["payload"] = "\n".join((dsse["payload"][:76], dsse["payload"][76:].rstrip("="))).replace("/", "_")
    envelope_of(dsse)


CERTIFICATE = {"rawBytes": b64(make_certificate(x509.RFC822Name("dev@example.org")))}


@pytest.mark.parametrize(
    ("version", "material"),
    [
        ("0.1", {"x509CertificateChain": {"certificates": [CERTIFICATE, {"rawBytes": ""}]}}),
        ("0.2", {"x509CertificateChain": {"certificates": [CERTIFICATE]}, "tlogEntries": []}),
        ("0.3", {"certificate": CERTIFICATE}),
    ],
)
def test_a_bundle_of_every_version_names_its_signer(version: str, material: dict[str, Any]) -> None:
    envelope = envelope_of(make_bundle(make_dsse(make_statement(SBOM), ("", unsigned)), material, version))
    assert envelope.kind == "sigstore-bundle"
    assert envelope.signers == (Signer(identity="dev@example.org", issuer=ISSUER),)
    assert envelope.verification == "unverified"


BUILD = "https://ci.example/shop/build.yml@refs/heads/main"
USERNAME = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
MAIL = x509.RFC822Name("dev@example.org")
CERTIFICATES = [
    (make_certificate(x509.UniformResourceIdentifier(BUILD)), BUILD, ISSUER),
    (make_certificate(MAIL, old=True), "dev@example.org", ISSUER),
    (make_certificate(x509.OtherName(USERNAME, asn1.encode_der("root"))), "root", ISSUER),
    (make_certificate(issuer=None), "O=sigstore.example", ""),
    (make_certificate(MAIL, issuer="x\0\x1b[31m", old=True), "dev@example.org", "x\ufffd\ufffd[31m"),
]


@pytest.mark.parametrize(("certificate", "identity", "issuer"), CERTIFICATES)
def test_a_certificate_names_its_holder_and_who_vouched(certificate: bytes, identity: str, issuer: str) -> None:
    bundle = make_bundle(make_dsse(SBOM, ("", unsigned)), {"certificate": {"rawBytes": b64(certificate)}})
    assert envelope_of(bundle).signers == (Signer(identity=identity, issuer=issuer),)


def test_a_key_that_is_only_hinted_at_is_named_by_its_hint() -> None:
    bundle = make_bundle(make_dsse(SBOM, ("", unsigned)), {"publicKey": {"hint": "SHA256:abc"}})
    assert envelope_of(bundle).signers == (Signer(key_id="SHA256:abc"),)


#: Of a version that X.509 does not have.
FROM_THE_FUTURE = make_certificate().replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07")


@pytest.mark.parametrize(
    "raw", ["", "AAAA", "no base64!", b64(make_certificate()[:-40]), b64(FROM_THE_FUTURE), 7, None]
)
def test_a_damaged_certificate_is_a_warning(raw: object) -> None:
    document = read(written(make_bundle(make_dsse(SBOM), {"certificate": {"rawBytes": raw}})))
    codes = [warning.code for warning in document.warnings]
    assert codes == (["bad-certificate"] if isinstance(raw, str) else [])
    assert document.envelope is not None
    assert document.envelope.signers == (Signer(),)


@pytest.mark.parametrize(
    ("predicate_type", "name"),
    [
        ("https://slsa.dev/provenance/v1", "SLSA provenance"),
        ("https://openvex.dev/ns/v0.2.0", "VEX"),
        ("https://cosign.sigstore.dev/attestation/vuln/v1", "vulnerability scan"),
    ],
)
def test_a_statement_of_something_else_is_refused_by_name(predicate_type: str, name: str) -> None:
    with pytest.raises(NotAnSbom, match=f"in-toto statement of .*{name}.*, not an SBOM"):
        read(written(make_dsse(make_statement(SBOM, predicate_type))))


REFUSED: list[tuple[object, type[Exception], str]] = [
    (make_dsse(make_statement(SBOM, "https://acme.example/x", predicate={"a": 1})), NotAnSbom, "acme.example/x, and"),
    (make_dsse(b"hello"), NotAnSbom, "This is a DSSE envelope, and what it holds is not read"),
    (make_dsse(b""), Malformed, "payload is empty"),
    ({"payloadType": "x"}, Malformed, "payload is empty"),
    ({"payloadType": "x", "payload": "%%%"}, Malformed, "payload is not base64"),
    ({"payloadType": "x", "payload": "é"}, Malformed, "payload is not base64"),
    ({"payloadType": "x", "payload": b64(SBOM), "signatures": [{"sig": "="}]}, Malformed, "signature is not base64"),
    ({"payloadType": "x", "payload": b64(SBOM), "signatures": [{"sig": ""}] * 21}, Malformed, "21 signatures"),
    ({"_type": "https://in-toto.io/Statement/v1"}, Malformed, "no predicate"),
    ({"_type": "https://in-toto.io/Statement/v1", "predicate": ""}, Malformed, "no predicate"),
    (make_dsse(written(make_dsse(make_statement(SBOM)))), Malformed, "more than 2 deep"),
    ({"sbom": {"sbom": {"sbom": json.loads(SBOM)}}}, Malformed, "more than 2 deep"),
    (
        {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "messageSignature": {"signature": ""}},
        UnsupportedFormat, "holds a digest, not the SBOM",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("part", "kind", "says"), REFUSED)
def test_what_cannot_be_taken_out_is_refused_by_name(part: object, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        read(written(part))


def test_two_envelopes_and_two_statements_are_not_too_many() -> None:
    assert envelope_of(make_dsse(make_dsse(SBOM, ("in", unsigned)), ("out", unsigned))).signers == (
        Signer(key_id="out"),
        Signer(key_id="in"),
    )


def test_one_line_of_attestations_is_read_and_several_are_not() -> None:
    line = written(make_dsse(make_statement(SBOM))) + b"\n"
    assert read(line).envelope is not None
    with pytest.raises(Malformed, match="several attestations, one a line"):
        read(line + line)


def test_a_statement_about_many_files_keeps_the_first_hundred() -> None:
    statement = make_statement(SBOM, subject=[{"name": f"file-{number}"} for number in range(250)])
    document = read(written(statement))
    assert document.envelope is not None
    assert len(document.envelope.subjects) == 100
    assert [(w.code, w.count) for w in document.warnings] == [("subjects-cut", 150)]


def test_what_is_odd_inside_is_placed_there() -> None:
    sbom = json.loads(SBOM)
    sbom["components"].append({"name": "x", "version": "1"})
    (warning,) = read(written(make_dsse(make_statement(written(sbom))))).warnings
    assert (warning.code, warning.first) == ("missing-type", "/components/1")


@pytest.mark.parametrize("texts", [{"subject": [{"name": 7, "digest": 8}, 9, None]}, {"subject": {}}, {"subject": []}])
def test_odd_subjects_harm_nobody(texts: dict[str, Any]) -> None:
    try:
        read(written(make_statement(SBOM, **texts)))
    except Malformed as refusal:
        assert "/subject" in refusal.detail  # noqa: PT017 - either is fine


def test_blank_lines_after_an_envelope_cost_nothing() -> None:
    assert read(written(make_dsse(SBOM)) + b"\n" * 1_000_000).envelope is not None
    with pytest.raises(Malformed, match="several attestations"):
        read((written(make_dsse(SBOM)) + b"\r\n") * 2)


@pytest.mark.parametrize("place", ["verificationMaterial", "dsseEnvelope"])
def test_what_is_nested_without_end_is_refused(place: str) -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    bundle = b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "%b": %b}' % (place.encode(), deep)
    with pytest.raises((TooDeep, UnsupportedFormat)):
        read(bundle)

"""Signatures on envelopes: right with a trusted key, or a warning; never a pass in silence."""

import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from envelopes import Part, Sign, make_dsse, make_key, make_statement
from sboms import make_sbom

from service.errors import Refused
from service.sbom import Document, TrustedKey, read
from service.sbom.signatures import trusted_key

P256, P384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
STATEMENT = make_statement(make_sbom("pkg:npm/lodash@4.17.20"))

Public = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey | dsa.DSAPublicKey
SCHEMES: list[tuple[str, Public, Sign]] = [
    ("p256", P256.public_key(), lambda message: P256.sign(message, ec.ECDSA(hashes.SHA256()))),
    ("p384", P384.public_key(), lambda message: P384.sign(message, ec.ECDSA(hashes.SHA384()))),
    ("p384 of old", P384.public_key(), lambda message: P384.sign(message, ec.ECDSA(hashes.SHA256()))),
    ("ed25519", ED25519.public_key(), ED25519.sign),
    ("rsa pss", RSA.public_key(), lambda message: RSA.sign(message, PSS, hashes.SHA256())),
    ("rsa pkcs1", RSA.public_key(), lambda message: RSA.sign(message, padding.PKCS1v15(), hashes.SHA256())),
]


def pem(key: Public) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def stranger() -> TrustedKey:
    return trusted_key("stranger.pub", make_key()[1])


def read_with(envelope: Part, *keys: TrustedKey) -> Document:
    return read(json.dumps(envelope).encode(), trusted=keys)


def verification(document: Document) -> tuple[str, tuple[str, ...], list[str]]:
    assert document.envelope is not None
    return document.envelope.verification, document.envelope.verified_by, [one.code for one in document.warnings]


@pytest.mark.parametrize(("name", "key", "sign"), SCHEMES, ids=[name for name, _, _ in SCHEMES])
def test_a_trusted_key_of_every_kind_verifies(name: str, key: Public, sign: Sign) -> None:
    document = read_with(make_dsse(STATEMENT, ("any id", sign)), stranger(), trusted_key(name, pem(key)))
    assert verification(document) == ("verified", (name,), [])


@pytest.mark.parametrize(("name", "key", "sign"), SCHEMES, ids=[name for name, _, _ in SCHEMES])
def test_a_changed_payload_or_type_fails_aloud(name: str, key: Public, sign: Sign) -> None:
    envelope = make_dsse(STATEMENT, ("", sign))
    other = make_dsse(make_statement(make_sbom("pkg:npm/lodash@4.17.21")), ("", sign))
    for changed in (envelope | {"payload": other["payload"]}, envelope | {"payloadType": "text/plain"}):
        failed = verification(read_with(changed, trusted_key(name, pem(key))))
        assert failed == ("failed", (), ["signature-failed"])


def test_a_key_id_is_not_believed() -> None:
    sign, public = make_key()
    trusted = trusted_key("release.pub", public)
    forged = make_dsse(STATEMENT, ("release.pub", make_key()[0]))
    assert verification(read_with(forged, trusted))[0] == "failed"
    assert verification(read_with(make_dsse(STATEMENT, ("another", sign)), trusted))[0] == "verified"


def test_one_right_signature_of_several_is_enough_and_all_keys_are_named() -> None:
    (one, first), (two, second) = make_key(), make_key()
    envelope = make_dsse(STATEMENT, ("", make_key()[0]), ("", one), ("", two))
    keys = (trusted_key("a", first), stranger(), trusted_key("b", second))
    assert verification(read_with(envelope, *keys)) == ("verified", ("a", "b"), [])


def test_an_envelope_that_nobody_signed_fails_too() -> None:
    assert verification(read_with(make_dsse(STATEMENT), stranger())) == ("failed", (), ["signature-failed"])


def test_without_keys_nothing_is_verified() -> None:
    assert verification(read_with(make_dsse(STATEMENT, ("", make_key()[0])))) == ("unverified", (), [])


def test_a_bare_statement_has_no_signature_to_fail() -> None:
    assert verification(read_with(STATEMENT, stranger())) == ("unverified", (), [])


def test_the_outer_signature_counts_where_two_envelopes_lie_in_each_other() -> None:
    sign, public = make_key()
    trusted = trusted_key("release.pub", public)
    sbom = make_sbom("pkg:npm/lodash@4.17.20")
    outside = make_dsse(make_dsse(sbom, ("", make_key()[0])), ("", sign))
    inside = make_dsse(make_dsse(sbom, ("", sign)), ("", make_key()[0]))
    assert verification(read_with(outside, trusted))[0] == "verified"
    assert verification(read_with(inside, trusted))[0] == "failed"


WRONG: list[tuple[Callable[[], bytes], str]] = [
    (lambda: b"hello", "not a public key in PEM"),
    (lambda: P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "not a public key in PEM"),
    (lambda: pem(rsa.generate_private_key(65537, 1024).public_key()), "1024 bits"),  # noqa: S505
    (lambda: pem(ec.generate_private_key(ec.SECP521R1()).public_key()), "curve secp521r1"),
    (lambda: pem(dsa.generate_private_key(1024).public_key()), "not a key for ECDSA"),  # noqa: S505
]


@pytest.mark.parametrize(("make", "says"), WRONG)
def test_a_key_that_cannot_be_used_is_refused_by_name(make: Callable[[], bytes], says: str) -> None:
    with pytest.raises(Refused, match=f"release.pub .*{says}"):
        trusted_key("release.pub", make())

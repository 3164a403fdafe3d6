"""Who signed a Sigstore bundle: the identity that its certificate names, and who vouched for that identity.

Nothing here is proof: certificates are read, not verified against a root.
"""

import binascii
import re
from typing import Any

from cryptography import x509
from cryptography.hazmat import asn1

from service.sbom.bounded import LONGEST_NAME
from service.sbom.document import Signer
from service.sbom.oddities import Oddities
from service.sbom.texts import as_text

#: Fulcio's extensions (sigstore/fulcio, docs/oid-info.md): the OIDC issuer as DER text, and as bare bytes before that.
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_ISSUER_OF_OLD = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
#: A name of Fulcio's own, for identities that are neither mail address nor URI.
_USERNAME = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def signer_of(material: Any, oddities: Oddities) -> Signer:  # noqa: ANN401 - JSON
    """Read a bundle's ``verificationMaterial``: a certificate, a chain that begins with it, or a key's hint."""
    if not isinstance(material, dict):
        return Signer()
    key = material.get("publicKey")
    if isinstance(key, dict):
        return Signer(key_id=_clean(as_text(key.get("hint"))))
    raw = _leaf(material)
    if raw is None:
        return Signer()
    try:
        return _from_certificate(x509.load_der_x509_certificate(binascii.a2b_base64(raw)))
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        oddities.note("bad-certificate", "the envelope's certificate")
        return Signer()


def _leaf(material: dict[str, Any]) -> str | None:
    certificate = material.get("certificate")
    chain = material.get("x509CertificateChain")
    if isinstance(chain, dict) and isinstance(chain.get("certificates"), list):
        certificate = next(iter(chain["certificates"]), None)
    raw = certificate.get("rawBytes") if isinstance(certificate, dict) else None
    return raw if isinstance(raw, str) else None


def _from_certificate(certificate: x509.Certificate) -> Signer:
    return Signer(identity=_clean(_identity(certificate)), issuer=_clean(_issuer(certificate)))


def _identity(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return certificate.subject.rfc4514_string()
    for name in names:
        if isinstance(name, x509.UniformResourceIdentifier | x509.RFC822Name | x509.DNSName):
            return name.value
        if isinstance(name, x509.OtherName) and name.type_id == _USERNAME:
            return asn1.decode_der(str, name.value)
    return ""


def _issuer(certificate: x509.Certificate) -> str:
    found = {extension.oid: extension.value for extension in certificate.extensions}
    for oid in (_ISSUER, _ISSUER_OF_OLD):
        value = found.get(oid)
        if isinstance(value, x509.UnrecognizedExtension):
            return asn1.decode_der(str, value.value) if oid == _ISSUER else value.value.decode(errors="replace")
    return ""


def _clean(text: str) -> str:
    """Leave out what no database stores and no terminal should see."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)[:LONGEST_NAME]

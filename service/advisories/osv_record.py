"""Read one OSV record: JSON in, a typed record with its affected ranges out. Pure.

What the service acts on is typed strictly, since a range read wrongly is worse than a record listed as malformed;
everything else is taken as it comes. Text is cleaned of what PostgreSQL cannot hold (NUL, lone surrogates).
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from service.advisories.osv_schema import MalformedRecord, OsvAffected, instant, is_id
from service.advisories.ranges import AffectedPackage, Unevaluated, flatten
from service.advisories.severity import UNSCORED, Severity, most_severe, rate, rate_erratum

Kind = Literal["vulnerability", "malware", "informational"]

#: Largest record read; the largest published ones are below 3 MB.
MAX_RECORD_BYTES = 32 * 2**20

_SUMMARY_LENGTH = 300
_SUSPICIOUS = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MALICIOUS = "CWE-506"
#: Red Hat's errata, and those of whoever rebuilds them: security fixes begin their title with how severe they are;
#: the others fix bugs or add features, and are no flaw unless they name one.
_SECURITY_ERRATA = ("ALSA-", "RLSA-", "RXSA-", "RHSA-")
_OTHER_ERRATA = ("ALBA-", "ALEA-", "RLBA-", "RLEA-", "RHBA-", "RHEA-")


class _Document(msgspec.Struct, frozen=True):
    id: str
    modified: str
    published: str | None = None
    withdrawn: str | None = None
    aliases: list[str] | None = None
    upstream: list[str] | None = None
    related: list[str] | None = None
    summary: str | None = None
    details: str | None = None
    severity: Any = None
    affected: list[OsvAffected] | None = None
    database_specific: Any = None


@dataclass(frozen=True, slots=True)
class OsvRecord:
    """One advisory as published, and what we read from it.

    `packages`: what it affects, as intervals; `unevaluated`: what could not be made into some. `raw` is its JSON, with
    nothing in it that jsonb refuses.
    """

    osv_id: str
    modified: datetime
    published: datetime | None
    withdrawn_at: datetime | None
    kind: Kind
    summary: str
    severity: Severity
    aliases: tuple[str, ...]
    upstream: tuple[str, ...]
    related: tuple[str, ...]
    packages: tuple[AffectedPackage, ...]
    unevaluated: tuple[Unevaluated, ...]
    raw: bytes
    digest: bytes


_decoder = msgspec.json.Decoder(_Document)


def read_record(raw: bytes) -> OsvRecord:
    """Read the bytes of one record.

    Raises:
        MalformedRecord: It is no JSON, too large, or lacks what the service acts on in the form the schema gives it.
    """
    if len(raw) > MAX_RECORD_BYTES:
        raise MalformedRecord(f"the record is larger than {MAX_RECORD_BYTES} bytes")
    if _SUSPICIOUS.search(raw):
        raw = _cleaned(raw)
    try:
        document = _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedRecord(str(error)) from error
    if not is_id(document.id):
        raise MalformedRecord(f"{document.id[:80]!r} cannot be the id of an advisory")
    return _record(document, raw)


def _record(document: _Document, raw: bytes) -> OsvRecord:
    affected = tuple(document.affected or ())
    kind = _kind(document, affected)
    packages, unevaluated = flatten(affected, document.summary or "")
    return OsvRecord(
        osv_id=document.id,
        modified=instant(document.modified),
        published=instant(document.published) if document.published else None,
        withdrawn_at=instant(document.withdrawn) if document.withdrawn else None,
        kind=kind,
        summary=_summary(document),
        severity=_severity(document, affected, kind),
        aliases=names_in(document.aliases),
        upstream=names_in(document.upstream),
        related=names_in(document.related),
        packages=tuple(packages),
        unevaluated=tuple(unevaluated),
        raw=raw,
        digest=hashlib.sha256(raw).digest(),
    )


def names_in(listed: list[str] | None) -> tuple[str, ...]:
    """Clean a list of ids; what could not be the id of an advisory (a sentence, an address) is left out."""
    return tuple(dict.fromkeys(name for each in listed or () if is_id(name := each.strip())))


def _summary(document: _Document) -> str:
    for text in (document.summary, document.details):
        if text and (stripped := text.strip()):
            line = stripped.splitlines()[0].lstrip("# ")
            return line if len(line) <= _SUMMARY_LENGTH else line[: _SUMMARY_LENGTH - 1] + "…"
    return ""


def _kind(document: _Document, affected: tuple[OsvAffected, ...]) -> Kind:
    names = (document.id, *(document.aliases or ()))
    if any(name.startswith("MAL-") for name in names) or _malicious(document.database_specific):
        return "malware"
    if any(_malicious(entry.database_specific) for entry in affected):
        return "malware"
    # RustSec marks what is unmaintained, unsound or worth a notice; then every entry carries the mark.
    if affected and all(_informational(entry.database_specific) for entry in affected):
        return "informational"
    if document.id.startswith(_OTHER_ERRATA) and not (document.aliases or document.upstream or document.related):
        return "informational"
    return "vulnerability"


def _malicious(specific: object) -> bool:
    """Tell whether a record's own fields name CWE-506, embedded malicious code (GitHub's and Leitwacht's shapes).

    Leitwacht's packages that only prove that code would run are malicious code too, as OSV's own ids for them say.
    """
    if not isinstance(specific, dict):
        return False
    leitwacht = specific.get("leitwacht")
    if isinstance(leitwacht, dict) and leitwacht.get("category") in ("malware", "dependency_confusion", "research_poc"):
        return True
    for key in ("cwe_ids", "cwes"):
        for cwe in _each(specific.get(key)):
            if cwe == _MALICIOUS or (isinstance(cwe, dict) and cwe.get("cweId") == _MALICIOUS):
                return True
    return "malicious-packages-origins" in specific


def _informational(specific: object) -> bool:
    return isinstance(specific, dict) and bool(specific.get("informational"))


def _each(value: object) -> Iterator[object]:
    if isinstance(value, list):
        yield from value


def _severity(document: _Document, affected: tuple[OsvAffected, ...], kind: Kind) -> Severity:
    """Rate the record: packages rated by themselves count like the record as a whole, the most severe decides."""
    if kind == "malware":
        return Severity("critical", None, None, "kind")
    whole = rate(document.severity, document.database_specific, None)
    parts = [
        rating
        for entry in affected
        if entry.severity or entry.ecosystem_specific or entry.database_specific
        if (rating := rate(entry.severity, entry.database_specific, entry.ecosystem_specific)) is not UNSCORED
    ]
    said = [whole, *parts]
    if document.id.startswith(_SECURITY_ERRATA):
        said.append(rate_erratum(document.summary or ""))
    return most_severe([one for one in said if one.vector] or said)


def _cleaned(raw: bytes) -> bytes:
    """Write the document anew without NULs and lone surrogates, in values and in names."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedRecord(str(error)) from error
    return json.dumps(_clean(document), ensure_ascii=False, separators=(",", ":")).encode()


def _clean(value: object) -> object:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(each) for key, each in value.items()}
    return value

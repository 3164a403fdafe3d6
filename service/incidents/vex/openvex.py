"""OpenVEX 0.2.0, written and read. Pure.

Source: openvex/spec, OPENVEX-SPEC.md and openvex_json_schema.json. Its newest schema takes a justification or an impact
statement, never both; so reasons stand in ``status_notes``, which every version of it has.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from service.incidents.vex.fields import BadVex, Fields, bounded
from service.incidents.vex.statements import (
    FIVE,
    OUTSIDE,
    Binding,
    Claim,
    Claims,
    Format,
    Named,
    PartRange,
    Status,
    Telling,
    Told,
    justified,
    split_justification,
    with_justification,
)

CONTEXT = "https://openvex.dev/ns/v0.2.0"
_CONTEXTS = "https://openvex.dev/ns"


def write(telling: Telling) -> dict[str, Any]:
    """Write what we say; what was retracted is left out, which is how OpenVEX takes a statement back."""
    issue = telling.issue
    return {
        "@context": CONTEXT,
        "@id": issue.id,
        "author": telling.publisher.namespace,
        "role": f"{telling.publisher.name}, product vendor",
        "timestamp": issue.dates[0].isoformat(),
        "last_updated": issue.dates[-1].isoformat(),
        "version": issue.version,
        "tooling": f"muster {telling.tool_version}",
        "statements": [_statement(told, issue.id) for told in telling.statements if told.status != Status.RETRACTED],
    }


def _statement(told: Told, document: str) -> dict[str, Any]:
    main, *aliases = told.names
    vulnerability: dict[str, Any] = {"name": main} | ({"aliases": aliases} if aliases else {})
    return {
        "@id": f"{document}#{told.exposure}",
        "vulnerability": vulnerability,
        "timestamp": told.since.isoformat(),
        "products": _products(told),
        **_said(told),
    }


def _said(told: Told) -> dict[str, str]:
    if told.status == Status.NOT_AFFECTED and told.justification == OUTSIDE:
        return {"status": "affected", "action_statement": with_justification(OUTSIDE, told.reason)}
    if told.status == Status.NOT_AFFECTED:
        notes = with_justification(told.justification, told.reason)
        return {"status": "not_affected", "justification": FIVE[told.justification], "status_notes": notes}
    if told.status == Status.AFFECTED:
        return {"status": "affected", "action_statement": told.reason}
    return {"status": told.status.value} | ({"status_notes": told.reason} if told.reason else {})


def _products(told: Told) -> list[dict[str, Any]]:
    """Name every version of the product with its components, the exact ones first, then the versions meant."""
    products: dict[str, list[str]] = {}
    for product, part in told.places:
        parts = products.setdefault(product.purl, [])
        if part.purl not in parts:
            parts.append(part.purl)
    ranges = [_ranged(one) for one in told.ranges]
    return [
        _component(purl) | {"subcomponents": [_component(part) for part in (*parts, *ranges)]}
        for purl, parts in products.items()
    ]


def _component(purl: str) -> dict[str, Any]:
    return {"@id": purl, "identifiers": {"purl": purl}}


def _ranged(one: PartRange) -> str:
    """Say versions in a purl: the qualifier that the purl specification has for it, instead of a version."""
    sign = "&" if "?" in one.package else "?"
    return f"{one.package}{sign}vers={quote(one.versions, safe=':/*')}"


# --- read ----------------------------------------------------------------------------------------------------------


def is_openvex(document: dict[str, Any]) -> bool:
    """Tell whether a JSON object says that it is OpenVEX."""
    return str(document.get("@context", "")).startswith(_CONTEXTS)


def read(document: dict[str, Any]) -> Claims:
    """Read OpenVEX of any version, the oldest too, whose products and vulnerabilities were texts.

    Raises:
        BadVex: It lacks what it needs, or has something of another type.
        VexTooLarge: It binds too many components.
    """
    fields = Fields(document)
    issued = fields.instant("last_updated") or fields.instant("timestamp")
    author = fields.needed("author")
    claims = []
    count = 0
    for statement in fields.objects("statements"):
        claims.append(_claim(statement, issued))
        count += len(claims[-1].bindings)
        bounded(count)
    version = fields.value.get("version")
    number = version.strip() if isinstance(version, str) else fields.number("version")
    return Claims(Format.OPENVEX, fields.needed("@id"), author, number, issued, tuple(claims))


def _claim(statement: Fields, issued: datetime | None) -> Claim:
    status = _status(statement)
    notes, justification = statement.prose("status_notes"), None
    if status == Status.NOT_AFFECTED:
        impact = statement.prose("impact_statement")
        justification, reason = justified(statement.text("justification"), notes or impact)
    elif status == Status.AFFECTED:
        justification, reason = split_justification(statement.prose("action_statement") or notes)
        if justification == OUTSIDE:
            status = Status.NOT_AFFECTED
    else:
        reason = notes
    return Claim(
        place=statement.place,
        names=_names(statement),
        status=status,
        justification=justification if status == Status.NOT_AFFECTED else None,
        reason=reason,
        at=statement.instant("last_updated") or statement.instant("timestamp") or issued,
        bindings=tuple(_bindings(statement)),
    )


def _status(statement: Fields) -> Status:
    said = statement.needed("status")
    if said not in ("not_affected", "affected", "fixed", "under_investigation"):
        raise BadVex(f"{statement.place}/status is none of OpenVEX: {said[:40]}.")
    return Status(said)


def _names(statement: Fields) -> tuple[str, ...]:
    if isinstance(statement.value.get("vulnerability"), str):
        return (statement.needed("vulnerability"),)
    vulnerability = statement.object("vulnerability")
    names = (vulnerability.text("name") or vulnerability.text("@id"), *vulnerability.texts("aliases"))
    found = tuple(dict.fromkeys(name for name in names if name))
    if not found:
        raise BadVex(f"{statement.place}/vulnerability/name is missing.")
    return found


def _bindings(statement: Fields) -> Iterator[Binding]:
    common = list(_named_in(statement, "subcomponents"))
    for number, value in enumerate(statement.items("products")):
        product = _named(value, f"{statement.place}/products/{number}")
        own = list(_named_in(Fields(value), "subcomponents")) if isinstance(value, dict) else []
        parts = own or common
        for part in parts:
            yield _bound(product, part)
        if not parts:
            yield _bound(product, None)


def _bound(product: Named, part: Named | None) -> Binding:
    if part is None:
        return Binding(product, None)
    bare, versions = _versions_in(part.purl)
    return Binding(product, Named(part.id, bare, part.name, part.version), versions)


def _versions_in(purl: str) -> tuple[str, str]:
    """Take the qualifier ``vers`` out of a purl."""
    head, _, rest = purl.partition("?")
    qualifiers, sharp, subpath = rest.partition("#")
    pairs = qualifiers.split("&") if qualifiers else []
    versions = next((unquote(pair[5:]) for pair in pairs if pair.startswith("vers=")), "")
    kept = "&".join(pair for pair in pairs if not pair.startswith("vers="))
    return head + (f"?{kept}" if kept else "") + sharp + subpath, versions


def _named_in(fields: Fields, key: str) -> Iterator[Named]:
    for number, value in enumerate(fields.items(key)):
        yield _named(value, f"{fields.place}/{key}/{number}")


def _named(value: Any, place: str) -> Named:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return Named(id=value.strip(), purl=value.strip() if value.strip().startswith("pkg:") else "")
    fields = Fields(value, place)
    id_ = fields.text("@id")
    purl = fields.object("identifiers").text("purl") or (id_ if id_.startswith("pkg:") else "")
    return Named(id=id_, purl=purl)

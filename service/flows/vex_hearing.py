"""A VEX document comes in: read, weighed by whom it is from, carried out, kept with what became of each statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from service.access import audit
from service.access.roles import Actor
from service.db import WriteSession
from service.flows.traffic import in_transaction
from service.incidents.representing import exposure_name
from service.incidents.vex.binding import Reason, Unbound
from service.incidents.vex.judging import judge
from service.incidents.vex.reading import Received, read_vex
from service.incidents.vex.statements import Claim
from service.incidents.vex_candidates import known_under
from service.incidents.vex_documents import document_id_of, keep, newer_than
from service.incidents.vex_importing import Done, Speaker, carry_out
from service.incidents.vex_models import VexDocument
from service.incidents.vex_sources import is_word_of_one, source_of, trust_in
from service.sbom.signatures import TrustedKey

#: Of what is left of one statement, so much is told one by one.
_MOST_LEFT = 100


@dataclass(frozen=True)
class Heard:
    """What came of a document: one result for each of its statements, in their order.

    `row_id` is None after a dry run.
    """

    row_id: int | None
    received: Received
    document_id: str
    results: list[dict[str, object]]


def hear(
    engine: Engine,
    data: bytes,
    *,
    trusted: Sequence[TrustedKey],
    base: str,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
) -> Heard:
    """Take in a VEX document of any format.

    Args:
        engine: The database.
        data: Its bytes, unpacked.
        trusted: Whose signatures are believed.
        base: The address of this service, by which our own documents name products.
        actor: Who brings it; not who says it.
        now: Aware UTC.
        dry_run: Only say what would come of it.

    Raises:
        BadVex: It cannot be read.
        VexTooLarge: It says too much.
    """
    received = read_vex(data, trusted)
    act = partial(_hear, data=data, received=received, base=base, actor=actor, now=now)
    return in_transaction(engine, partial(_rehearse, act=act) if dry_run else act)


def _rehearse(session: WriteSession, *, act: partial[Heard]) -> Heard:
    """Do it all, and take it back."""
    savepoint = session.begin_nested()
    heard = act(session)
    savepoint.rollback()
    return Heard(None, heard.received, heard.document_id, heard.results)


def _hear(session: WriteSession, *, data: bytes, received: Received, base: str, actor: Actor, now: datetime) -> Heard:
    claims = received.claims
    document_id = document_id_of(received, data)
    source = source_of(session, claims.author)
    row = keep(session, data, received, actor=actor.name, now=now)
    whole = _refused(session, received, document_id, signed=source.signed if source else None)
    if whole is not None or source is None:
        results = [_result(claim, {}, [whole] if whole else []) for claim in claims.claims]
    else:
        names = {name for claim in claims.claims for name in claim.names}
        known = known_under(session, names, base=base, known_as=source.known_as)
        judged = judge(claims.claims, known, trust_in(source))
        speaker = Speaker(claims.author, document_id, claims.version, row.id, alone=is_word_of_one(source, actor))
        done = carry_out(session, judged.wishes, speaker, actor=actor, now=now)
        by_claim = _by_claim(done, {id_: wish.claims for id_, wish in judged.wishes.items()})
        results = [
            _result(claim, by_claim.get(number, {}), list(judged.left.get(number, ())))
            for number, claim in enumerate(claims.claims)
        ]
    _write_down(session, row.id, results, heard=whole is None and source is not None)
    detail = {"author": claims.author, "document": document_id, "version": claims.version, **_counts(results)}
    audit.record(session, actor, "vex.import", f"vex document {row.id}", detail, now=now)
    return Heard(row.id, received, document_id, results)


def _refused(session: WriteSession, received: Received, document_id: str, *, signed: bool | None) -> Unbound | None:
    """Say why a document as a whole is not acted on."""
    author = received.claims.author
    if signed is None:
        said = f"{author[:200]} is no trusted source" if author else "The document names no author"
        return Unbound(Reason.UNTRUSTED, f"{said}; PUT /v1/vex-sources says whom to believe.")
    if signed and not received.signed_by:
        return Unbound(Reason.UNSIGNED, f"{author[:200]} is believed only where a trusted key signed it.")
    newer = newer_than(session, received, document_id)
    if newer is not None:
        return Unbound(Reason.OLDER, f"Version {newer.version} of it is known already.")
    return None


def _write_down(session: WriteSession, row_id: int, results: list[dict[str, object]], *, heard: bool) -> None:
    row = session.get_one(VexDocument, row_id)
    if heard and (not row.heard or any(one["outcome"] in ("applied", "noted") for one in results)):
        row.heard, row.result = True, results
    elif not row.result:
        row.result = results


def _by_claim(done: Mapping[int, Done], claims: Mapping[int, tuple[int, ...]]) -> dict[int, dict[int, Done]]:
    found: dict[int, dict[int, Done]] = {}
    for exposure_id, one in done.items():
        for number in claims[exposure_id]:
            found.setdefault(number, {})[exposure_id] = one
    return found


def _result(claim: Claim, done: Mapping[int, Done], left: Sequence[Unbound]) -> dict[str, object]:
    outcomes = {one.outcome for one in done.values()}
    outcome = next((one for one in ("applied", "noted") if one in outcomes), "ignored")
    return {
        "statement": claim.place,
        "vulnerability": claim.names[0],
        "status": claim.status.value,
        "outcome": outcome,
        "exposures": [
            {
                "exposure": exposure_name(id_),
                "outcome": one.outcome,
                "status": one.status,
                "reason": one.why.reason.value if one.why else None,
                "detail": one.why.detail if one.why else None,
            }
            for id_, one in sorted(done.items())
        ],
        "ignored": [{"reason": one.reason.value, "detail": one.detail} for one in left[:_MOST_LEFT]],
        "ignored_count": len(left),
    }


def _counts(results: Iterable[Mapping[str, object]]) -> dict[str, int]:
    counts = {"applied": 0, "noted": 0, "ignored": 0}
    for one in results:
        counts[str(one["outcome"])] += 1
    return counts

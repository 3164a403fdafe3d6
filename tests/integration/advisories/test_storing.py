"""Records into tables: what is kept, what is replaced, what is taken back."""

from datetime import UTC, datetime

import pytest
from osv_bucket import Record, make_affected, make_record, to_bytes
from sqlalchemy import event, func, select, update

from service.advisories.models import Advisory, Affected, Feed, FeedAdvisory
from service.advisories.osv_record import read_record
from service.advisories.ranges import END
from service.advisories.storing import Stored, retract, store
from service.db import WriteSession
from service.inventory.catalogue_models import OsvPackage

NOON = datetime(2024, 4, 1, 12, tzinfo=UTC)
LODASH = make_record("GHSA-2222-3333-4444", "npm/lodash", "introduced 0", "fixed 4.17.21", summary="Lodash is wrong")
LATER = "2024-05-01T12:00:00Z"


def put(session: WriteSession, *records: Record) -> Stored:
    return store(session, [read_record(to_bytes(record)) for record in records])


def advisory(session: WriteSession, osv_id: str = LODASH["id"]) -> Advisory:
    session.expire_all()
    return session.scalars(select(Advisory).where(Advisory.osv_id == osv_id)).one()


def fixes(session: WriteSession, osv_id: str = LODASH["id"]) -> list[str]:
    statement = select(Affected.fixed).join(Advisory, Advisory.id == Affected.advisory_id)
    return sorted(session.scalars(statement.where(Advisory.osv_id == osv_id)))


def settle(session: WriteSession) -> None:
    session.execute(update(Advisory).values(settled=True))


def test_a_record_is_stored_with_its_ranges(session: WriteSession) -> None:
    stored = put(session, LODASH)

    kept = advisory(session)
    assert stored.changed == (kept.id,)
    assert kept.record == LODASH
    assert (kept.source, kept.kind, kept.severity, kept.settled) == ("osv", "vulnerability", "unscored", False)
    row = session.execute(
        select(OsvPackage.ecosystem, OsvPackage.name, Affected.lo_version, Affected.fixed, Affected.rule).join(
            OsvPackage, OsvPackage.id == Affected.osv_package_id
        )
    ).one()
    assert tuple(row) == ("npm", "lodash", "", "4.17.21", "range")


def test_a_release_of_a_distribution_leads_to_the_bare_distribution(session: WriteSession) -> None:
    put(session, make_record("DSA-1-1", "Debian:12/xz-utils", "introduced 0"))

    affected = session.scalars(select(Affected)).one()
    base = session.get_one(OsvPackage, affected.base_package_id)
    assert (base.ecosystem, base.name) == ("Debian", "xz-utils")
    assert affected.hi == END


def test_an_unchanged_record_is_left_alone(session: WriteSession) -> None:
    put(session, LODASH)
    settle(session)

    stored = put(session, LODASH)

    assert (stored.changed, stored.unchanged) == ((), 1)
    assert advisory(session).settled


def test_a_changed_record_replaces_its_ranges_and_is_to_be_settled_anew(session: WriteSession) -> None:
    put(session, LODASH)
    settle(session)

    put(session, make_record(LODASH["id"], "npm/lodash", "introduced 0", "fixed 4.17.22", modified=LATER))

    assert fixes(session) == ["4.17.22"]
    assert not advisory(session).settled
    assert advisory(session).modified == datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_a_stale_copy_from_another_folder_changes_nothing(session: WriteSession) -> None:
    put(session, LODASH | {"modified": LATER})

    stale = make_record(LODASH["id"], "npm/lodash", "introduced 0", "fixed 1.0.0")
    assert put(session, stale).changed == ()
    assert fixes(session) == ["4.17.21"]


def test_of_two_copies_in_one_batch_the_newest_wins(session: WriteSession) -> None:
    stale = make_record(LODASH["id"], "npm/lodash", "introduced 0", "fixed 1.0.0")

    put(session, LODASH | {"modified": LATER}, stale)

    assert fixes(session) == ["4.17.21"]


def test_a_withdrawn_record_keeps_its_text_and_loses_its_ranges(session: WriteSession) -> None:
    put(session, LODASH)

    stored = put(session, LODASH | {"withdrawn": LATER, "modified": LATER})

    kept = advisory(session)
    assert stored.changed == (kept.id,)
    assert kept.withdrawn_at == datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert kept.summary == "Lodash is wrong"
    assert fixes(session) == []


def test_a_record_that_comes_back_has_its_ranges_again(session: WriteSession) -> None:
    put(session, LODASH)
    put(session, LODASH | {"withdrawn": LATER, "modified": LATER})

    put(session, LODASH | {"modified": "2024-06-01T00:00:00Z"})

    assert advisory(session).withdrawn_at is None
    assert fixes(session) == ["4.17.21"]


def test_a_record_that_no_feed_carries_is_retracted_and_comes_back_unchanged(session: WriteSession) -> None:
    put(session, LODASH)
    settle(session)

    stored = retract(session, [LODASH["id"], "GHSA-unheard-of"], now=NOON)

    kept = advisory(session)
    assert stored.changed == (kept.id,)
    assert (kept.withdrawn_at, kept.settled, kept.record) == (NOON, False, LODASH)
    assert fixes(session) == []
    assert put(session, LODASH).changed == (kept.id,)
    assert fixes(session) == ["4.17.21"]


def test_a_record_that_another_folder_still_carries_is_not_retracted(session: WriteSession) -> None:
    put(session, LODASH)
    feed = Feed(url="http://feed.example", ecosystem="GIT")
    session.add(feed)
    session.flush()
    session.add(FeedAdvisory(feed_id=feed.id, osv_id=LODASH["id"], modified=NOON))
    session.flush()

    assert retract(session, [LODASH["id"]], now=NOON).changed == ()
    assert fixes(session) == ["4.17.21"]


def test_a_feed_does_not_replace_our_own_advisory(session: WriteSession) -> None:
    store(session, [read_record(to_bytes(LODASH))], source="own")

    put(session, make_record(LODASH["id"], "npm/lodash", "introduced 0", modified=LATER))

    assert fixes(session) == ["4.17.21"]
    assert retract(session, [LODASH["id"]], now=NOON).changed == ()


def test_what_could_not_be_evaluated_is_listed(session: WriteSession) -> None:
    put(session, make_record("BREW-1", "Homebrew/xz", "introduced 5.6.0", "fixed 5.6.2"))

    assert advisory(session, "BREW-1").unevaluated == [
        {"package": "Homebrew/xz", "reason": "no-ordering", "detail": "Homebrew"}
    ]


def test_entries_that_say_the_same_twice_count_once(session: WriteSession) -> None:
    record = make_record("GHSA-1", "npm/lodash", "introduced 0")
    record["affected"] += [make_affected("npm/lodash", "introduced 0")]

    put(session, record)

    assert session.scalar(select(func.count()).select_from(Affected)) == 1


def test_keys_of_an_older_version_are_rebuilt(session: WriteSession) -> None:
    put(session, LODASH)
    session.execute(update(Advisory).values(key_version=0))

    assert len(put(session, LODASH).changed) == 1


@pytest.mark.parametrize("count", [1, 50])
def test_any_number_of_records_costs_the_same_statements(session: WriteSession, count: int) -> None:
    records = [
        make_record(f"GHSA-{n}", f"npm/p{n}", "introduced 0", aliases=[f"CVE-2024-{n:04}"]) for n in range(count)
    ]
    put(session, *records)
    changed = [record | {"modified": LATER, "summary": "changed"} for record in records]
    statements: list[str] = []

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    put(session, *changed)

    assert len(statements) <= 13


def test_hostile_texts_are_stored_as_they_are_or_as_near_as_can_be(session: WriteSession) -> None:
    text = "a\tb\nc\\d\\N'\"\x00\ud800\x7f😀"
    long = "".join(chr(0x1F300 + n * 7919 % 500) for n in range(250))
    record = make_record(
        "GHSA-1",
        f"OSS-Fuzz/{text}",
        versions=[text, long, long * 100],
        summary=text,
        details=long * 1_000,
        aliases=[long, "CVE-2024-1111"],
    )
    record["affected"] += [
        make_affected(f"OSS-Fuzz/{long}", versions=[long]),
        make_affected("OSS-Fuzz/\\.", versions=["1"]),
    ]

    put(session, record)

    kept = "a\tb\nc\\d\\N'\"��\x7f😀"
    assert set(session.scalars(select(OsvPackage.name))) == {kept, long, "\\."}
    assert set(session.scalars(select(Affected.exact_version))) == {kept, long, "1"}
    assert advisory(session, "GHSA-1").summary == "a\tb"

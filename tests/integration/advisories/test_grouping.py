"""Which advisories make one vulnerability."""

from datetime import UTC, datetime

from osv_bucket import Record, make_record, to_bytes
from sqlalchemy import select

from service.advisories.models import Advisory, Vulnerability, VulnerabilityAdvisory, VulnerabilityAlias
from service.advisories.osv_record import read_record
from service.advisories.storing import Stored, retract, store
from service.db import WriteSession

CVE = "CVE-2024-3094"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
#: The shapes in which five databases publish the xz backdoor.
XZ = [
    make_record("DEBIAN-CVE-2024-3094", "Debian:13/xz-utils", "introduced 5.6.0", upstream=[CVE]),
    make_record("ALPINE-CVE-2024-3094", "Alpine:edge/xz", "introduced 5.6.0", "fixed 5.6.1-r2", upstream=[CVE]),
    make_record("GHSA-rxwq-x6h5-x525", "Debian:13/xz", "introduced 5.6.0", aliases=[CVE]),
    make_record("BELL-CVE-2024-3094", "Alpaquita:23/xz", "introduced 5.2.8-r0", upstream=[CVE]),
    make_record("JLSEC-2026-62", "Julia/XZ_jll", "introduced 5.6.0+0", "fixed 5.6.3+0", upstream=[CVE]),
]


def put(session: WriteSession, *records: Record) -> Stored:
    return store(session, [read_record(to_bytes(record)) for record in records])


def groups(session: WriteSession) -> dict[str, dict[str, str]]:
    """Give each living vulnerability's advisories: name → id → relation."""
    rows = session.execute(
        select(Vulnerability.name, Advisory.osv_id, VulnerabilityAdvisory.relation)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.vulnerability_id == Vulnerability.id)
        .join(Advisory, Advisory.id == VulnerabilityAdvisory.advisory_id)
        .where(Vulnerability.merged_into_id.is_(None))
    )
    found: dict[str, dict[str, str]] = {}
    for name, osv_id, relation in rows:
        found.setdefault(name, {})[osv_id] = relation
    return found


def aliases(session: WriteSession, name: str) -> set[str]:
    statement = select(VulnerabilityAlias.alias).join(
        Vulnerability, Vulnerability.id == VulnerabilityAlias.vulnerability_id
    )
    return set(session.scalars(statement.where(Vulnerability.name == name)))


def test_the_five_records_of_the_xz_backdoor_are_one_vulnerability(session: WriteSession) -> None:
    put(session, *XZ)

    assert groups(session) == {
        CVE: {
            "GHSA-rxwq-x6h5-x525": "alias",
            "DEBIAN-CVE-2024-3094": "evidence",
            "ALPINE-CVE-2024-3094": "evidence",
            "BELL-CVE-2024-3094": "evidence",
            "JLSEC-2026-62": "evidence",
        }
    }


def test_they_are_so_in_whatever_order_they_come(session: WriteSession) -> None:
    for record in reversed(XZ):
        put(session, record)

    assert list(groups(session)) == [CVE]
    assert aliases(session, CVE) == {CVE, "GHSA-rxwq-x6h5-x525"}


def test_evidence_is_many_to_many_and_joins_nothing(session: WriteSession) -> None:
    first, second = "CVE-2024-1111", "CVE-2024-2222"

    put(session, make_record("DSA-1-1", upstream=[first, second]), make_record("DSA-2-1", upstream=[second]))

    assert groups(session) == {
        first: {"DSA-1-1": "evidence"},
        second: {"DSA-1-1": "evidence", "DSA-2-1": "evidence"},
    }


def test_a_later_record_joins_two_groups_and_the_oldest_survives(session: WriteSession) -> None:
    put(session, make_record("GHSA-2222-2222-2222"), make_record("RUSTSEC-2024-0001"))
    put(session, make_record("DSA-1-1", upstream=["CVE-2024-1111"]))
    before = {row.name: row.id for row in session.scalars(select(Vulnerability))}

    merged = put(
        session,
        make_record("PYSEC-2024-1", aliases=["GHSA-2222-2222-2222", "RUSTSEC-2024-0001", "CVE-2024-1111"]),
    ).merged

    survivor = min(before.values())
    assert sorted(merged) == sorted((loser, survivor) for loser in before.values() if loser != survivor)
    assert groups(session) == {
        "CVE-2024-1111": {
            "GHSA-2222-2222-2222": "alias",
            "RUSTSEC-2024-0001": "alias",
            "PYSEC-2024-1": "alias",
            "DSA-1-1": "evidence",
        }
    }


def test_who_was_merged_earlier_follows_to_the_last_survivor(session: WriteSession) -> None:
    put(session, make_record("A-1"), make_record("B-1"), make_record("C-1"))
    put(session, make_record("D-1", aliases=["B-1", "C-1"]))
    put(session, make_record("E-1", aliases=["A-1", "D-1"]))

    session.expire_all()
    living = session.scalars(select(Vulnerability).where(Vulnerability.merged_into_id.is_(None))).one()
    merged = session.scalars(select(Vulnerability).where(Vulnerability.merged_into_id.is_not(None))).all()
    assert {row.merged_into_id for row in merged} == {living.id}
    assert len(merged) == 2
    assert aliases(session, living.name) == {"A-1", "B-1", "C-1", "D-1", "E-1"}


def test_an_advisory_of_two_groups_that_merge_is_linked_once_as_their_own(session: WriteSession) -> None:
    put(session, make_record("ECHO-1", aliases=["CVE-2024-1111"], upstream=["CVE-2024-2222"]))
    put(session, make_record("GHSA-2222-2222-2222", aliases=["CVE-2024-1111", "CVE-2024-2222"]))

    assert groups(session) == {"CVE-2024-1111": {"ECHO-1": "alias", "GHSA-2222-2222-2222": "alias"}}


def test_what_a_record_no_longer_passes_on_is_unlinked(session: WriteSession) -> None:
    put(session, make_record("DSA-1-1", upstream=["CVE-2024-1111", "CVE-2024-2222"]))

    put(session, make_record("DSA-1-1", upstream=["CVE-2024-2222"], modified="2024-05-01T00:00:00Z"))

    assert groups(session) == {"CVE-2024-2222": {"DSA-1-1": "evidence"}}


def test_a_group_takes_the_best_name_it_comes_by(session: WriteSession) -> None:
    put(session, make_record("RUSTSEC-2024-0001"))
    assert list(groups(session)) == ["RUSTSEC-2024-0001"]

    put(session, make_record("GHSA-2222-2222-2222", aliases=["RUSTSEC-2024-0001"]))
    assert list(groups(session)) == ["GHSA-2222-2222-2222"]

    put(session, make_record("PYSEC-2024-1", aliases=["GHSA-2222-2222-2222", "CVE-2024-1111"]))
    assert list(groups(session)) == ["CVE-2024-1111"]


def test_a_record_that_was_withdrawn_before_we_saw_it_joins_nothing(session: WriteSession) -> None:
    put(
        session,
        make_record(
            "GHSA-2222-2222-2222", aliases=["CVE-2024-1111", "CVE-2024-2222"], withdrawn="2024-04-02T00:00:00Z"
        ),
    )

    assert groups(session) == {}


def ids(session: WriteSession) -> dict[str, int]:
    session.expire_all()
    return {
        row.name: row.id for row in session.scalars(select(Vulnerability).where(Vulnerability.merged_into_id.is_(None)))
    }


ONE, TWO = "CVE-2024-1111", "CVE-2024-2222"
LATER, LATER_STILL = "2024-05-01T00:00:00Z", "2024-06-01T00:00:00Z"
FIRST, SECOND = make_record("GHSA-2222-2222-2222", aliases=[ONE]), make_record("GHSA-3333-3333-3333", aliases=[TWO])
BRIDGE = make_record("RUSTSEC-2024-0001", aliases=[ONE, TWO])


def test_a_claim_that_is_taken_back_parts_what_nothing_else_joins(session: WriteSession) -> None:
    put(session, FIRST, SECOND, BRIDGE)
    before = ids(session)

    split = put(session, BRIDGE | {"aliases": [ONE], "modified": LATER}).split

    assert groups(session) == {
        ONE: {FIRST["id"]: "alias", BRIDGE["id"]: "alias"},
        TWO: {SECOND["id"]: "alias"},
    }
    after = ids(session)
    assert after[ONE] == before[ONE]
    assert split == ((after[ONE], after[TWO]),)
    parted = session.get_one(Vulnerability, after[TWO])
    assert (parted.split_from_id, parted.settled) == (after[ONE], False)


def test_what_something_else_still_joins_stays_together(session: WriteSession) -> None:
    put(session, FIRST, SECOND, BRIDGE, make_record("PYSEC-2024-1", aliases=[ONE, TWO]))

    assert put(session, BRIDGE | {"aliases": [ONE], "modified": LATER}).split == ()
    assert aliases(session, ONE) == {ONE, TWO, FIRST["id"], SECOND["id"], BRIDGE["id"], "PYSEC-2024-1"}


def test_a_withdrawn_record_joins_no_longer(session: WriteSession) -> None:
    put(session, FIRST, SECOND, BRIDGE)

    put(session, BRIDGE | {"withdrawn": LATER, "modified": LATER})

    assert (aliases(session, ONE), aliases(session, TWO)) == ({ONE, FIRST["id"]}, {TWO, SECOND["id"]})


def test_a_record_that_vanished_joins_no_longer_and_joins_again_when_it_is_back(session: WriteSession) -> None:
    put(session, FIRST, SECOND, BRIDGE)
    before = ids(session)

    [split] = retract(session, [BRIDGE["id"]], now=NOON).split
    assert ids(session) == before | {TWO: split[1]}

    assert put(session, BRIDGE).merged == ((split[1], split[0]),)
    assert ids(session) == before


def test_a_group_of_which_nobody_speaks_keeps_its_names_and_is_found_again(session: WriteSession) -> None:
    put(session, FIRST)
    before = ids(session)

    put(session, FIRST | {"withdrawn": LATER, "modified": LATER})
    assert aliases(session, ONE) == {ONE, FIRST["id"]}

    put(session, FIRST | {"modified": LATER_STILL})
    assert ids(session) == before
    assert groups(session) == {ONE: {FIRST["id"]: "alias"}}


def test_names_that_only_a_withdrawn_record_joined_are_free(session: WriteSession) -> None:
    put(session, BRIDGE)
    put(session, BRIDGE | {"withdrawn": LATER, "modified": LATER})

    put(session, FIRST, SECOND)

    assert (aliases(session, ONE), aliases(session, TWO)) == ({ONE, FIRST["id"]}, {TWO, SECOND["id"]})


def test_the_part_with_the_best_name_goes_on_where_nobody_speaks_of_the_groups_own(session: WriteSession) -> None:
    put(session, make_record("RUSTSEC-2024-0001", aliases=[ONE]))
    before = ids(session)

    put(session, make_record("RUSTSEC-2024-0001", modified=LATER))

    assert ids(session) == {"RUSTSEC-2024-0001": before[ONE]}
    assert aliases(session, "RUSTSEC-2024-0001") == {"RUSTSEC-2024-0001"}


def test_evidence_goes_with_the_part_that_it_speaks_of(session: WriteSession) -> None:
    put(session, make_record("DSA-1-1", upstream=[ONE]), make_record("DSA-2-1", upstream=[TWO]), BRIDGE)

    put(session, BRIDGE | {"aliases": [TWO], "modified": LATER})

    assert groups(session) == {ONE: {"DSA-1-1": "evidence"}, TWO: {"DSA-2-1": "evidence", BRIDGE["id"]: "alias"}}


def test_a_part_may_join_another_vulnerability(session: WriteSession) -> None:
    put(session, make_record("A-1", aliases=["OTHER-1"]))
    put(session, FIRST, SECOND, BRIDGE)
    before = ids(session)

    stored = put(
        session,
        BRIDGE | {"aliases": [ONE], "modified": LATER},
        make_record("A-1", aliases=["OTHER-1", TWO], modified=LATER),
    )

    assert (stored.merged, stored.split) == ((), ())
    assert ids(session) == {ONE: before[ONE], TWO: before["A-1"]}
    assert not session.get_one(Vulnerability, before["A-1"]).settled


def test_bundles_never_join_and_a_record_of_one_flaw_under_two_cves_does(session: WriteSession) -> None:
    put(session, make_record("DSA-1-1", aliases=[ONE, TWO]), make_record("USN-1-1", related=[ONE, TWO]))
    assert ids(session).keys() == {ONE, TWO}

    put(session, make_record("GHSA-2222-2222-2222", aliases=[ONE, TWO]))
    assert ids(session).keys() == {ONE}

"""What is known of packages that no SBOM lists: the answer is what a match would say."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from asked_and_matched import disagreements
from factories import make_user
from osv_bucket import Record, make_record, to_bytes
from sqlalchemy import event, select

from service.advisories.asking import Hit, asked_for, matches_of
from service.advisories.matching import match_advisories
from service.advisories.models import Advisory, Match
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.db import ReadSession, WriteSession
from service.inventory.catalogue_models import OsvPackage
from service.purls import identify

RECORDS = (
    make_record("GHSA-range", "npm/lodash", "introduced 0", "fixed 4.17.21"),
    make_record("GHSA-listed", "npm/lodash", versions=["4.17.20", "not a version"]),
    make_record("MAL-all", "npm/lodash", "introduced 0"),
    make_record("DSA-13", "Debian:13/xz-utils", "introduced 5.6.0-1", "fixed 5.6.1+really5.4.5-1"),
    make_record("DSA-12", "Debian:12/xz-utils", "introduced 0", "fixed 5.6.2-1"),
    make_record("BARE", "Debian/xz-utils", "introduced 0", "last_affected 5.6.1-1"),
    make_record("BARE-only", "Debian/curl", "introduced 0"),
    make_record("ALPINE", "Alpine:v3.19/xz", "introduced 0", "fixed 5.6.1-r2"),
    # Maven's order has cycles: these keys are flagged, and the comparator decides.
    make_record("MAVEN-flagged", "Maven/org.example:app", "introduced 1-alpha", "fixed 1.sp.1"),
    make_record("MAVEN", "Maven/org.example:app", "introduced 0", "fixed 2.0"),
    make_record("BREW", "Homebrew/jq", versions=["1.7.1"]),
    make_record("PYPI", "PyPI/Zope.Interface", "introduced 0", "last_affected 5.0"),
)
PURLS = (
    "pkg:npm/lodash@4.17.20",
    "pkg:npm/lodash@4.17.21",
    "pkg:npm/lodash@not%20a%20version",
    "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils&distro=debian-13",
    "pkg:deb/debian/liblzma5@5.6.1-1%2Bb1?upstream=xz-utils%405.6.1-1&distro=debian-12",
    "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils",
    "pkg:deb/debian/curl@8.5.0-1?distro=debian-13",
    "pkg:apk/alpine/xz-libs@5.6.1-r1?upstream=xz&distro=alpine-3.19.1",
    "pkg:apk/alpine/xz-libs@5.6.1-r1?upstream=xz",
    "pkg:apk/alpine/xz-libs@5.6.1?upstream=xz&distro=alpine-3.19.1",
    "pkg:maven/org.example/app@1",
    "pkg:maven/org.example/app@1-alpha",
    "pkg:maven/org.example/app@1.sp.1",
    "pkg:maven/org.example/app@2.0",
    "pkg:brew/jq@1.7.1",
    "pkg:pypi/zope-interface@5.0",
    "pkg:generic/xz@5.6.1",
)


@pytest.fixture
def known(session: WriteSession) -> WriteSession:
    """Know the records, and give the session."""
    put(session, *RECORDS)
    return session


def put(session: WriteSession, *records: Record) -> list[int]:
    return list(store(session, [read_record(to_bytes(record)) for record in records]).changed)


def ask(session: ReadSession, *purls: str) -> list[list[Hit]]:
    return matches_of(session, [identify(purl=purl, name="", version="").coordinates for purl in purls])


def named(session: ReadSession, hits: Iterable[Hit]) -> dict[str, str]:
    names = dict(session.execute(select(Advisory.id, Advisory.osv_id)).all())
    return {names[hit.advisory_id]: hit.certainty for hit in hits}


@contextmanager
def counted(session: WriteSession) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(*said: object) -> None:
        sent.append(str(said[2]))

    event.listen(session.connection(), "before_cursor_execute", note)
    yield sent
    event.remove(session.connection(), "before_cursor_execute", note)


def test_a_package_that_nobody_lists_is_judged(known: WriteSession) -> None:
    (hits,) = ask(known, "pkg:npm/lodash@4.17.20")

    assert named(known, hits) == {"GHSA-range": "certain", "GHSA-listed": "certain", "MAL-all": "possible"}
    fixed = next(hit for hit in hits if hit.fixed)
    assert (fixed.rule, fixed.lo_version, fixed.hi_version, fixed.fixed) == ("package:range", "", "4.17.21", "4.17.21")


def test_what_is_asked_by_osv_name_is_judged_in_its_release(known: WriteSession) -> None:
    questions = [asked_for(ecosystem, "xz-utils", "5.6.1-1") for ecosystem in ("Debian:13", "Debian:12", "Debian")]

    in_13, in_12, somewhere = matches_of(known, questions)

    assert named(known, in_13) == {"DSA-13": "certain", "BARE": "possible"}
    assert named(known, in_12) == {"DSA-12": "certain", "BARE": "possible"}
    assert named(known, somewhere) == {"DSA-13": "possible", "DSA-12": "possible", "BARE": "possible"}


def test_a_release_of_which_only_the_bare_distribution_is_known_is_judged(known: WriteSession) -> None:
    (hits,) = matches_of(known, [asked_for("Debian:13", "curl", "8.5.0-1")])

    assert named(known, hits) == {"BARE-only": "possible"}
    assert (
        known.scalar(select(OsvPackage.id).where(OsvPackage.ecosystem == "Debian:13", OsvPackage.name == "curl"))
        is None
    )


def test_names_are_compared_as_their_ecosystem_does(known: WriteSession) -> None:
    (hits,) = matches_of(known, [asked_for("PyPI", "zope_interface", "4.9")])

    assert named(known, hits) == {"PYPI": "certain"}


def test_answers_come_in_the_order_of_the_questions(known: WriteSession) -> None:
    clean, nothing, affected, same = matches_of(
        known,
        [
            asked_for("npm", "qs", "6.5.2"),
            (),
            asked_for("Homebrew", "jq", "1.7.1"),
            asked_for("Homebrew", "jq", "1.7.1"),
        ],
    )

    assert (clean, nothing) == ([], [])
    assert named(known, affected) == {"BREW": "certain"}
    assert same == affected


def test_withdrawn_advisories_are_no_answer(known: WriteSession) -> None:
    put(known, RECORDS[0] | {"withdrawn": "2024-05-01T12:00:00Z", "modified": "2024-05-01T12:00:00Z"})

    (hits,) = ask(known, "pkg:npm/lodash@4.17.19")

    assert named(known, hits) == {"MAL-all": "possible"}


def test_asking_says_what_matching_does(known: WriteSession) -> None:
    make_user(known, "shop", *PURLS)
    match_advisories(known, sorted(known.scalars(select(Advisory.id))))

    assert disagreements(known) == []
    assert len(set(known.scalars(select(Match.component_id)))) == len(PURLS) - 1


def test_asking_agrees_where_nobody_listed_the_components_before(known: WriteSession) -> None:
    before = ask(known, *PURLS)
    make_user(known, "shop", *PURLS)

    assert ask(known, *PURLS) == before


def test_a_thousand_questions_cost_three_statements(known: WriteSession) -> None:
    questions = [asked_for("npm", "lodash", f"4.{minor}.0") for minor in range(1_000)]
    with counted(known) as sent:
        hits = matches_of(known, questions)

    assert len(sent) == 3
    assert sum(map(len, hits)) == 1_000 + 18


def test_of_unknown_packages_one_statement_tells(known: WriteSession) -> None:
    with counted(known) as sent:
        assert matches_of(known, [asked_for("npm", "nobody-knows", "1.0.0")]) == [[]]

    assert len(sent) == 1

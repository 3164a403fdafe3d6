"""An explanation is one truth told three ways: what was compared, what is asked, and what the match table keeps."""

from collections.abc import Iterator
from typing import Any

import pytest
from factories import DAY, NOON, make_product, make_stream, make_upload, upload_document
from osv_bucket import make_affected, make_record, to_bytes
from real_files import Corpus
from sqlalchemy import select

from service.advisories.matching import match_advisories
from service.advisories.models import Advisory, Match
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.db import WriteSession
from service.errors import NotFound
from service.flows.explaining import Asked, Explanation, explain
from service.inventory.catalogue_models import Component
from service.purls import BadPurl
from service.sbom import read

SURE = {"certain": "affected", "possible": "possible"}
XZ = "pkg:deb/debian/liblzma5@5.6.1-1?distro=debian-13"
FIXED = "pkg:deb/debian/liblzma5@5.6.1%2Breally5.4.5-1?upstream=xz-utils&distro=debian-13"
RANGE = ("introduced 5.5.1alpha-0.1", "fixed 5.6.1+really5.4.5-1")
RECORD = make_record("DEBIAN-CVE-2024-3094", "Debian:13/xz-utils", *RANGE, upstream=["CVE-2024-3094"])


def known(session: WriteSession, *records: dict[str, Any]) -> None:
    stored = store(session, [read_record(to_bytes(record)) for record in records])
    match_advisories(session, stored.changed)


def verdict(session: WriteSession, purl: str, name: str = "A-1", distro: str = "", source: str = "") -> tuple[str, str]:
    told = explain(session, Asked(purl, distro, source), name)
    return told.verdict, told.sentence


def agreeing(told: Explanation) -> Iterator[tuple[str, str]]:
    """Give each advisory's verdict, having seen that comparing and asking agree about it."""
    for one in told.advisories:
        compared = {entry.certain for entry in one.entries if entry.matches}
        expected = "affected" if True in compared else "possible" if compared else ""
        assert (one.verdict if one.verdict in ("affected", "possible") else "") == expected, one
        yield one.osv_id, one.verdict


# --- one package, one advisory ---------------------------------------------------------------------------------------


def test_each_step_is_told(session: WriteSession) -> None:
    known(session, RECORD)
    told = explain(session, Asked(f"{XZ}&upstream=xz-utils"), "DEBIAN-CVE-2024-3094")
    assert told.verdict == "affected"
    assert told.reading.steps == [
        "The package is liblzma5 5.6.1-1 of debian 13 (pkg:deb/debian/liblzma5@5.6.1-1?distro=debian-13).",
        "It is built from the source package xz-utils 5.6.1-1, as it says itself.",
        "Advisories reach it as Debian 13's xz-utils 5.6.1-1, or as Debian 13's liblzma5 5.6.1-1.",
    ]
    (one,) = told.advisories
    assert one.sentence == told.sentence
    assert one.sentence.startswith("liblzma5 5.6.1-1 is built from xz-utils 5.6.1-1, which DEBIAN-CVE-2024-3094 lists")
    (entry,) = one.entries
    assert (entry.outcome, entry.comparison) == (
        "inside",
        "5.6.1-1 ≥ 5.5.1alpha-0.1 and 5.6.1-1 < 5.6.1+really5.4.5-1",
    )


def test_what_lies_outside_says_where_it_left(session: WriteSession) -> None:
    known(session, RECORD)
    told = explain(session, Asked(FIXED), "DEBIAN-CVE-2024-3094")
    assert told.verdict == "not-affected"
    (entry,) = told.advisories[0].entries
    assert (entry.outcome, entry.comparison) == ("outside", "5.6.1+really5.4.5-1 = 5.6.1+really5.4.5-1")


def test_the_inventory_knows_a_source_that_the_purl_does_not_say(session: WriteSession) -> None:
    known(session, make_record("A-1", "Debian:13/acme-tools", "introduced 0"))
    purl = "pkg:deb/debian/libacme7@1.0-1?distro=debian-13"
    assert verdict(session, purl) == (
        "not-affected",
        "A-1 does not speak of libacme7 1.0-1. It names Debian 13's acme-tools.",
    )
    assert verdict(session, purl, source="acme-tools@1.0-1")[0] == "affected"
    make_upload(session, make_stream(session, make_product(session)), f"{purl}&upstream=acme-tools")
    told = explain(session, Asked(purl), "A-1")
    assert (told.verdict, told.reading.source_said_by, told.reading.in_inventory) == ("affected", "inventory", True)


def test_a_distribution_may_be_said_beside_the_purl(session: WriteSession) -> None:
    known(session, RECORD)
    purl, name = "pkg:deb/debian/xz-utils@5.6.1-1", "DEBIAN-CVE-2024-3094"
    assert verdict(session, purl, name)[0] == "possible"
    assert verdict(session, purl, name, distro="debian-13")[0] == "affected"
    assert verdict(session, purl, name, distro="debian-12")[0] == "not-affected"


@pytest.mark.parametrize(
    ("purl", "record", "expected", "said"),
    [
        ("pkg:npm/lodash", make_record("A-1", "npm/lodash", "introduced 0"), "cannot-tell", "has no version"),
        ("pkg:npm/lodash", make_record("A-1", "npm/ms", "introduced 0"), "not-affected", "It names npm's ms"),
        ("pkg:npm/ms@1.0.0", make_record("A-1", "PyPI/ms", "introduced 0"), "not-affected", "Nearest is PyPI's ms"),
        ("pkg:golang/a.b/c@(devel)", make_record("A-1", "Go/a.b/c", "introduced 0"), "cannot-tell", "main module"),
        ("pkg:npm/ms@elephant", make_record("A-1", "npm/ms", "introduced 0"), "cannot-tell", "elephant"),
        ("pkg:npm/ms@1.0.0", make_record("A-1", "npm/ms", "introduced elephant"), "cannot-tell", "unparsable"),
        ("pkg:rpm/fedora/xz@5.6.1-1?distro=fedora-40", RECORD | {"id": "A-1"}, "cannot-tell", "OSV has no advisories"),
        ("pkg:npm/ms@1.0.0", make_record("A-1", "npm/ms", "introduced 0", withdrawn="2024-05-01T00:00:00Z"),
         "not-affected", "was withdrawn on 2024-05-01"),
        ("pkg:npm/ms@1.0.0", make_record("MAL-1", "npm/ms", "introduced 0"), "possible", "public registry"),
        ("pkg:npm/ms@2.0.0", make_record("A-1", "npm/ms", "introduced 0", "fixed 2.0.0"), "not-affected", "outside"),
    ],
)  # fmt: skip
def test_a_verdict_and_its_reason(
    session: WriteSession, purl: str, record: dict[str, Any], expected: str, said: str
) -> None:
    known(session, record)
    told, why = verdict(session, purl, record["id"])
    assert (told, said in why) == (expected, True), why


def test_any_name_of_a_vulnerability_stands_for_all_of_its_advisories(session: WriteSession) -> None:
    ghsa = make_record("GHSA-rxwq-x6h5-x525", "ConanCenter/xz_utils", versions=["5.6.1"], aliases=["CVE-2024-3094"])
    known(session, RECORD, ghsa)
    told = explain(session, Asked(f"{XZ}&upstream=xz-utils"), "CVE-2024-3094")
    assert [(one.osv_id, one.verdict) for one in told.advisories] == [
        ("DEBIAN-CVE-2024-3094", "affected"),
        ("GHSA-rxwq-x6h5-x525", "not-affected"),
    ]
    assert explain(session, Asked(XZ), "GHSA-rxwq-x6h5-x525").advisory_count == 1


def test_what_nobody_knows_is_refused(session: WriteSession) -> None:
    with pytest.raises(NotFound, match="no vulnerability is called so"):
        explain(session, Asked(XZ), "CVE-1999-1")
    known(session, RECORD)
    with pytest.raises(BadPurl):
        explain(session, Asked("xz"), RECORD["id"])


# --- one truth -------------------------------------------------------------------------------------------------------

RECORDS = (
    RECORD,
    make_record("A-MAVEN", "Maven/org.example:lib", "introduced 1-alpha", "fixed 1.sp.1", versions=["2.0.jre8"]),
    make_record("A-MAVEN-2", "Maven/org.example:lib", "introduced 0", "last_affected 1-alpha"),
    make_record("ALSA-1", "AlmaLinux:9/openssl", "introduced 0", "fixed 1:3.0.7-18.el9_2"),
    make_record("GO-1", "Go/stdlib", "introduced 0", "fixed 1.21.8", "introduced 1.22.0-0", "fixed 1.22.1"),
    make_record("GO-2", "Go/example.com/mod", "introduced 0", "fixed 0.0.0-20240101000000-aaaaaaaaaaaa"),
    make_record("GONE-1", "npm/ms", "introduced 0", withdrawn="2024-05-01T00:00:00Z"),
    make_record("MAL-1", "npm/evil-pad", "introduced 0"),
    make_record("BARE-1", "Debian/xz-utils", "introduced 0"),
    make_record("BREW-1", "Homebrew/xz", versions=["5.6.1"]),
    make_record("PY-1", "PyPI/requests", "introduced 2.0rc1", "last_affected 2.31", versions=["1.0.post1"]),
    {**make_record("TWO-1"), "affected": [
        make_affected("npm/ms", "introduced 1.0.0", "fixed 1.1.0", "introduced 2.0.0", "limit 2.5.0"),
        make_affected("npm/lodash", "introduced 0"),
    ]},
)  # fmt: skip
PURLS = (
    *(f"pkg:maven/org.example/lib@{version}" for version in ("1", "1-alpha", "1.sp.1", "1.0", "2.0.jre8", "0.9")),
    "pkg:rpm/almalinux/openssl@3.0.7-18.el9_2?distro=almalinux-9&epoch=1",
    "pkg:rpm/almalinux/openssl@3.0.7-6.el9_2?distro=almalinux-9&epoch=1",
    "pkg:rpm/almalinux/openssl-libs@3.0.7-6.el9?upstream=openssl-3.0.7-6.el9.src.rpm&distro=almalinux-9&epoch=1",
    *(f"pkg:golang/stdlib@{version}" for version in ("1.21.7", "1.21.8", "1.22.0", "go1.22.1")),
    "pkg:golang/example.com/mod@v0.0.0-20230101000000-aaaaaaaaaaaa",
    "pkg:golang/example.com/mod@v1.0.0",
    *(f"pkg:npm/ms@{version}" for version in ("0.9.0", "1.0.0", "1.1.0", "2.0.0", "2.5.0")),
    "pkg:npm/evil-pad@1.0.0",
    "pkg:npm/lodash@4.17.20",
    "pkg:brew/xz@5.6.1",
    "pkg:brew/xz@5.4.6",
    *(f"pkg:pypi/Requests@{version}" for version in ("2.0rc1", "2.31.0", "2.32", "1.0.post1", "2.0.dev1")),
    f"{XZ}&upstream=xz-utils",
    FIXED,
    "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils",
    "pkg:deb/debian/xz-utils@5.6.1-1%2Bb1?upstream=xz-utils%405.6.1-1&distro=debian-13",
    "pkg:deb/ubuntu/xz-utils@5.6.1-1?distro=ubuntu-24.04",
)


def test_what_is_told_is_what_is_asked_and_what_is_kept(session: WriteSession) -> None:
    make_upload(session, make_stream(session, make_product(session)), *PURLS)
    known(session, *RECORDS)
    names = [str(record["id"]) for record in RECORDS]
    found = _kept(session)
    assert len(found) > 20
    for component in session.scalars(select(Component)):
        for name in names:
            told = explain(session, Asked(component.purl), name)
            for osv_id, said in agreeing(told):
                kept = found.get((component.id, osv_id))
                assert SURE.get(kept or "") == (said if said in SURE.values() else None), (component.purl, osv_id)


def test_the_xz_day_is_told_as_it_is_kept(session: WriteSession, corpus: Corpus) -> None:
    folder = corpus("xz-scenario")
    stream = make_stream(session, make_product(session))
    for number, path in enumerate(sorted(folder.glob("*.json"))):
        upload_document(session, stream, read(path.read_bytes()), at=NOON + DAY * number)
    records = [read_record(path.read_bytes()) for path in sorted((folder / "advisories").iterdir())]
    match_advisories(session, store(session, records).changed)
    found = _kept(session)
    matched = {component_id for component_id, _ in found}
    assert len(found) > 5
    components = session.scalars(select(Component).where(Component.purl != "").order_by(Component.id)).all()
    for component in [one for one in components if one.id in matched or one.id % 40 == 0]:
        told = explain(session, Asked(component.purl, source=_source(component)), "CVE-2024-3094")
        said = {osv_id: one for osv_id, one in agreeing(told) if one in SURE.values()}
        kept = {osv_id: SURE[found[id_, osv_id]] for id_, osv_id in found if id_ == component.id}
        assert said == kept, component.purl


def _source(component: Component) -> str:
    version = f"@{component.source_version}" if component.source_version else ""
    return f"{component.source_name}{version}" if component.source_name else ""


def _kept(session: WriteSession) -> dict[tuple[int, str], str]:
    rows = session.execute(
        select(Match.component_id, Advisory.osv_id, Match.certainty).join(Advisory, Advisory.id == Match.advisory_id)
    )
    return {(component_id, osv_id): certainty for component_id, osv_id, certainty in rows}

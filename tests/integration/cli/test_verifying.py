"""`muster advisories verify`: our answers beside those of an OSV API on loopback; what is sent, and what never is."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from command_line import Ran, run_muster
from factories import make_user
from osv_api import Fault, OsvApiServer, serve_osv_api
from osv_bucket import Record, make_record, to_bytes
from sqlalchemy import select, text

from service.advisories.models import Advisory
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.db import connect, writing
from service.flows.disagreements import EXPLANATIONS

LATER = "2024-06-01T00:00:00Z"
#: The same on both sides.
SHARED = (
    make_record("GHSA-lodash", "npm/lodash", "introduced 0", "fixed 4.17.21"),
    make_record("PYSEC-zope", "PyPI/Zope.Interface", "introduced 0", "fixed 5.1"),
    make_record("MAL-evil", "npm/evil", "introduced 0"),
    make_record("DSA-xz", "Debian:13/xz-utils", "introduced 0", "fixed 5.6.2-1"),
    make_record("BARE-xz", "Debian/xz-utils", "introduced 0"),
    make_record("ACTION", "GitHub Actions/tj-actions/changed-files", "introduced 0", "fixed 46"),
    make_record("NUGET", "NuGet/Newtonsoft.Json", "introduced 0", "fixed 13.0.1"),
    make_record("ALPINE-busybox", "Alpine/busybox", "introduced 0"),
)


def qs(osv_id: str, *events: str, **fields: Any) -> Record:  # noqa: ANN401
    return make_record(osv_id, "npm/qs", *(events or ("introduced 0",)), **fields)


#: What only one side has, or has otherwise.
OURS = (qs("GONE"), qs("WITHDRAWN"), qs("NARROWED"), qs("WIDENED", "introduced 9"), qs("DROPPED", withdrawn=LATER))
THEIRS = (
    qs("WITHDRAWN", withdrawn=LATER, modified=LATER),
    qs("NARROWED", "introduced 9", modified=LATER),
    qs("WIDENED", modified=LATER),
    qs("DROPPED"),
    qs("YOUNG", modified=LATER),
)
OWN = qs("x_OWN-2026-1")
PURLS = (
    "pkg:npm/lodash@4.17.20",
    "pkg:npm/evil@1.0.0",
    "pkg:npm/qs@6.5.2",
    "pkg:pypi/zope-interface@5.0",
    "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils&distro=debian-13",
    "pkg:github/tj-actions/changed-files@45",
    "pkg:nuget/Newtonsoft.Json@12.0.1",
    "pkg:apk/alpine/busybox@1.36.1-r1",
    "pkg:npm/%40acme/cart@1.0.0",
    "pkg:generic/acme-firmware@7",
    "pkg:rpm/fedora/acme-agent@1-1?distro=fedora-40",
    "pkg:golang/git.acme.example/secret@v1.0.0",
)
PRIVATE = ("@acme/cart", "git.acme.example/secret")

Verify = Callable[..., Ran]


@pytest.fixture
def database(fresh_database: str) -> str:
    engine = connect(fresh_database)
    with writing(engine) as session:
        store(session, [read_record(to_bytes(record)) for record in (*SHARED, *OURS)])
        store(session, [read_record(to_bytes(OWN))], source="own")
        make_user(session, "shop", *PURLS)
        make_user(session, "blog", "pkg:npm/lodash@4.17.20")
        session.execute(
            text(
                "UPDATE component_coord SET provenance = 'private' FROM osv_package"
                " WHERE osv_package.id = osv_package_id AND osv_package.name = ANY(:names)"
            ),
            {"names": list(PRIVATE)},
        )
        assert len(session.scalars(select(Advisory.id)).all()) == 14
    engine.dispose()
    return fresh_database


@pytest.fixture
def osv() -> Iterator[OsvApiServer]:
    with serve_osv_api(*SHARED, *THEIRS) as server:
        yield server


@pytest.fixture
def verify(database: str, osv: OsvApiServer, tmp_path_factory: pytest.TempPathFactory) -> Verify:
    def run(*arguments: str, url: str | None = osv.url) -> Ran:
        environment = {"MUSTER_DATABASE_URL": database, "MUSTER_DATA": str(tmp_path_factory.mktemp("data"))}
        if url is not None:
            environment["MUSTER_OSV_API_URL"] = url
        return run_muster("advisories", "verify", *arguments, environment=environment)

    return run


def disagreements(ran: Ran) -> dict[tuple[str, str], str | None]:
    return {(one["advisory"], one["only"]): one["explanation"] for one in ran.json()["disagreements"]}


def test_each_disagreement_is_explained_by_what_is_documented(verify: Verify) -> None:
    ran = verify("--yes", "--json", "--seed", "1")

    assert ran.code == 0, ran.err + ran.out
    assert disagreements(ran) == {
        ("BARE-xz", "ours"): "possible",
        ("ALPINE-busybox", "ours"): "bare-ranges",
        ("ACTION", "ours"): "not-ordered-there",
        ("NUGET", "ours"): "name-rule",
        ("GONE", "ours"): "gone-there",
        ("WITHDRAWN", "ours"): "withdrawn-there",
        ("NARROWED", "ours"): "changed-there",
        ("WIDENED", "theirs"): "changed-there",
        ("DROPPED", "theirs"): "withdrawn-here",
        ("YOUNG", "theirs"): "newer-than-mirror",
    }
    assert (ran.json()["agreed"], ran.json()["unexplained"]) == (4, 0)


def test_what_nothing_explains_fails(verify: Verify, osv: OsvApiServer) -> None:
    osv.records = [make_record("GHSA-lodash", "npm/lodash", "introduced 9"), qs("WIDENED")]

    ran = verify("--yes", "--ecosystem", "npm", "--json")

    assert ran.code == 1
    unexplained = {key for key, explanation in disagreements(ran).items() if explanation is None}
    assert unexplained == {("GHSA-lodash", "ours"), ("WIDENED", "theirs")}
    because = {one["advisory"]: one["because"] for one in ran.json()["disagreements"]}
    assert because["GHSA-lodash"] == "package:range [0, 4.17.21), fixed in 4.17.21"
    assert because["WIDENED"] == "outside of [9, any)"


def test_people_get_a_table_and_the_words_for_it(verify: Verify) -> None:
    ran = verify("--yes", "--product", "shop")

    assert "4 matches agree, 10 do not" in ran.out
    assert f"gone-there: {EXPLANATIONS['gone-there']}." in ran.out
    assert "npm qs 6.5.2" in ran.out


def test_it_says_before_sending_what_it_will_send(verify: Verify, osv: OsvApiServer) -> None:
    ran = verify("--yes", "--seed", "7")

    host = osv.url.removeprefix("http://")
    assert f"packages in use go to {host}: 1 of Alpine, 2 of Debian, 1 of GitHub Actions, 1 of NuGet" in ran.err
    assert "--seed 7" in ran.err


def test_only_ecosystem_name_and_version_are_sent_and_nothing_private(verify: Verify, osv: OsvApiServer) -> None:
    verify("--yes")

    assert all(asked.keys() == {"package", "version"} for asked in osv.asked)
    assert all(asked["package"].keys() == {"name", "ecosystem"} for asked in osv.asked)
    sent = json.dumps(osv.asked)
    assert not any(word in sent for word in ("acme", "pkg:", "firmware", "purl"))
    assert {"name": "xz-utils", "ecosystem": "Debian:13"} in [asked["package"] for asked in osv.asked]


def test_a_dry_run_lists_what_would_be_sent_and_sends_nothing(verify: Verify, osv: OsvApiServer) -> None:
    ran = verify("--dry-run", "--json", url=None)

    assert ran.code == 0
    assert {"ecosystem": "npm", "name": "qs", "version": "6.5.2"} in ran.json()["items"]
    assert osv.requests == []


def test_a_sample_is_the_same_with_its_seed_and_limited(verify: Verify) -> None:
    first, again, other = (
        verify("--dry-run", "--json", "--sample", "4", "--seed", seed).json()["items"] for seed in ("5", "5", "6")
    )

    assert first == again != other
    assert len(first) <= 4
    blog = verify("--dry-run", "--json", "--product", "blog").json()["items"]
    assert [one["name"] for one in blog] == ["lodash"]


def test_without_an_address_nothing_is_asked(verify: Verify) -> None:
    ran = verify("--yes", url=None)

    assert ran.code == 2
    assert "MUSTER_OSV_API_URL is not set" in ran.err


def test_without_a_terminal_it_needs_yes(verify: Verify, osv: OsvApiServer) -> None:
    ran = verify()

    assert (ran.code, osv.requests) == (2, [])
    assert "--yes" in ran.err


def test_what_osv_does_not_take_is_said_and_the_rest_compared(verify: Verify, osv: OsvApiServer) -> None:
    osv.faults = [Fault(400, body=b'{"code":3,"message":"Invalid query."}')] * 2

    ran = verify("--yes", "--json", "--product", "blog")

    assert ran.code == 0
    assert ran.json()["refused"] == [
        {"package": {"ecosystem": "npm", "name": "lodash", "version": "4.17.20"}, "why": "Invalid query."}
    ]


def test_an_api_that_cannot_be_reached_is_unreachable(verify: Verify) -> None:
    with serve_osv_api() as gone:
        url = gone.url.replace("http://", "http://me:secret@")
    # An address that no try could reach: the waits between tries are seconds, and the client's own tests have them.
    ran = verify("--yes", url=url.replace("http://", "nothing://"))

    assert ran.code == 3
    assert "secret" not in ran.err + ran.out

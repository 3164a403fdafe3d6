"""Who uses it: what a search finds, leaves out, and cannot tell."""

from datetime import timedelta

import pytest
from factories import DAY, NOON, ROOT, make_component, make_product, make_stream, make_team, make_upload, make_user
from sqlalchemy import update

from service.db import WriteSession
from service.inventory.answer import Answer
from service.inventory.life import mark_silent
from service.inventory.models import Release, Stream
from service.inventory.question import ask
from service.inventory.search import search

LIBLZMA = "pkg:deb/debian/liblzma5@5.6.1-1?arch=arm64&upstream=xz-utils&distro=debian-13"
LIBLZMA_OLD = "pkg:deb/debian/liblzma5@5.4.1-0.2?arch=arm64&upstream=xz-utils&distro=debian-12"
LIBLZMA_REALLY = "pkg:deb/debian/liblzma5@5.6.1%2Breally5.4.5-1?arch=arm64&upstream=xz-utils&distro=debian-13"
XZ_LIBS = "pkg:apk/alpine/xz-libs@5.6.1-r1?arch=aarch64&upstream=xz&distro=alpine-3.20"
XZ_FEDORA = "pkg:rpm/fedora/xz-libs@5.6.0-2.fc40?arch=x86_64&distro=fedora-40"
XZ_CONAN = "pkg:conan/xz_utils@5.6.1"
XZ_GO = "pkg:golang/example.com/hypothetical/xz@v5.6.1"
XZ_GO_OLD = "pkg:golang/github.com/ulikunitz/xz@v0.5.5"
LIBLZMA_SYS = "pkg:cargo/liblzma-sys@0.3.2"
LODASH = "pkg:npm/lodash@4.17.20"


def who_uses(session: WriteSession, q: str = "", **options: object) -> Answer:
    asked = {
        name: options.pop(name)
        for name in ("name", "version", "purl", "version_range", "cpe", "digest")
        if name in options
    }
    return search(session, ask(q, **asked), **options)  # type: ignore[arg-type]


def products(answer: Answer) -> list[str]:
    return [item.product for item in answer.items]


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_library_is_found_under_the_names_of_every_packaging(session: WriteSession) -> None:
    for slug, purl in (("deb", LIBLZMA), ("apk", XZ_LIBS), ("rpm", XZ_FEDORA), ("conan", XZ_CONAN), ("other", LODASH)):
        make_user(session, slug, purl)

    assert sorted(products(who_uses(session, "liblzma 5.6"))) == ["apk", "conan", "deb", "rpm"]
    assert sorted(products(who_uses(session, "xz 5.6"))) == ["apk", "conan", "deb", "rpm"]
    assert sorted(products(who_uses(session, "XZ Utils 5.6"))) == ["apk", "conan", "deb", "rpm"]


def test_an_item_says_who_owns_it_what_it_is_and_why_it_is_there(session: WriteSession) -> None:
    make_user(session, "shop", LIBLZMA, team=make_team(session, "payments"))

    (item,) = who_uses(session, "xz-utils 5.6").items

    assert (item.product, item.stream, item.release, item.in_field) == ("shop", "main", None, True)
    assert (item.owner.team, item.owner.reason) == ("payments", "the product's team")
    assert (item.component.name, item.component.version) == ("liblzma5", "5.6.1-1")
    assert (item.first_seen_at, item.last_seen_at) == (NOON, None)
    rules = {reason.rule: reason.detail for reason in item.matched_by}
    assert rules["source"] == "xz-utils"
    assert rules["version"] == "5.6.1-1"
    assert {"source", "family", "version"} <= rules.keys()


def test_a_product_without_team_is_the_fallback_teams(session: WriteSession) -> None:
    make_user(session, "shop", LIBLZMA)

    (item,) = who_uses(session, "liblzma").items

    assert (item.owner.team, item.owner.reason) == ("cert-triage", "no team owns the product")


def test_an_unrelated_namesake_follows_the_family_and_says_that_only_its_name_matched(session: WriteSession) -> None:
    make_user(session, "a-namesake", XZ_GO)
    make_user(session, "an-old-namesake", XZ_GO_OLD)
    make_user(session, "z-family", XZ_LIBS)

    answer = who_uses(session, "xz 5.6")

    assert products(answer) == ["z-family", "a-namesake"]
    assert [reason.rule for reason in answer.items[1].matched_by] == ["word", "version"]


def test_exactly_this_name_means_no_words_no_sources_and_no_families(session: WriteSession) -> None:
    make_user(session, "deb", LIBLZMA)
    make_user(session, "apk", XZ_LIBS)

    assert products(who_uses(session, "liblzma 5.6", exact=True)) == []
    assert products(who_uses(session, "liblzma5 5.6", exact=True)) == ["deb"]


@pytest.mark.parametrize("q", ["github.com/ulikunitz/xz", "ulikunitz", "pkg:golang/github.com/ulikunitz/xz@v0.5.5"])
def test_a_namespace_may_be_part_of_the_name(session: WriteSession, q: str) -> None:
    make_user(session, "shop", XZ_GO_OLD)

    assert products(who_uses(session, q)) == ["shop"]


def test_the_beginning_of_a_word_finds_the_rest(session: WriteSession) -> None:
    make_user(session, "shop", LODASH)

    assert products(who_uses(session, "lod")) == ["shop"]
    assert products(who_uses(session, "lo")) == []


def test_a_component_without_purl_is_found_by_its_name(session: WriteSession) -> None:
    make_user(session, "shop", make_component(name="liblzma5", version="5.6.1-1"))
    make_user(session, "cellar", make_component(name="XZ Utils", version="5.6.1"))

    assert sorted(products(who_uses(session, "liblzma 5.6"))) == ["cellar", "shop"]


# --- purl, CPE, hash -------------------------------------------------------------------------------------------------


def test_a_purl_means_this_package_and_this_version(session: WriteSession) -> None:
    make_user(session, "hit", LIBLZMA)
    make_user(session, "older", LIBLZMA_OLD)
    make_user(session, "elsewhere", XZ_LIBS)

    assert products(who_uses(session, purl="pkg:deb/debian/liblzma5@5.6.1-1")) == ["hit"]
    assert products(who_uses(session, purl="pkg:deb/debian/liblzma5")) == ["hit", "older"]
    assert products(who_uses(session, purl="pkg:deb/debian/liblzma5", version="5.4")) == ["older"]


def test_a_cpe_finds_what_carries_it_before_what_only_has_its_name(session: WriteSession) -> None:
    cpe = "cpe:2.3:a:tukaani:xz:5.6.1:*:*:*:*:*:*:*"
    make_user(session, "z-carries", make_component(name="XZ Utils", version="5.6.1", cpes=(cpe,)))
    make_user(session, "a-named", XZ_LIBS)
    make_user(session, "older", LIBLZMA_OLD)

    answer = who_uses(session, cpe)

    assert products(answer) == ["z-carries", "a-named"]
    assert answer.items[0].matched_by[0].rule == "cpe"


def test_a_hash_finds_the_very_file(session: WriteSession) -> None:
    digest = "9f" * 32
    make_user(session, "hit", make_component(name="liblzma.so.5.6.1", hashes=(("sha256", digest),)))
    make_user(session, "other", make_component(name="liblzma.so.5.6.1", hashes=(("sha256", "00" * 32),)))

    assert products(who_uses(session, digest=digest.upper())) == ["hit"]


@pytest.mark.parametrize("typed", ["'", "\\ x", "' & | ! ( ) :*", "%_", "é 1", "7zip", "a" * 900, "xz \\' 5.6"])
def test_nothing_that_is_typed_breaks_the_search(session: WriteSession, typed: str) -> None:
    assert products(who_uses(session, typed)) == []


# --- versions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", ["liblzma 5.6", "liblzma >=5.6.0,<5.6.2"])
def test_what_only_looks_affected_is_left_out_and_named(session: WriteSession, q: str) -> None:
    make_user(session, "affected", LIBLZMA)
    make_user(session, "reverted", LIBLZMA_REALLY)
    make_user(session, "stable", LIBLZMA_OLD)

    answer = who_uses(session, q)

    assert products(answer) == ["affected"]
    (excluded,) = answer.excluded
    assert (excluded.component.version, excluded.reason) == (
        "5.6.1+really5.4.5-1", "5.6.1+really5.4.5-1 is 5.4.5",
    )  # fmt: skip


def test_a_version_that_is_missing_cannot_be_cleared(session: WriteSession) -> None:
    make_user(session, "shop", "pkg:rpm/fedora/xz-libs")

    answer = who_uses(session, "liblzma 5.6")

    assert answer.items == []
    (doubt,) = answer.cannot_tell
    assert (doubt.product, doubt.reason) == ("shop", "no_version")
    assert doubt.component
    assert doubt.component.name == "xz-libs"
    assert products(who_uses(session, "liblzma")) == ["shop"]


def test_a_carrier_with_version_numbers_of_its_own_cannot_be_judged_by_them(session: WriteSession) -> None:
    make_user(session, "shop", LIBLZMA_SYS)

    answer = who_uses(session, "xz 5.6")

    assert answer.items == []
    assert [(doubt.product, doubt.reason) for doubt in answer.cannot_tell] == [("shop", "own_versions")]
    assert products(who_uses(session, "xz")) == ["shop"]
    assert products(who_uses(session, "liblzma-sys 0.3")) == ["shop"]


# --- time and field --------------------------------------------------------------------------------------------------


def test_now_is_the_newest_upload_and_ever_has_the_windows(session: WriteSession) -> None:
    stream = make_stream(session, make_product(session, "shop"))
    make_upload(session, stream, LIBLZMA, at=NOON - 3 * DAY)
    make_upload(session, stream, LIBLZMA_OLD, at=NOON - 2 * DAY)
    make_upload(session, stream, LIBLZMA, at=NOON - DAY)
    make_upload(session, stream, LIBLZMA_OLD, at=NOON)

    assert products(who_uses(session, "liblzma 5.6")) == []
    windows = [
        (item.first_seen_at, item.last_seen_at, item.in_field)
        for item in who_uses(session, "liblzma 5.6", ever=True).items
    ]
    assert windows == [(NOON - 3 * DAY, NOON - 2 * DAY, False), (NOON - DAY, NOON, False)]


def test_as_of_gives_what_was_in_the_field_then(session: WriteSession) -> None:
    stream = make_stream(session, make_product(session, "shop"))
    make_upload(session, stream, LIBLZMA, at=NOON - 3 * DAY)
    make_upload(session, stream, LIBLZMA_OLD, at=NOON - DAY)

    assert products(who_uses(session, "liblzma 5.6", as_of=NOON - 2 * DAY)) == ["shop"]
    assert products(who_uses(session, "liblzma 5.6", as_of=NOON - DAY)) == []
    assert products(who_uses(session, "liblzma 5.6", as_of=NOON - 4 * DAY)) == []


def test_a_supported_release_keeps_what_it_shipped_in_the_field(session: WriteSession) -> None:
    stream = make_stream(session, make_product(session, "shop"))
    make_upload(session, stream, LIBLZMA, at=NOON - 2 * DAY, version="1.0", supported=True)
    make_upload(session, stream, LIBLZMA, at=NOON - DAY, version="0.9")
    make_upload(session, stream, LIBLZMA_OLD, at=NOON)

    (item,) = who_uses(session, "liblzma 5.6").items
    assert (item.release, item.in_field, item.last_seen_at) == ("1.0", True, NOON)

    session.execute(update(Release).values(supported=False))
    assert products(who_uses(session, "liblzma 5.6")) == []
    ever = who_uses(session, "liblzma 5.6", ever=True)
    assert [(item.release, item.in_field) for item in ever.items] == [(None, False), ("0.9", False), ("1.0", False)]


def test_previews_and_retired_streams_are_asked_for_with_ever(session: WriteSession) -> None:
    product = make_product(session, "shop")
    make_upload(session, make_stream(session, product, "pr-7", preview=True), LIBLZMA)
    make_upload(session, make_stream(session, product, "old"), LIBLZMA)
    session.execute(update(Stream).where(Stream.name == "old").values(retired_at=NOON + DAY, retired_reason="sold"))

    assert products(who_uses(session, "liblzma 5.6")) == []
    ever = who_uses(session, "liblzma 5.6", ever=True)
    assert [(item.stream, item.in_field, item.last_seen_at) for item in ever.items] == [
        ("old", False, NOON + DAY),
        ("pr-7", False, None),
    ]
    assert [item.stream for item in who_uses(session, "liblzma 5.6", as_of=NOON).items] == ["old"]


# --- what cannot be told ---------------------------------------------------------------------------------------------


def test_products_without_sbom_and_stale_streams_are_listed(session: WriteSession) -> None:
    make_product(session, "silent", team=make_team(session, "quiet"))
    make_user(session, "fresh", LODASH)
    make_user(session, "dusty", LODASH, at=NOON - timedelta(days=31))
    mark_silent(session, stale_after=timedelta(days=30), now=NOON)

    doubts = {doubt.product: doubt for doubt in who_uses(session, "liblzma 5.6").cannot_tell}

    assert {product: doubt.reason for product, doubt in doubts.items()} == {"silent": "no_sbom", "dusty": "stale"}
    assert doubts["silent"].owner.team == "quiet"
    assert (doubts["silent"].stream, doubts["dusty"].stream) == (None, "main")


def test_a_product_whose_streams_were_all_retired_is_out_of_the_field_not_unknown(session: WriteSession) -> None:
    make_user(session, "gone", LODASH)
    session.execute(update(Stream).values(retired_at=NOON, retired_reason="sold"))

    assert who_uses(session, "liblzma 5.6").cannot_tell == []


# --- pages and paths -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ever", [False, True])
def test_pages_join_without_gap_or_repeat(session: WriteSession, ever: bool) -> None:  # noqa: FBT001
    for number in range(5):
        stream = make_stream(session, make_product(session, f"shop-{number}"))
        make_upload(session, stream, XZ_LIBS, at=NOON - 2 * DAY, version="1.0", supported=True)
        make_upload(session, stream, at=NOON - DAY)
        make_upload(session, stream, XZ_LIBS, LIBLZMA, at=NOON)
    make_product(session, "silent")
    whole = who_uses(session, "xz 5.6", ever=ever, limit=500)

    paged, answer = [], who_uses(session, "xz 5.6", ever=ever, limit=3)
    while answer.next:
        paged += answer.items
        answer = who_uses(session, "xz 5.6", ever=ever, limit=3, after=answer.next)
        assert answer.cannot_tell == []

    assert whole.next is None
    assert len(whole.items) == (20 if ever else 15)
    assert paged + answer.items == whole.items


def test_an_item_shows_how_the_component_came_in(session: WriteSession) -> None:
    sshd = "pkg:deb/debian/openssh-server@1:9.6p1-4?distro=debian-13"
    stream = make_stream(session, make_product(session, "shop"))
    make_upload(session, stream, sshd, LIBLZMA, depends=[(ROOT, sshd), (sshd, LIBLZMA)])

    (item,) = who_uses(session, "liblzma 5.6").items

    assert item.path == ["subject", "openssh-server", "liblzma5"]


def test_the_path_of_a_release_is_its_own_and_without_graph_there_is_none(session: WriteSession) -> None:
    stream = make_stream(session, make_product(session, "shop"))
    make_upload(session, stream, LIBLZMA, at=NOON - DAY, version="1.0", supported=True, depends=[(ROOT, LIBLZMA)])
    make_upload(session, stream, LIBLZMA)

    paths = {item.release: item.path for item in who_uses(session, "liblzma 5.6").items}

    assert paths == {None: [], "1.0": ["subject", "liblzma5"]}

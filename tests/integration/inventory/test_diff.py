"""What changed between two SBOMs, on a real database."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from factories import NOON, ROOT, make_component, make_product, make_stream, make_upload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.clock import to_micros
from service.db import WriteSession
from service.errors import Conflict, NotFound
from service.inventory.diff import Diff, diff_of, relations_on
from service.inventory.models import Product, Stream, Upload
from service.inventory.releases import SeveralStreams
from service.inventory.snapshots import (
    BadReference,
    Snapshot,
    default_snapshot,
    find_snapshot,
    newest_snapshot,
    snapshot_before,
    snapshots_at,
    snapshots_in_field,
)
from service.inventory.uploads import void

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(session: WriteSession) -> Product:
    return make_product(session, "shop")


@pytest.fixture
def main(session: WriteSession, shop: Product) -> Stream:
    return make_stream(session, shop)


def compared(session: WriteSession, product: Product, before: str, after: str) -> Diff:
    return diff_of(session, find_snapshot(session, product, before), find_snapshot(session, product, after))


def said(diff: Diff) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (
            change.kind,
            change.name,
            change.before.part.version if change.before else None,
            change.after.part.version if change.after else None,
        )
        for change in diff.changes
    ]


def test_components_come_and_leave_and_versions_of_one_package_are_one_change(
    session: WriteSession, shop: Product, main: Stream
) -> None:
    same = "pkg:npm/s@1.0.0"
    before = ("pkg:npm/a@1.0.0", "pkg:npm/b@2.0.0", "pkg:deb/debian/c@1.0-2", "pkg:npm/d@1.0.0", same)
    first = make_upload(session, main, *before)
    second = make_upload(
        session,
        main,
        "pkg:npm/a@1.0.1",
        "pkg:deb/debian/c@1.0-1",
        "pkg:npm/e@1.0.0",
        make_component("pkg:npm/d@1.0.0", scope="dev"),
        same,
        at=NOON + HOUR,
    )
    diff = compared(session, shop, str(first.id), str(second.id))
    assert said(diff) == [
        ("added", "e", None, "1.0.0"),
        ("removed", "b", "2.0.0", None),
        ("downgrade", "c", "1.0-2", "1.0-1"),
        ("upgrade", "a", "1.0.0", "1.0.1"),
        ("scope", "d", "1.0.0", "1.0.0"),
    ]
    assert (diff.unchanged, diff.relicensed) == (1, 0)
    assert said(compared(session, shop, f"sbom:{second.id}", f"sbom:{second.id}")) == []


def test_another_licence_shows_beside_another_version(session: WriteSession, shop: Product, main: Stream) -> None:
    make_upload(session, main, make_component("pkg:generic/redis@7.2.4", licence="BSD-3-Clause"))
    make_upload(session, main, make_component("pkg:generic/redis@7.4.0", licence="SSPL-1.0"), at=NOON + HOUR)
    diff = compared(session, shop, "stream:main@2024-04-01T12:30:00Z", "stream:main")
    (change,) = diff.changes
    assert (change.kind, change.differs) == ("upgrade", ("version", "licence"))
    assert [side.licence for side in (change.before, change.after) if side] == ["BSD-3-Clause", "SSPL-1.0"]
    assert (diff.relicensed, diff.from_documents) == (1, False)


def test_a_component_is_direct_on_the_side_where_it_still_is(
    session: WriteSession, shop: Product, main: Stream
) -> None:
    a, b, gone = "pkg:npm/a@1.0.0", "pkg:npm/b@1.0.0", "pkg:npm/gone@1.0.0"
    make_upload(session, main, a, gone, depends=[(ROOT, a), (a, gone)])
    make_upload(session, main, a, b, depends=[(ROOT, a), (ROOT, b)], at=NOON + HOUR)
    after = find_snapshot(session, shop, "stream:main")
    diff = diff_of(session, snapshot_before(session, after), after)
    assert list(zip(said(diff), relations_on(session, diff, diff.changes), strict=True)) == [
        (("added", "b", None, "1.0.0"), "direct"),
        (("removed", "gone", "1.0.0", None), "transitive"),
    ]


def test_before_the_first_upload_there_is_nothing(session: WriteSession, shop: Product, main: Stream) -> None:
    make_upload(session, main, "pkg:npm/a@1.0.0")
    after = default_snapshot(session, shop)
    assert snapshot_before(session, after) is None
    assert said(diff_of(session, None, after)) == [("added", "a", None, "1.0.0")]


purls = st.builds(
    "pkg:{}@{}{}".format,
    st.sampled_from(["npm/a", "npm/b", "deb/debian/c", "generic/d"]),
    st.sampled_from(["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "weird"]),
    st.sampled_from(["", "?x=1"]),
)
listings = st.dictionaries(purls, st.sampled_from(["required", "dev"]), max_size=10)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(listings, listings)
def test_the_difference_leads_from_one_set_to_the_other_and_back(
    session: WriteSession, shop: Product, one: dict[str, str], other: dict[str, str]
) -> None:
    stream = make_stream(session, shop, str(uuid4()))
    uploads = [
        make_upload(session, stream, *(make_component(p, scope=s) for p, s in each.items()), at=NOON + n * HOUR)
        for n, each in enumerate((one, other))
    ]
    before, after = (Snapshot(shop, stream.name, upload) for upload in uploads)
    forwards, backwards = diff_of(session, before, after), diff_of(session, after, before)
    held = {(id_, scope) for id_, scope in forwards.old.items()}
    scopes = ("required", "optional", "excluded", "dev", "test")
    for change in forwards.changes:
        held -= {(side.part.id, scopes.index(side.scope)) for side in (change.before,) if side}
        held |= {(side.part.id, scopes.index(side.scope)) for side in (change.after,) if side}
    assert held == set(forwards.new.items())
    turned = {"added": "removed", "removed": "added", "upgrade": "downgrade", "downgrade": "upgrade"}
    assert {(turned.get(c.kind, c.kind), c.after, c.before, c.differs) for c in backwards.changes} == {
        (c.kind, c.before, c.after, c.differs) for c in forwards.changes
    }
    assert forwards.unchanged == backwards.unchanged == len(forwards.new) - sum(1 for c in forwards.changes if c.after)
    assert diff_of(session, after, after).changes == []


# --- naming snapshots ------------------------------------------------------------------------------------------------


def named(session: WriteSession, product: Product, text: str) -> int:
    return find_snapshot(session, product, text).upload.id


def test_uploads_releases_and_streams_are_found_by_name(session: WriteSession, shop: Product, main: Stream) -> None:
    old = make_upload(session, main, "pkg:npm/a@1.0.0", version="1.0")
    new = make_upload(session, main, "pkg:npm/a@2.0.0", at=NOON + HOUR)
    other = make_upload(session, make_stream(session, shop, "2.x"), "pkg:npm/a@3.0.0", version="1.0@2.x")
    blog = make_product(session, "blog")
    assert [
        named(session, shop, text)
        for text in (str(old.id), "release:1.0", "stream:main", "stream:main@2024-04-01T12:00:00Z", "release:1.0@2.x")
    ] == [old.id, old.id, new.id, old.id, other.id]
    assert named(session, blog, "shop/stream:2.x") == other.id
    assert default_snapshot(session, shop).upload.id == new.id
    for text in (f"{new.id + 999}", "release:9", "stream:none", "stream:main@2024-03-01T12:00:00Z", "nobody/1"):
        with pytest.raises(NotFound):
            find_snapshot(session, shop, text)
    with pytest.raises(NotFound):
        find_snapshot(session, blog, str(new.id))
    with pytest.raises(BadReference):
        find_snapshot(session, shop, "stream:main@2024-04-01T12:00:00")


def test_a_stream_whose_name_looks_like_a_time_is_found_all_the_same(session: WriteSession, shop: Product) -> None:
    upload = make_upload(session, make_stream(session, shop, "nightly@20240401"), "pkg:npm/a@1.0.0")
    assert named(session, shop, "stream:nightly@20240401") == upload.id
    assert default_snapshot(session, shop).upload.id == upload.id


def test_a_release_of_several_streams_needs_its_stream(session: WriteSession, shop: Product, main: Stream) -> None:
    make_upload(session, main, "pkg:npm/a@1.0.0", version="1.0")
    other: Upload = make_upload(session, make_stream(session, shop, "2.x"), "pkg:npm/a@1.0.0", version="1.0")
    with pytest.raises(SeveralStreams) as several:
        find_snapshot(session, shop, "release:1.0")
    assert several.value.members == {"streams": ["2.x", "main"]}
    assert named(session, shop, "release:1.0@2.x") == other.id


def test_what_was_taken_back_cannot_be_compared(session: WriteSession, shop: Product, main: Stream) -> None:
    kept = make_upload(session, main, "pkg:npm/a@1.0.0")
    voided = make_upload(session, main, "pkg:npm/a@2.0.0", at=NOON + HOUR)
    void(session, main, voided, reason="wrong file", now=NOON + 2 * HOUR)
    with pytest.raises(Conflict, match="wrong file"):
        find_snapshot(session, shop, str(voided.id))
    assert named(session, shop, "stream:main") == kept.id


def test_the_field_is_heads_and_supported_releases_now_and_then(
    session: WriteSession, shop: Product, main: Stream
) -> None:
    old = make_upload(session, main, "pkg:npm/a@1.0.0", version="1.0", supported=True)
    new = make_upload(session, main, "pkg:npm/a@2.0.0", at=NOON + HOUR)
    make_upload(session, make_stream(session, shop, "pull/1", preview=True), "pkg:npm/a@3.0.0")

    def found(at: timedelta | None = None) -> list[tuple[int, str | None]]:
        snapshots = snapshots_at(session, shop, at=NOON + at if at is not None else None)
        return [(one.upload.id, one.release) for one in snapshots]

    assert found() == [(new.id, None), (old.id, "1.0")]
    assert found(HOUR / 2) == [(old.id, None), (old.id, "1.0")]
    assert found(-HOUR) == []
    main.retired_at, main.retired_reason = NOON + 2 * HOUR, "done"
    session.flush()
    assert found() == []
    assert found(HOUR) == [(new.id, None), (old.id, "1.0")]


def test_of_each_stream_only_the_newest_upload_that_stands_is_in_the_field(session: WriteSession) -> None:
    product = make_product(session, "fielded")
    main, other, gone = (make_stream(session, product, name) for name in ("main", "2.x", "1.x"))
    for stream in (main, other, gone):
        for hour in range(3):
            make_upload(session, stream, f"pkg:npm/a@1.{hour}.0", at=NOON + hour * HOUR)
    newest = newest_snapshot(session, product, "main").upload
    void(session, main, newest, reason="a mistake", now=NOON + 4 * HOUR)
    gone.retired_at, gone.retired_reason = NOON + 3 * HOUR, "out of use"
    session.flush()

    def hours(at: datetime | None = None) -> dict[str, int]:
        found = snapshots_in_field(session, product, at)
        return {one.stream: (one.upload.at_us - to_micros(NOON)) // (3_600 * 10**6) for one in found}

    assert hours() == {"main": 1, "2.x": 2}
    assert hours(NOON + HOUR / 2) == {"main": 0, "2.x": 0, "1.x": 0}

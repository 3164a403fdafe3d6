from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from service.access.keys import create_key
from service.access.roles import Actor, Role
from service.access.teams import put_team
from service.db import WriteSession, connect, writing
from service.errors import Conflict, NotFound, Unreadable
from service.inventory.bindings import bind_key, bound_slugs, with_bindings
from service.inventory.products import (
    Archived,
    BadName,
    OtherKindOfStream,
    StreamRetired,
    ensure_product,
    ensure_stream,
    find_product,
    find_stream,
    list_products,
    list_streams,
    retire_previews,
    retire_stream,
    revive_stream,
)
from service.inventory.stewardship import (
    SlugTaken,
    UnknownTeam,
    archive_product,
    patch_product,
    put_product,
    revive_product,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_product_is_made_on_first_sight_and_found_by_name_or_slug(session: WriteSession) -> None:
    made = ensure_product(session, "Payments API", now=NOON)
    assert (made.slug, made.title, made.tier, made.team_id) == ("payments-api", "Payments API", "medium", None)
    assert ensure_product(session, "payments-api", now=NOON).id == made.id
    assert find_product(session, "payments-api") is made
    with pytest.raises(NotFound):
        find_product(session, "other")


def test_uploads_that_bring_the_same_new_product_and_stream_make_one(fresh_database: str) -> None:
    engine, together = connect(fresh_database), Barrier(6)

    def arrive(_number: int) -> tuple[int, int]:
        together.wait()
        with writing(engine) as session:
            product = ensure_product(session, "shop", now=NOON)
            return product.id, ensure_stream(session, product.id, "main", preview=False, now=NOON).id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(arrive, range(6)))) == 1
    engine.dispose()


def test_a_renamed_product_is_found_under_each_of_its_slugs(session: WriteSession) -> None:
    shop = ensure_product(session, "shop", now=NOON)
    patch_product(session, shop, {"slug": "store"})
    patch_product(session, shop, {"slug": "market"})
    assert shop.version == 3
    for slug in ("shop", "store", "market"):
        assert find_product(session, slug).id == shop.id
        assert ensure_product(session, slug, now=NOON).id == shop.id
    patch_product(session, shop, {"slug": "shop"})
    assert find_product(session, "market").slug == "shop"


def test_a_slug_that_leads_elsewhere_cannot_be_taken(session: WriteSession) -> None:
    shop, blog = (ensure_product(session, name, now=NOON) for name in ("shop", "blog"))
    patch_product(session, shop, {"slug": "store"})
    for slug in ("store", "shop"):
        with pytest.raises(SlugTaken):
            patch_product(session, blog, {"slug": slug})
    with pytest.raises(BadName):
        patch_product(session, blog, {"slug": "The Blog"})


def test_put_returns_what_is_left_out_to_its_default(session: WriteSession) -> None:
    put_team(session, "web", {}, now=NOON)
    shop, is_new = put_product(session, "shop", {"tier": "high", "team": "web", "title": "Shop"}, now=NOON)
    assert (is_new, shop.tier, shop.title, shop.version) == (True, "high", "Shop", 1)
    shop, is_new = put_product(session, "shop", {"exposed": True}, now=NOON)
    assert (is_new, shop.tier, shop.title, shop.team_id, shop.exposed, shop.version) == (
        False, "medium", "shop", None, True, 2,
    )  # fmt: skip
    with pytest.raises(UnknownTeam):
        patch_product(session, shop, {"team": "nobody"})


def test_archiving_retires_the_streams_and_reviving_brings_those_back(session: WriteSession) -> None:
    shop = ensure_product(session, "shop", now=NOON)
    old, main = (ensure_stream(session, shop.id, name, preview=False, now=NOON) for name in ("1.x", "main"))
    retire_stream(session, old, reason="end of life", now=NOON)
    later = NOON + timedelta(days=1)
    assert archive_product(session, shop, reason="sold", now=later) == [main.id]
    assert (main.retired_reason, old.retired_reason) == ("product archived: sold", "end of life")
    with pytest.raises(Archived, match="sold"):
        ensure_product(session, "shop", now=later)
    assert list_products(session) == []
    assert revive_product(session, shop) == [main.id]
    assert (main.retired_at, old.retired_at) == (None, NOON)


def test_the_first_upload_decides_whether_a_stream_is_a_preview(session: WriteSession) -> None:
    shop = ensure_product(session, "shop", now=NOON)
    main = ensure_stream(session, shop.id, "main", preview=False, now=NOON)
    ensure_stream(session, shop.id, "feature/x", preview=True, now=NOON)
    assert ensure_stream(session, shop.id, "main", preview=False, now=NOON) is main
    with pytest.raises(OtherKindOfStream, match="is tracked"):
        ensure_stream(session, shop.id, "main", preview=True, now=NOON)
    with pytest.raises(OtherKindOfStream, match="is preview"):
        ensure_stream(session, shop.id, "feature/x", preview=False, now=NOON)
    assert [stream.name for stream in list_streams(session, shop.id)] == ["feature/x", "main"]


def test_a_stream_is_retired_for_a_reason_and_stays_so(session: WriteSession) -> None:
    shop = ensure_product(session, "shop", now=NOON)
    main = ensure_stream(session, shop.id, "main", preview=False, now=NOON)
    with pytest.raises(Unreadable):
        retire_stream(session, main, reason="", now=NOON)
    retire_stream(session, main, reason="moved", now=NOON)
    with pytest.raises(Conflict):
        retire_stream(session, main, reason="again", now=NOON)
    with pytest.raises(StreamRetired, match="moved"):
        ensure_stream(session, shop.id, "main", preview=False, now=NOON)
    revive_stream(session, main)
    assert ensure_stream(session, shop.id, "main", preview=False, now=NOON).retired_at is None


def test_a_preview_retires_by_itself_and_comes_back_with_an_upload(session: WriteSession) -> None:
    shop = ensure_product(session, "shop", now=NOON)
    ensure_stream(session, shop.id, "main", preview=False, now=NOON)
    ensure_stream(session, shop.id, "pr-1", preview=True, now=NOON)
    fresh = ensure_stream(session, shop.id, "pr-2", preview=True, now=NOON)
    fresh.last_upload_at = NOON + timedelta(days=10)
    session.flush()
    assert retire_previews(session, now=NOON + timedelta(days=15)) == 1
    retired = find_stream(session, shop.id, "pr-1")
    assert retired.retired_reason == "no upload for 14 days"
    assert ensure_stream(session, shop.id, "pr-1", preview=True, now=NOON).retired_at is None


@pytest.mark.parametrize("name", ["", " ", "a" * 201, "a\nb", "a\0b"])
def test_a_streams_name_can_be_shown(session: WriteSession, name: str) -> None:
    shop = ensure_product(session, "shop", now=NOON)
    with pytest.raises(BadName):
        ensure_stream(session, shop.id, name, preview=False, now=NOON)


def test_an_uploaders_key_can_be_bound_to_products(session: WriteSession) -> None:
    shop, blog = (ensure_product(session, name, now=NOON) for name in ("shop", "blog"))
    uploader, reader = (
        Actor(role, role, key_id=create_key(session, role, role, now=NOON).key.id)
        for role in (Role.UPLOADER, Role.READER)
    )
    assert with_bindings(session, uploader).products is None
    bind_key(session, uploader.key_id or 0, [shop.id])
    bound = with_bindings(session, uploader)
    assert bound.sees(shop.id)
    assert not bound.sees(blog.id)
    assert bound_slugs(session, [bound.key_id or 0]) == {bound.key_id: ["shop"]}
    assert with_bindings(session, reader) is reader

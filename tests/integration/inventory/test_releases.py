from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from service.clock import to_micros
from service.db import WriteSession
from service.errors import NotFound
from service.inventory.models import Document, Product, Release, Stream, Upload
from service.inventory.products import ensure_product, ensure_stream
from service.inventory.releases import (
    SeveralStreams,
    find_release,
    label_upload,
    list_releases,
    set_release,
    unlabel_upload,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def shop(session: WriteSession) -> Product:
    return ensure_product(session, "shop", now=NOON)


@pytest.fixture
def main(session: WriteSession, shop: Product) -> Stream:
    return ensure_stream(session, shop.id, "main", preview=False, now=NOON)


def make_upload(session: WriteSession, stream: Stream, day: int, version: str) -> Upload:
    """Make a bare row: what an SBOM lists does not matter to its label."""
    sequence = len(session.scalars(select(Upload.id).where(Upload.stream_id == stream.id)).all()) + 1
    document = Document(
        sha256=f"{stream.id}/{sequence}".encode(),
        size_bytes=1,
        format="cyclonedx-json",
        spec_version="1.6",
        received_at=NOON,
    )
    session.add(document)
    session.flush()
    upload = Upload(
        stream_id=stream.id, document_id=document.id, at_us=to_micros(NOON.replace(day=day)), sequence=sequence,
        received_at=NOON, version_label=version, set_digest=b"", component_count=0, listed_count=0,
        unidentified_count=0, added_count=0, removed_count=0, late=False, ecosystems=[], quality={}, actor="a test",
    )  # fmt: skip
    session.add(upload)
    session.flush()
    label_upload(session, stream.id, upload.id, version)
    return upload


def test_a_label_makes_a_release_that_is_not_supported_yet(session: WriteSession, shop: Product, main: Stream) -> None:
    upload = make_upload(session, main, 1, "1.0")
    (only,) = list_releases(session, shop.id)
    assert (only.release.version, only.release.upload_id, only.stream) == ("1.0", upload.id, "main")
    assert (only.release.supported, only.release.retired_at, only.at_us) == (False, None, upload.at_us)


def test_a_version_built_again_moves_to_the_newest_upload_whichever_arrives_last(
    session: WriteSession, shop: Product, main: Stream
) -> None:
    make_upload(session, main, 2, "1.0")
    rebuilt = make_upload(session, main, 5, "1.0")
    set_release(session, shop, "1.0", supported=True, now=NOON)
    make_upload(session, main, 3, "1.0")
    session.expire_all()
    found = find_release(session, shop, "1.0")
    assert (found.release.upload_id, found.release.supported) == (rebuilt.id, True)


def test_a_voided_upload_leaves_its_label_to_the_one_before(session: WriteSession, shop: Product, main: Stream) -> None:
    first, second = make_upload(session, main, 1, "1.0"), make_upload(session, main, 2, "1.0")
    for upload, heir in ((second, first), (first, None)):
        upload.voided_at, upload.void_reason = NOON, "wrong"
        session.flush()
        unlabel_upload(session, upload)
        session.flush()
        assert session.scalar(select(Release.upload_id)) == (heir.id if heir else None)
    third = make_upload(session, main, 1, "1.0")
    assert find_release(session, shop, "1.0").release.upload_id == third.id


def test_a_retired_release_is_not_supported(session: WriteSession, shop: Product, main: Stream) -> None:
    make_upload(session, main, 1, "1.0")
    assert set_release(session, shop, "1.0", supported=True, now=NOON).supported
    retired = set_release(session, shop, "1.0", retired=True, now=NOON)
    assert (retired.supported, retired.retired_at) == (False, NOON)
    back = set_release(session, shop, "1.0", retired=False, supported=True, now=NOON)
    assert (back.supported, back.retired_at) == (True, None)


def test_a_version_in_several_streams_needs_the_streams_name(
    session: WriteSession, shop: Product, main: Stream
) -> None:
    edge = ensure_stream(session, shop.id, "edge", preview=False, now=NOON)
    for stream in (main, edge):
        make_upload(session, stream, 1, "1.0")
    with pytest.raises(SeveralStreams, match="edge, main"):
        find_release(session, shop, "1.0")
    assert find_release(session, shop, "1.0", stream="edge").stream == "edge"
    with pytest.raises(NotFound):
        find_release(session, shop, "2.0")


def test_releases_are_listed_page_by_page(session: WriteSession, shop: Product, main: Stream) -> None:
    for day in (1, 2, 3):
        make_upload(session, main, day, f"1.{day}")
    first = list_releases(session, shop.id, limit=2)
    rest = list_releases(session, shop.id, after=first[-1].release.id, limit=2)
    assert [labelled.release.version for labelled in [*first, *rest]] == ["1.1", "1.2", "1.3"]

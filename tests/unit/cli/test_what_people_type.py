import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from service.cli.addresses import product_path, segment
from service.cli.advisories import read_record
from service.cli.inputs import read_input
from service.cli.instants import brief, end_of_day, instant, written
from service.cli.steps import is_exposure
from service.cli.syncing import chosen, feed_url
from service.errors import Unreadable
from service.settings import Settings


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2024-03-29", "2024-03-29T00:00:00Z"),
        ("2024-03-29T15:38", "2024-03-29T15:38:00Z"),
        ("2024-03-29T15:38:00Z", "2024-03-29T15:38:00Z"),
        ("2024-03-29T15:38+02:00", "2024-03-29T13:38:00Z"),
    ],
)
def test_a_time_without_zone_is_utc(typed: str, meant: str) -> None:
    assert written(instant(typed)) == meant


def test_until_a_day_includes_the_day() -> None:
    assert written(end_of_day("2024-03-29")) == "2024-03-30T00:00:00Z"
    assert written(end_of_day("2024-03-29T00:00Z")) == "2024-03-29T00:00:00Z"


def test_what_is_no_time_is_bad_usage() -> None:
    for typed in ("yesterday", "", "29.03.2024"):
        with pytest.raises(typer.BadParameter, match="2024-03-29"):
            instant(typed)


def test_people_read_instants_to_the_minute() -> None:
    assert brief("2024-03-29T15:38:59.123Z") == "2024-03-29 15:38"
    assert brief(None) == ""
    assert written(None) is None
    assert written(datetime(2024, 3, 29, tzinfo=UTC)) == "2024-03-29T00:00:00Z"


def test_a_folder_is_an_address_and_an_address_stays_one(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    assert feed_url(str(folder)) == f"file://{tmp_path}/with%20space"
    for address in ("https://mirror.example/osv", "file:///srv/osv", "none"):
        assert feed_url(address) == address
    with pytest.raises(typer.BadParameter, match="neither an address nor a folder"):
        feed_url(str(tmp_path / "nowhere"))


def test_ecosystems_given_replace_those_configured() -> None:
    settings = Settings(osv_ecosystems=("npm", "PyPI"))
    assert chosen(None, settings) == ["npm", "PyPI"]
    assert chosen(["Debian"], settings) == ["Debian"]
    assert chosen(["Debian", "all"], settings) == "all"
    assert chosen(None, Settings(osv_ecosystems="used")) == "used"


def test_a_product_is_one_segment_whatever_it_is_called() -> None:
    assert product_path("payments-api") == "/v1/products/payments-api"
    assert product_path("Payments API") == "/v1/products/Payments%20API"
    assert product_path("acme/shop") == "/v1/products/acme-shop"
    assert segment("release/2.x#1") == "release%2F2.x%231"


def test_an_exposure_is_told_from_an_incident() -> None:
    assert is_exposure("EXP-41")
    assert is_exposure("exp-41")
    assert not is_exposure("INC-7")
    assert not is_exposure("EXP-41/../../keys")


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff piped")))
    assert read_input(Path("-")) == b"\xff piped"
    with pytest.raises(Unreadable, match="standard input is empty"):
        read_input(Path("-"))
    with pytest.raises(Unreadable, match="cannot be read"):
        read_input(tmp_path)


def test_an_advisory_needs_an_id() -> None:
    assert read_record(b'{"id": "ACME-1"}') == {"id": "ACME-1"}
    for text in (b"{", b"[]", b"{}", b'{"id": ""}', b'{"id": 7}', b"\xff"):
        with pytest.raises(Unreadable):
            read_record(text)

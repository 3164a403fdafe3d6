from datetime import UTC, datetime, timedelta, timezone

import pytest
from markupsafe import Markup

from service.web.doors import own_address
from service.web.drawing import STATIC, duration, instant, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("liblzma5", "liblzma5"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u200bb\x00\x1b[31m", "a⟨U+200B⟩b⟨U+0000⟩⟨U+001B⟩[31m"),
        ("two\nlines\tand\rmore", "two lines and more"),
        ("a\u2028b", "a⟨U+2028⟩b"),
        ("Grüße, 世界, שלום", "Grüße, 世界, שלום"),
        ("\ue000", "⟨U+E000⟩"),
    ],
)
def test_what_hides_or_turns_a_line_around_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_what_is_no_text_stays_and_nothing_is_empty() -> None:
    assert visible(7) == 7
    assert visible(None) == ""
    assert visible(Markup("<b>\u202e</b>")) == "<b>\u202e</b>"


def test_instants_are_utc_for_people_and_machines() -> None:
    east = datetime(2024, 3, 29, 20, 45, 10, tzinfo=timezone(timedelta(hours=2)))
    assert (
        instant(east) == '<time datetime="2024-03-29T18:45:10Z"><span>2024-03-29</span> <span>18:45 UTC</span></time>'
    )
    assert instant("2024-03-29T18:45:10Z") == instant(datetime(2024, 3, 29, 18, 45, 10, tzinfo=UTC))
    assert instant(None) == "&ndash;"


@pytest.mark.parametrize(
    ("span", "written"),
    [
        (timedelta(days=13, hours=21, minutes=30), "13 d 21 h"),
        (timedelta(hours=5, minutes=29), "5 h 29 min"),
        (timedelta(minutes=-3), "3 min"),
        (timedelta(seconds=20), "less than a minute"),
        (timedelta(days=2), "2 d"),
    ],
)
def test_durations_name_their_two_largest_units(span: timedelta, written: str) -> None:
    assert duration(span) == written


@pytest.mark.parametrize("wanted", ["/incidents/INC-1", "/search?q=liblzma+5.6", "/"])
def test_signing_in_leads_on_to_our_pages(wanted: str) -> None:
    assert own_address(wanted) == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "/a\r\nSet-Cookie: x=1",
        "/\t/x",
    ],
)
def test_signing_in_leads_nowhere_else(wanted: str) -> None:
    assert own_address(wanted) == "/"


def test_the_pages_load_nothing_from_elsewhere_and_stay_small() -> None:
    for content, _ in STATIC.values():
        assert b"@import" not in content
        assert b"url(" not in content
        assert len(content) < 16_000

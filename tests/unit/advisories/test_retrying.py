"""When a server that fails may be asked again."""

from datetime import timedelta

import httpx
import pytest

from service.advisories.retrying_client import Patience, TryAgain, retry_after, wait_before_next

_NOON = "Mon, 02 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "9" * 5_000}, 86_400),
        ({"Retry-After": "Mon, 02 Mar 2026 12:01:00 GMT", "Date": _NOON}, 60),
        ({"Retry-After": "Mon, 02 Mar 2026 11:00:00 GMT", "Date": _NOON}, 0),
        ({"Retry-After": "Mon, 02 Mar 2026 12:01:00 GMT"}, None),
        ({"Retry-After": "soon", "Date": _NOON}, None),
        ({}, None),
    ],
)
def test_a_server_says_when_in_seconds_or_by_its_own_clock(headers: dict[str, str], seconds: int | None) -> None:
    assert retry_after(headers) == (None if seconds is None else timedelta(seconds=seconds))


def test_who_asks_for_more_peace_than_we_have_patience_is_left_in_peace() -> None:
    patience = Patience(longest_wait=timedelta(seconds=60))
    assert wait_before_next(patience, TryAgain("busy", timedelta(seconds=60))) == timedelta(seconds=60)
    assert wait_before_next(patience, TryAgain("busy", timedelta(seconds=61))) is False
    assert wait_before_next(patience, TryAgain("busy")) is True
    assert wait_before_next(patience, httpx.ConnectError("refused")) is True
    assert wait_before_next(patience, httpx.InvalidURL("no address")) is False
    assert wait_before_next(patience, httpx.UnsupportedProtocol("file://")) is False

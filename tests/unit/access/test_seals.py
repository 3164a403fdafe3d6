from datetime import UTC, datetime, timedelta

import pytest

from service.access.seals import Seals

NOON = datetime(2024, 4, 1, 12, tzinfo=UTC)
SEALS = Seals("a secret")


def test_what_was_sealed_comes_back() -> None:
    assert SEALS.open("session", SEALS.seal("session", "abc", 7), now=NOON) == ["abc", 7]


def test_a_seal_ends_when_it_says() -> None:
    text = SEALS.seal("session", "abc", until=NOON)
    assert SEALS.open("session", text, now=NOON - timedelta(seconds=1)) == ["abc"]
    assert SEALS.open("session", text, now=NOON) is None


def test_another_purpose_or_another_secret_opens_nothing() -> None:
    text = SEALS.seal("ticket", "abc")
    assert SEALS.open("session", text, now=NOON) is None
    assert Seals("another secret").open("ticket", text, now=NOON) is None


@pytest.mark.parametrize("text", ["", "x", "é", "AAAA", "-" * 500, SEALS.seal("ticket", "abc")[:-1] + "!"])
def test_what_is_none_of_ours_opens_nothing(text: str) -> None:
    assert SEALS.open("ticket", text, now=NOON) is None


def test_every_changed_byte_is_noticed() -> None:
    text = SEALS.seal("ticket", "abc")
    for position in range(len(text) - 1):
        changed = text[:position] + ("A" if text[position] != "A" else "B") + text[position + 1 :]
        assert SEALS.open("ticket", changed, now=NOON) is None

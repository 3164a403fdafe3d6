"""Arch Linux's order, and that of what OSV has no ecosystem for."""

import pytest

from service.versions import compare

#: As pacman's own test suite (test/util/vercmptest.sh) has them.
PACMAN = [
    "1.0a", "1.0b", "1.0beta", "1.0p", "1.0pre", "1.0rc", "1.0", "1.0.a", "1.0.1",
]  # fmt: skip


def test_letters_behind_a_number_come_before_it() -> None:
    for place, lower in enumerate(PACMAN):
        for higher in PACMAN[place + 1 :]:
            assert compare("purl:alpm/arch", lower, higher) == -1, (lower, higher)


@pytest.mark.parametrize(
    ("place", "lower", "higher"),
    [
        ("purl:alpm/arch", "5.6.1-1", "5.6.1-2"),
        ("purl:alpm/arch", "2.0-1", "1:1.0-1"),
        ("purl:rpm/fedora", "5.6.1-3.fc40", "1:5.4.6-3.fc41"),
        ("purl:rpm/fedora", "1.0-1", "1.0rc1-1"),
        ("purl:deb/kali", "1.0~rc1-1", "1.0-1"),
        ("purl:generic", "1.1.1-rc1", "1.1.1"),
        ("purl:generic", "1.1.1", "1.1.1w"),
        ("purl:conda", "5.6.1", "5.6.2"),
    ],
)
def test_a_place_named_by_purl_is_ordered_as_its_type_is(place: str, lower: str, higher: str) -> None:
    assert compare(place, lower, higher) == -1
    assert compare(place, higher, lower) == 1

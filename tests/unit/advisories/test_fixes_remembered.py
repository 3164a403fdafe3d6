"""What fixes were found to be is remembered within bounds."""

from service.advisories.fixes import Fixes
from service.advisories.fixes_remembered import Remembered, key_of


def test_what_nobody_has_asked_for_longest_is_forgotten_first() -> None:
    one, other, third = (bytes([number]) for number in range(3))
    remembered = Remembered(most_bytes=1_100)
    remembered.keep({one: Fixes("1", ("1",), None), other: Fixes("2", ("2",), None)})
    remembered.recall([one])

    remembered.keep({third: Fixes("3", ("3",), None)})

    assert remembered.recall([one, other, third]).keys() == {one, third}
    assert remembered.size_bytes <= 1_100


def test_an_answer_larger_than_all_room_is_not_kept() -> None:
    remembered = Remembered(most_bytes=1_000)
    remembered.keep({b"large": Fixes(None, tuple(map(str, range(100))), None)})

    assert remembered.recall([b"large"]) == {}
    assert remembered.size_bytes == 0


def test_a_key_stands_for_all_grounds_in_any_order() -> None:
    grounds = [(b"edition", 1, "1.0", "2.0"), (b"edition", 1, None, "2.0"), (b"another", 1, "", "2.0")]

    assert key_of(grounds) == key_of(reversed(grounds))
    assert len({key_of([ground]) for ground in grounds}) == len(grounds)

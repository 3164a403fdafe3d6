"""Each guard of the lifecycle comes to bear in a short life, and every invariant holds all the way."""

import pytest
from invariants import violations
from lives import Lives
from story import Story
from told_lives import TALES, Tale


@pytest.mark.parametrize("tale", TALES, ids=lambda tale: tale.__name__)
def test_a_life_that_is_told_breaks_no_invariant(story: Story, tale: Tale) -> None:
    lives = Lives(story)

    def check() -> None:
        assert violations(lives) == []

    tale(lives, check)

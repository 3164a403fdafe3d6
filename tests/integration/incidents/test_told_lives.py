"""Each guard of the lifecycle comes to bear in a short life, and every invariant holds all the way."""

import pytest
import told_lives
from invariants import violations
from lives import Lives
from story import Story
from told_lives import TALES, Tale

#: What no other test of the suite comes to; the others are told in the soak.
OFTEN = {
    told_lives.another_stream_falls_silent,
    told_lives.a_stream_is_left_without_sbom,
    told_lives.another_tool_writes_the_next_sbom,
    told_lives.what_had_confirmed_is_taken_back,
    told_lives.another_stream_is_retired,
    told_lives.nothing_matters_here_say_two,
    told_lives.two_override_the_sboms,
    told_lives.what_is_held_merges,
    told_lives.it_came_with_the_base,
}


@pytest.mark.parametrize(
    "tale", [pytest.param(t, id=t.__name__, marks=() if t in OFTEN else pytest.mark.soak) for t in TALES]
)
def test_a_life_that_is_told_breaks_no_invariant(story: Story, tale: Tale) -> None:
    lives = Lives(story)

    def check() -> None:
        assert violations(lives) == []

    tale(lives, check)

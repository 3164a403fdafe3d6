"""Random histories: whatever happens, in whatever order, the tables say what a slow model says."""

import pytest
from agreement import disagreements, resolved_wrongly
from histories import History
from story import Story

ACTS = 45


def live_through(story: Story, seed: int) -> None:
    history = History(story, seed)
    for _ in range(ACTS):
        history.act()
        assert resolved_wrongly(story, history.model) == [], "\n".join(history.told)
    assert disagreements(story, history.model) == [], "\n".join(history.told)


@pytest.mark.parametrize("seed", range(5))
def test_a_random_history_agrees_with_the_model(story: Story, seed: int) -> None:
    live_through(story, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1_000, 1_250))
def test_many_random_histories_agree_with_the_model(story: Story, seed: int) -> None:
    live_through(story, seed)

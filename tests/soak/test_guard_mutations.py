"""Each guard of the lifecycle is broken, one at a time, and the invariants notice: none of them is there for nothing.

Here, and nowhere else, our own code is patched: a test of tests has no other way. `-s` prints which invariant noticed.
"""

from datetime import timedelta
from importlib import import_module
from typing import Any, NamedTuple

import pytest
import told_lives as tales
from invariants import violations
from lives import Lives
from story import Story

from service.incidents.guards import LEADS_ON_FROM
from service.incidents.presence import Absence
from service.inventory.life import Silence

pytestmark = pytest.mark.soak


class Mutation(NamedTuple):
    """A guard: where it stands (`module:name`), what breaks it, and a life that comes to it."""

    seam: str
    broken: Any
    tale: tales.Tale


def _none(*_: object, **__: object) -> None:
    return None


def _nothing(*_: object, **__: object) -> dict[int, str]:
    return {}


def _later(exposure: Any, *_: object) -> None:  # noqa: ANN401 - an exposure
    exposure.remediate_due_at += timedelta(days=1)


MUTATIONS: dict[str, Mutation] = {
    "a silent stream holds": Mutation("holds:_silent_streams", _nothing, tales.another_stream_falls_silent),
    "a stream without SBOM holds": Mutation("holds:_silent_streams", _nothing, tales.a_stream_is_left_without_sbom),
    "the clock marks silent streams": Mutation(
        "service.flows.silence:mark_silent", lambda *_, **__: Silence(0, []), tales.another_stream_falls_silent
    ),
    "a doubtful SBOM holds": Mutation("holds:_doubtful_uploads", _nothing, tales.another_tool_writes_the_next_sbom),
    "another tool is doubtful": Mutation(
        "service.inventory.uploads:doubt_of", _none, tales.another_tool_writes_the_next_sbom
    ),
    "half an SBOM is doubtful": Mutation("service.inventory.uploads:doubt_of", _none, tales.half_is_gone),
    "sending again confirms nothing": Mutation(
        "service.inventory.life:RETRIED_WITHIN", timedelta(0), tales.another_tool_writes_the_next_sbom
    ),
    "kin that cannot be evaluated holds": Mutation("holds:_unevaluated", _nothing, tales.kin_cannot_be_evaluated),
    "what may be affected holds": Mutation("holds:_possible", _nothing, tales.its_release_is_unknown),
    "a void takes back the proof": Mutation(
        "service.flows.receiving:proved_by", _nothing, tales.what_had_confirmed_is_taken_back
    ),
    "retired is not resolved": Mutation("weighing:_departed", lambda *_: Absence.LEFT, tales.a_stream_is_retired),
    "absence in retired streams is no proof": Mutation(
        "weighing:absences",
        lambda _, absent, __: {a.exposure_id: Absence.LEFT for a in absent},
        tales.another_stream_is_retired,
    ),
    "what is back opens again": Mutation("presence:REOPENED_BY_MATCH", frozenset(), tales.a_fix_is_proved_and_undone),
    "a reopening begins an episode": Mutation("stepping:begin_episodes", _none, tales.a_fix_is_proved_and_undone),
    "an end ends the episode": Mutation("stepping:end_episodes", _none, tales.a_fix_is_proved_and_undone),
    "incidents follow": Mutation("timeline:_refresh_incidents", _none, tales.a_fix_is_proved_and_undone),
    "every step is told": Mutation("timeline:record_changes", _none, tales.a_fix_is_proved_and_undone),
    "decisions end with their status": Mutation("timeline:_let_go", lambda *_: [], tales.a_risk_is_accepted_for_a_week),
    "proposals lapse": Mutation("timeline:_let_go", lambda *_: [], tales.a_proposal_outlives_its_reason),
    "a decision covers what it was about": Mutation("judging:covered", _nothing, tales.nothing_matters_here_say_two),
    "an override covers what it was about": Mutation(
        "judging:covered", lambda _, ids, __: dict.fromkeys(ids), tales.two_override_the_sboms
    ),
    "an override stands": Mutation("judging:covered", _nothing, tales.two_override_the_sboms),
    "it takes two": Mutation("approving:approval_refused", _none, tales.nothing_matters_here_says_one),
    "acceptance is for 90 days at most": Mutation("guards:GUARDS", {}, tales.a_risk_is_accepted_for_long),
    "acceptance ends": Mutation("service.incidents.expiring:_AT_ONCE", 0, tales.a_risk_is_accepted_for_a_week),
    "exploitation ends acceptance": Mutation(
        "rating:decide_anew", lambda *_, **__: [], tales.what_was_accepted_is_exploited
    ),
    "a deadline never moves away": Mutation("redeciding:_tighten", _later, tales.it_gets_less_urgent),
    "what has ended takes no steps": Mutation(
        "guards:LEADS_ON_FROM",
        {to: statuses | {"resolved"} for to, statuses in LEADS_ON_FROM.items()},
        tales.what_has_ended_is_acknowledged,
    ),
    "a claim is doubted": Mutation("judging:contradicted", _nothing, tales.a_fix_is_claimed),
    "the older goes on": Mutation("merging:joined", lambda stays, _: stays, tales.the_younger_was_found_first),
    "what merges points on": Mutation("merging:_join", lambda *_: [], tales.two_names_are_one),
    "what merges hands over": Mutation("handing:_keep_first_days", _none, tales.the_younger_was_found_first),
    "what merges is remembered": Mutation("handing:_remember_components", _none, tales.what_is_held_merges),
    "what merges is over": Mutation("merging:end_episodes", _none, tales.two_names_are_one),
    "incidents merge": Mutation("service.flows.settling:merge_incidents", lambda *_, **__: 0, tales.two_names_are_one),
    "what came with a base waits": Mutation("assessing:follow_bases", _none, tales.it_came_with_the_base),
    "what came beside the base does not": Mutation(
        "inheriting:Inheriting.comes_with_base", lambda *_: True, tales.it_came_with_the_base
    ),
    "a base is no circle": Mutation("service.inventory.bases:_refuse_circle", _none, tales.a_base_is_built_on_itself),
}


def _broken(seam: str) -> tuple[Any, str]:
    module, _, path = seam.partition(":")
    owner: Any = import_module(module if "." in module else f"service.incidents.{module}")
    *outer, name = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    assert hasattr(owner, name), seam
    return owner, name


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_guard_is_noticed(story: Story, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    mutation = MUTATIONS[name]
    owner, attribute = _broken(mutation.seam)
    monkeypatch.setattr(owner, attribute, mutation.broken)
    found: list[str] = []
    lives = Lives(story)

    def check() -> None:
        found.extend(violations(lives))
        if found:
            raise _Noticed

    try:
        mutation.tale(lives, check)
    except _Noticed:
        print(f"{name}: {found[0]}")
    except Exception as error:  # noqa: BLE001 - the database, or the model, noticed
        found.append(f"{type(error).__name__}: {error}".splitlines()[0])
        print(f"{name}: {found[0]}")
    assert found, f"{name}: {mutation.seam} is broken, and nothing noticed"


class _Noticed(Exception):  # noqa: N818 - no error
    pass

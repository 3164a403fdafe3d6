"""Short lives, told by hand: each comes to where one guard of the machine or of people's steps has to hold."""

from collections.abc import Callable
from datetime import timedelta

from histories import COMPONENTS
from lives import ANN, BEN, Lives, some

LODASH, FIXED, OLDEST = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21", "pkg:npm/lodash@4.17.19"
REQUESTS = "pkg:pypi/requests@2.31.0rc1"
LZMA, REALLY = (purl for purl in COMPONENTS if "liblzma5" in purl and "distro" in purl)
OTHERS = (REQUESTS, "pkg:pypi/requests@2.31.0", "pkg:npm/lodash@5.0.0-rc.1")
GHSA, LATER, XZ = "GHSA-2222-2222-2222", "GHSA-3333-3333-3333", "DEBIAN-CVE-2024-3"

#: Checks what has become of it so far.
Check = Callable[[], None]
Tale = Callable[[Lives, Check], None]


def _opened(lives: Lives, check: Check) -> None:
    lives.tell(GHSA)
    lives.upload("shop", some(LODASH, FIXED))
    check()


def a_fix_is_proved_and_undone(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.upload("shop", some(FIXED))
    check()
    lives.upload("shop", some(LODASH, FIXED))
    check()


def another_tool_writes_the_next_sbom(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.upload("shop", some(FIXED), tool="trivy")
    check()
    lives.repeat("shop")
    check()
    lives.wait(0.1)
    lives.repeat("shop")
    check()


def what_had_confirmed_is_taken_back(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.upload("shop", some(FIXED), tool="trivy")
    lives.upload("shop", some(FIXED), tool="trivy")
    check()
    lives.void("shop")
    check()


def half_is_gone(lives: Lives, check: Check) -> None:
    lives.tell(GHSA)
    lives.upload("shop", some(LODASH, FIXED, *OTHERS))
    lives.upload("shop", some(FIXED))
    check()


def another_stream_falls_silent(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.upload("shop", some(FIXED), stream="1.x")
    lives.wait(31)
    check()
    lives.upload("shop", some(FIXED))
    check()
    lives.repeat("shop", "1.x")
    check()


def a_stream_is_left_without_sbom(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.upload("shop", some(FIXED), stream="1.x")
    lives.void("shop", "1.x")
    lives.upload("shop", some(FIXED))
    check()


def kin_cannot_be_evaluated(lives: Lives, check: Check) -> None:
    lives.tell(XZ)
    lives.upload("shop", some(LZMA, FIXED))
    lives.upload("shop", some("liblzma5", FIXED))
    check()


def its_release_is_unknown(lives: Lives, check: Check) -> None:
    lives.tell(XZ)
    lives.tell("DSA-1", 1)  # of no release
    lives.upload("shop", some(LZMA, FIXED))
    lives.upload("shop", some(REALLY, FIXED))
    check()


def a_stream_is_retired(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.retire("shop")
    check()


def another_stream_is_retired(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.upload("shop", some(LODASH, FIXED), stream="1.x")
    lives.retire("shop", "1.x")
    check()
    lives.upload("shop", some(FIXED))
    check()


def nothing_matters_here_says_one(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.step(0, "not_affected", actor=ANN)
    check()
    lives.approve(0, actor=ANN)
    check()


def nothing_matters_here_say_two(lives: Lives, check: Check) -> None:
    nothing_matters_here_says_one(lives, check)
    lives.approve(0, actor=BEN)
    check()
    lives.tell(LATER, 1, 1)  # OLDEST is affected by its own word, under the same name
    lives.upload("shop", some(LODASH, FIXED, "pkg:npm/lodash@5.0.0-rc.1"))
    check()
    lives.tell("PYSEC-2024-1", 0, 1)
    lives.upload("shop", some(LODASH, FIXED, REQUESTS))
    check()


def two_override_the_sboms(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.step(0, "resolved", actor=ANN)
    lives.approve(0, actor=BEN)
    check()
    lives.tell(GHSA)
    check()
    assert lives.story.status("shop", GHSA) == "resolved", "two have said so, of the very same"
    lives.tell("PYSEC-2024-1", 0, 1)
    lives.upload("shop", some(LODASH, FIXED, REQUESTS))
    check()


def a_risk_is_accepted_for_a_week(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.step(0, "risk_accepted", days=7)
    check()
    lives.wait(8)
    check()


def a_risk_is_accepted_for_long(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.step(0, "risk_accepted", days=400)
    check()


def what_was_accepted_is_exploited(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.step(0, "risk_accepted", days=30)
    lives.exploit("CVE-2024-1")
    check()


def it_gets_less_urgent(lives: Lives, check: Check) -> None:
    lives.exploit("CVE-2024-1")
    _opened(lives, check)
    lives.exploit("CVE-2024-1")
    check()


def what_has_ended_is_acknowledged(lives: Lives, check: Check) -> None:
    a_fix_is_proved_and_undone(lives, check)
    lives.upload("shop", some(FIXED))
    lives.step(0, "acknowledged")
    check()


def a_fix_is_claimed(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.step(0, "fix_claimed")
    check()
    lives.upload("shop", some(LODASH, FIXED))
    check()


def two_names_are_one(lives: Lives, check: Check) -> None:
    lives.tell(LATER, 1)
    lives.tell("PYSEC-2024-1")
    lives.upload("shop", some(REQUESTS))
    lives.upload("shop", some(REQUESTS, OLDEST))
    lives.step(1, "in_progress")
    lives.upload("blog", some(OLDEST, FIXED))
    check()
    lives.tell(LATER, 1, 2)
    check()
    lives.upload("shop", some(FIXED, REQUESTS, "pkg:pypi/requests@2.31.0"))
    check()


def the_younger_was_found_first(lives: Lives, check: Check) -> None:
    """Let the product have the older vulnerability later than the younger."""
    lives.tell("PYSEC-2024-1")
    lives.tell(LATER, 1)
    lives.upload("blog", some(REQUESTS))
    lives.upload("shop", some(OLDEST, FIXED))
    lives.upload("shop", some(OLDEST, FIXED, REQUESTS))
    lives.tell(LATER, 1, 2)
    check()


def what_is_held_merges(lives: Lives, check: Check) -> None:
    lives.tell(LATER, 1)
    lives.tell("PYSEC-2024-1")
    lives.upload("shop", some(OLDEST, FIXED), stream="1.x")
    lives.upload("shop", some(REQUESTS, FIXED))
    lives.upload("shop", some(FIXED), tool="trivy")
    check()
    lives.tell(LATER, 1, 2)
    lives.upload("shop", some(FIXED), stream="1.x")
    check()


def it_came_with_the_base(lives: Lives, check: Check) -> None:
    lives.upload("base", some(LODASH, FIXED))
    lives.upload("shop", some(LODASH, FIXED))
    lives.build_on("shop", "base")
    lives.tell(GHSA)
    check()
    lives.upload("base", some(FIXED))
    check()
    lives.upload("base", some(LODASH, FIXED))
    check()
    lives.upload("shop", some(LODASH, OLDEST, FIXED))
    check()
    lives.build_on("shop", None)
    check()


def a_base_is_built_on_itself(lives: Lives, check: Check) -> None:
    lives.upload("base", some(LODASH))
    lives.upload("shop", some(LODASH))
    lives.build_on("shop", "base")
    lives.build_on("base", "shop")
    check()


def a_proposal_outlives_its_reason(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.step(0, "not_affected")
    lives.upload("shop", some(FIXED))
    check()


def it_was_never_there(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.tell(GHSA, withdrawn=True)
    check()
    lives.tell(GHSA)
    check()
    lives.void("shop")
    check()


def a_late_sbom_is_clean(lives: Lives, check: Check) -> None:
    _opened(lives, check)
    lives.upload("shop", some(FIXED), ago=timedelta(days=2))
    check()


TALES: tuple[Tale, ...] = (
    a_fix_is_proved_and_undone,
    another_tool_writes_the_next_sbom,
    what_had_confirmed_is_taken_back,
    half_is_gone,
    another_stream_falls_silent,
    a_stream_is_left_without_sbom,
    kin_cannot_be_evaluated,
    its_release_is_unknown,
    a_stream_is_retired,
    another_stream_is_retired,
    nothing_matters_here_says_one,
    nothing_matters_here_say_two,
    two_override_the_sboms,
    a_risk_is_accepted_for_a_week,
    a_risk_is_accepted_for_long,
    what_was_accepted_is_exploited,
    it_gets_less_urgent,
    what_has_ended_is_acknowledged,
    a_fix_is_claimed,
    two_names_are_one,
    the_younger_was_found_first,
    what_is_held_merges,
    it_came_with_the_base,
    a_base_is_built_on_itself,
    a_proposal_outlives_its_reason,
    it_was_never_there,
    a_late_sbom_is_clean,
)

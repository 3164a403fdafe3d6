"""Stored intervals against the plain walk over the events, for made-up ranges over versions that were published."""

from typing import Any, Final

import interval_answers
import msgspec
import pytest
import slow_evaluator
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from slow_evaluator import Package

from service.advisories.osv_schema import OsvAffected
from service.advisories.ranges import flatten
from service.versions import ECOSYSTEMS, UnparsableVersion, family_of, sort_key

#: Versions of one package each, as published, the odd ones above all.
#: Maven's circle (1-alpha < 1 < 1.sp.1 < 1-alpha) is left out: where nothing is an order, no walk is right.
PUBLISHED: Final = {
    "npm": "0.0.0-0 1.0.0-alpha.1 1.0.0-alpha.10 1.0.0-rc.1 1.0.0 1.0.0+build 1.0.1 1.10.0 2.0.0 4.17.20 v4.17.21",
    "Go": "v0.0.0-20190308221718-c2843e01d9a2 v0.5.12 v1.0.0-rc1 v1.2.3 v2.0.0+incompatible go1.21rc2",
    "Bitnami": "7.0.0 7.0.0-1 7.0.0-r3 7.0.1-rc1 7.0.10 8.0.0-0",
    "Julia": "5.2.4 5.2.5+0 5.2.5+1 5.4.0-rc1 5.4.0",
    "PyPI": "1.0.dev1 1.0a1 1.0rc1 1.0 1.0.0 1.0.post1 1.0+local.1 1!0.5 2004d 2.0.0rc1",
    "Maven": "1 1.sp.1 1.0-SNAPSHOT 1.0 1.0.Final 2.13.9.SP2-redhat-00003 9.2.1.jre8 9.2.1.jre11",
    "NuGet": "1.0.0 1.0.0.0 1.0.0.1 1.0.0-Beta 1.0.0-beta.2 2.0.0-preview.1 13.0.1",
    "RubyGems": "1.0.a 1.0.0 1.0 1.0.0.pre1 1.0.0.1 6.1.4.7 7.0.0.rc1",
    "Packagist": "1.0.0-dev 1.0.0-alpha1 1.0-beta2 1.0.0RC1 1.0.0 1.0.0-p1 v2.0.0 dev-main 7.x-1.0",
    "Pub": "1.0.0-dev 1.0.0 1.0.0+1 1.0.0+2 2.0.0",
    "CRAN": "1.0-1 1.0.1 1.1 1.10 0.9-13",
    "Hackage": "1.0 1.0.0 1.0.0.1 1.10",
    "Debian:12": "1.0~rc1-1 1.0-1 1.0-1+deb12u1 1.0-1+b1 1:0.5-2 5.6.1+really5.4.5-1 2.0",
    "Alpine:v3.18": "1.0_alpha1-r0 1.0_rc1-r0 1.0-r0 1.0-r10 1.0_p1-r0 1.0a-r1 1.10-r0",
    "AlmaLinux:9": "1.0-1.el9 1.0-1.el9_2 1.0~rc1-1.el9 1.0^git1-1.el9 1:0.5-2.el9 2.0-1.module_el9.1.0+8+503f6fbd",
    "Echo:npm": "1.0.0 1.0.0+echo.1 1.0.0+echo.10 1.0.0-rc.1+echo.1 1.0.1+echo.1",
    "OSS-Fuzz": "v1.0 1.0 VER-2-0 main",
    "Homebrew": "1.0 1.0_1",
}  # fmt: skip
#: What no ecosystem orders, or hardly any.
STRAYS: Final = ["latest", "${version}", "6879efc2c1596d11a6a6ad296f80063b558d5e0f", "*", "0"]


def versions_of(ecosystem: str) -> list[str]:
    return [*PUBLISHED[ecosystem].split(), *STRAYS]


@st.composite
def questions(draw: st.DrawFn) -> tuple[Package, dict[str, Any]]:
    """Draw an entry and a version to ask of it; lists and events are in any order, repeated, and sometimes absurd."""
    ecosystem = draw(st.sampled_from(sorted(PUBLISHED)))
    published = st.sampled_from(PUBLISHED[ecosystem].split())
    bound = st.one_of(published, published, published, st.sampled_from(STRAYS))
    event = st.one_of(
        st.builds(lambda at: {"introduced": at}, st.one_of(st.just("0"), bound)),
        st.builds(lambda kind, at: {kind: at}, st.sampled_from(["fixed", "last_affected"]), published),
        st.builds(lambda at: {"limit": at}, st.one_of(st.just("*"), published)),
    )
    entry: dict[str, Any] = {"package": {"ecosystem": ecosystem, "name": "package"}}
    kind = draw(st.sampled_from(["SEMVER", "ECOSYSTEM", "GIT"]) if draw(st.booleans()) else st.just("ECOSYSTEM"))
    entry["ranges"] = [
        {"type": kind, "events": draw(st.lists(event, max_size=5))} for _ in range(draw(st.integers(0, 2)))
    ]
    entry["versions"] = draw(st.lists(bound, max_size=3))
    return Package(ecosystem, "package", draw(st.one_of(published, bound))), entry


def test_every_order_is_asked() -> None:
    assert {family_of(name) for name in PUBLISHED} == {family_of(name) for name in ECOSYSTEMS}


@seed(20_24_03_29)
@settings(max_examples=300)
@given(question=questions())
def test_intervals_say_what_walking_the_events_says(question: tuple[Package, dict[str, Any]]) -> None:
    package, entry = question
    affected, _ = flatten([msgspec.convert(entry, OsvAffected)])

    assert interval_answers.answer(package, affected) == slow_evaluator.answer(package, entry)


@pytest.mark.parametrize("ecosystem", sorted(PUBLISHED))
def test_nearly_all_published_versions_can_be_read(ecosystem: str) -> None:
    if family_of(ecosystem) is None:
        pytest.skip("versions have no order here")

    def is_read(version: str) -> bool:
        try:
            return bool(sort_key(ecosystem, version)[0])
        except UnparsableVersion:
            return False

    published = PUBLISHED[ecosystem].split()
    assert len([version for version in published if is_read(version)]) >= len(published) - 1

"""What each ecosystem means by higher, equal and unreadable, on versions of our own choosing."""

from itertools import combinations, pairwise

import pytest

from service.errors import Unreadable
from service.versions import ECOSYSTEMS, UnparsableVersion, compare, family_of, sort_key

ASCENDING = {
    "npm": [
        "0.9.0 0.10.0 1.0.0-0 1.0.0-2 1.0.0-11 1.0.0-Alpha 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-rc.1 1.0.0",
        "1.0.0 1.0.1 2.0.0-rc.1 2.0.0",
        # SemVer has no fourth number; people who write one mean more, not less.
        "3.5.0-rc.1 3.5.0 3.5.0.1 3.5.0.2 3.5.0.10 3.5.1",
        "2.0a1 2.0b1 2.0rc2 2.0rc10 2.0",
    ],
    "Go": [
        "v0.0.0-20190101000000-aaaaaaaaaaaa v0.0.0-20210101000000-000000000000 v0.1.0",
        "go1.20.14 go1.21rc2 go1.21rc10 go1.21.0 1.21.1",
    ],
    "Julia": ["1.1.1-rc1 1.1.1+0 1.1.1+1 1.1.1+2 1.1.1+10 1.1.2+0"],
    "Bitnami": [
        "2.6.0-rc1 2.6.0-rc2 2.6.0 2.6.0-1 2.6.0-2 2.6.0-10 2.6.1",
        "2.8.0 2.8.0-r1 2.8.0-r9 2.8.0-r10 2.8.1-r0",
        "2.4.46 2.4.46-10.el8 2.4.47",
        "0.0.0-20251119135424-6672e6aaa41e 0.0.0-20251119140106-9dbdfc3f1be0 0.0.0",
    ],
    "PyPI": [
        "not.a.version 0 1.0.dev1 1.0a1.dev1 1.0a1 1.0a2 1.0b1 1.0rc1 1.0 1.0+abc 1.0+5 1.0.post1.dev1 1.0.post1 1.1",
        "2024.1 1!0.1 1!1.0 2!0",
    ],
    "Debian": [
        "5.6.1~rc1-1 5.6.1-1 5.6.1-1+b1 5.6.1-2 5.6.1+really5.4.5-1 5.6.2-1",
        "1.0~~ 1.0~~a 1.0~ 1.0 1.0a 1.0+ 1.0. 1.1 1.10 1:0.1 2:0",
        "1.0-1~bpo12+1 1.0-1~deb12u1 1.0-1 1.0-1ubuntu0.1 1.0-1.1",
    ],
    "opam": ["v0.9.0 v0.16~preview.1 v0.16 v0.16.1"],
    "Red Hat": [
        "1.0~rc1-1 1.0-1 1.0^git1-1 1.0a-1 1.0.1-1 1.1-1 1:0.1-1",
        "3.0.7-18.el9 3.0.7-18.el9_2 3.0.7-24.el9 3.0.7-24.el9.1",
        "2.0 2.0-1",
        # The last hyphen begins the release.
        "3.8-4-2.el8 3.8-5-1.el8 3.8.6-1.el8",
    ],
    "Alpine": [
        "1.2_alpha 1.2_alpha2 1.2_beta1 1.2_pre1 1.2_rc1 1.2 1.2-r0 1.2-r1 1.2-r10 1.2_git20240101 1.2_p1 1.2_p1-r1",
        "1.2 1.2a 1.2b 1.2.1 1.10",
        "6.6.4 6.6.4p1-r0 6.6.4p1-r1 6.6.4p2-r0 6.6.4p10-r0 6.6.5",
        "8u372_p7-r0 8u372_p7-r1 8u392_p9-r1 8u402_p7-r0",
        "5.6.1-r0 5.6.1-r2 5.6.2-r0",
        "1.05 1.1 1.5",
    ],
    "Maven": [
        "1.0-alpha-1 1.0-beta-1 1.0-M1 1.0-rc1 1.0-SNAPSHOT 1.0 1.0-sp1 1.0-1 1.0.1 1.1",
        "2.13.4 2.13.4.1 2.13.4.2 2.14.0-rc1 2.14.0",
        "30.0-android 30.0-jre 30.1-android",
    ],
    "RubyGems": ["1.0.a9 1.0.a10 1.0.b1 1.0 1.0.1 1.0.10 1.1.pre 1.1", "1.0.0-rc1 1.0.0"],
    "NuGet": [
        "1.0.0-alpha 1.0.0-BETA 1.0.0-rc.2 1.0.0-rc.10 1.0.0 1.0.0.1 1.0.1",
        # What does not fit 32 bits is text to .NET, and text sorts above numbers.
        "1.0.0--5 1.0.0-0 1.0.0-2147483647 1.0.0-20240101000000 1.0.0-a",
    ],
    "Packagist": ["1.0.0-dev 1.0.0-alpha1 1.0.0-beta2 1.0.0-RC1 1.0.0 1.0.0.1 1.0.0-pl1 1.0.1", "v5.4.9 5.4.10"],
    "Pub": ["1.0.0-pre 1.0.0-pre+1 1.0.0 1.0.0+1 1.0.0+2 1.0.0+10 1.0.0+a", "1.0.0-a.-3 1.0.0-a.0x1 1.0.0-a.2"],
    "CRAN": ["0.9 0.75 1.0 1.0-0 1.0-1 1.0.2"],
    "Hackage": ["0.9 0.11.3 1 1.0 1.0.0 2"],
}

SAME = {
    "npm": ["1 1.0 1.0.0 v1.0.0 1.0.0+build 1.0.0+other 01.0.0 1.0.0.0", "1.0.0-rc.1 1.0.0-rc.1+5 1.0.0.rc1 1.0.0rc1"],
    "Go": ["1.21 go1.21 v1.21.0 v1.21.0+incompatible"],
    "Julia": ["1.1.1 1.1.1+0"],
    "Bitnami": ["2.8.0 2.8.0-0 2.8.0-r0 v2.8.0"],
    "PyPI": ["1.0 1 1.0.0 v1.0 0!1.0", "1.0a1 1.0-alpha.1 1.0ALPHA1", "1.0.post1 1.0-1 1.0.r1", "1.0+a.b 1.0+A_b"],
    "Debian": ["1.0 0:1.0 1.0-0 1.0-00 1.00"],
    "Red Hat": ["1.0-1 0:1.0-1 1.00-1 1_0-1"],
    "Alpine": ["1.2-r1 1.2-r01"],
    "Maven": ["1 1.0 1.0.0 1-ga 1.0.FINAL 1.0-final 1.Release", "1a1 1-alpha-1 1-ALPHA1", "1.0-rc1 1.0-cr1"],
    "RubyGems": ["1 1.0 1.0.0", "1.a 1.0.a 1.0.0.a", "1.0-rc1 1.0.pre.rc1"],
    "NuGet": ["1 1.0 1.0.0.0 1.0.0+build", "1.0.0-BETA 1.0.0-beta", "1.0.0-02 1.0.0-2"],
    "Packagist": ["v1.0.0 1.0.0", "1.0rc1 1.0RC1 1.0-rc.1"],
    "Pub": ["v1.0.0 1.0.0"],
    "CRAN": ["1.0-1 1.0.1 1.00.1"],
}

REFUSED = {
    "npm": [
        "",
        "  ",
        "latest",
        "(devel)",
        "x.1",
        "0e58ed8671d6b60d0890c21b07f8835ace038e67",
        "1.0.0\0",
        "1.0.0-\ud800",
    ],
    "Bitnami": ["nightly.2026-03-10.0"],
    "PyPI": ["", "9" * 257],
    "Debian": ["a:1.0", "1.0 beta", "1.0-ä", ":1", "1:", "1:-1", "-1"],
    "Alpine": ["1..2", "1.0_final", "r1", "1.0-r", "1.0A", "1.0ab"],
    "RubyGems": ["1beta", "x", "1..0"],
    "NuGet": ["1.2.3.4.5", "one"],
    "Packagist": ["dev-main", "master", "dev-1.x", "1.0.", ".1", "1.0.#", "v1.0é", "²"],
    "Pub": ["1.2.3.4", "1.0.0rc1", "1.0.0-", "1.0.0+", "go1.0.0"],
    "CRAN": ["1.0a", "1..0", "-1", "１.0"],  # noqa: RUF001 - a digit, but not an ASCII one
    "Hackage": ["1.0-1", "1.0-beta"],
    "FreeBSD": ["1.0"],
    "Homebrew": ["1.0"],
    "no such ecosystem": ["1.0"],
}


def rows(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(ecosystem, row) for ecosystem, rows in table.items() for row in rows]


@pytest.mark.parametrize(("ecosystem", "row"), rows(ASCENDING))
def test_versions_ascend(ecosystem: str, row: str) -> None:
    versions = row.split()
    for lower, higher in combinations(versions, 2):
        assert compare(ecosystem, lower, higher) == -1, f"{lower} < {higher}"
        assert compare(ecosystem, higher, lower) == 1, f"{higher} > {lower}"
    keys = [sort_key(ecosystem, version) for version in versions]
    for (lower_key, lower_flagged), (higher_key, higher_flagged) in pairwise(keys):
        assert lower_flagged or higher_flagged or lower_key < higher_key


@pytest.mark.parametrize(("ecosystem", "row"), rows(SAME))
def test_versions_are_the_same(ecosystem: str, row: str) -> None:
    for one, other in combinations(row.split(), 2):
        assert compare(ecosystem, one, other) == 0, f"{one} = {other}"


@pytest.mark.parametrize(("ecosystem", "version"), rows(REFUSED))
def test_a_version_that_the_ecosystem_cannot_read_is_refused(ecosystem: str, version: str) -> None:
    with pytest.raises(UnparsableVersion):
        sort_key(ecosystem, version)
    with pytest.raises(UnparsableVersion):
        compare(ecosystem, version, "1.0.0")
    assert issubclass(UnparsableVersion, Unreadable)


@pytest.mark.parametrize(
    ("ecosystem", "family"),
    [
        ("Debian:13", "dpkg"),
        ("Ubuntu:Pro:22.04:LTS", "dpkg"),
        ("Alpine:v3.18", "apk"),
        ("Red Hat:enterprise_linux:9::appstream", "rpm"),
        ("Maven:https://repo1.maven.org/maven2", "maven"),
        ("kubernetes", "semver"),
        ("Root:Alpine:3.18", "apk"),
        ("Root:PyPI", "pypi"),
        ("Echo", "dpkg"),
        ("Echo:PyPI", "pypi"),
        ("TuxCare:AlmaLinux:8", "rpm"),
        ("Docker Hardened Images:Debian:13", "dpkg"),
        ("Root", None),
        ("Homebrew", None),
        ("debian:13", None),
    ],
)
def test_the_part_before_the_colon_decides_the_family(ecosystem: str, family: str | None) -> None:
    assert family_of(ecosystem) == family


def test_every_ecosystem_with_a_family_has_an_ordering() -> None:
    for ecosystem in ECOSYSTEMS:
        if family_of(ecosystem):
            assert sort_key(ecosystem, "1.0.0")[0]


def test_a_really_version_sorts_above_what_it_replaces_and_below_the_next_release() -> None:
    assert compare("Debian:13", "5.6.1+really5.4.5-1", "5.6.1-1") == 1
    assert compare("Debian:13", "5.6.1+really5.4.5-1", "5.6.2") == -1


def test_maven_flags_only_versions_that_can_run_in_a_circle() -> None:
    circle = ["1-alpha", "1", "1.sp.1"]
    assert [compare("Maven", a, b) for a, b in pairwise([*circle, circle[0]])] == [-1, -1, -1]
    assert any(sort_key("Maven", version)[1] for version in circle)
    assert not any(sort_key("Maven", version)[1] for version in ("2.17.1", "1.0-rc1", "6.1.0-jre", "1.0-SNAPSHOT"))


def test_white_space_around_a_version_is_ignored() -> None:
    assert sort_key("npm", " 1.2.3\n") == sort_key("npm", "1.2.3")

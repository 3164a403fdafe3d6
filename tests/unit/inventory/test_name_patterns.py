"""Which names fall under which patterns."""

import pytest

from service.inventory.private_names import BadPattern, Patterns, read_pattern


@pytest.mark.parametrize(
    ("pattern", "package"),
    [
        ("npm:@acme/*", ("npm", "@acme", "billing")),
        ("npm:@acme/*", ("npm", "@ACME", "Billing")),
        ("npm:acme-*", ("npm", "", "acme-ui")),
        ("pypi:acme_*", ("pypi", "", "acme-tools")),
        ("maven:com.acme.*", ("maven", "com.acme", "core")),
        ("maven:com.acme.*", ("maven", "com.acme.web", "ui")),
        ("maven:com.acme:core*", ("maven", "com.acme", "core-api")),
        ("golang:git.acme.example/*", ("golang", "git.acme.example/team", "tool")),
        ("deb:acme-*", ("deb", "debian", "acme-agent")),
        ("nuget:Acme.*", ("nuget", "", "acme.billing")),
    ],
)
def test_a_name_falls_under_its_pattern(pattern: str, package: tuple[str, str, str]) -> None:
    assert Patterns([pattern]).claim(*package) == read_pattern(pattern).text


@pytest.mark.parametrize(
    ("pattern", "package"),
    [
        ("npm:@acme/*", ("npm", "@acme-evil", "billing")),
        ("npm:@acme/*", ("npm", "", "acme")),
        ("npm:@acme/*", ("pypi", "@acme", "billing")),
        ("maven:com.acme.*", ("maven", "com.acmefake", "core")),
        ("golang:git.acme.example/*", ("golang", "git-acme.example/team", "tool")),
        ("pypi:acme.tools", ("pypi", "", "acmextools")),
    ],
)
def test_its_neighbours_do_not(pattern: str, package: tuple[str, str, str]) -> None:
    assert Patterns([pattern]).claim(*package) == ""


@pytest.mark.parametrize(
    ("name", "falls"),
    [("acme-x-api-y-core", True), ("acme-api-api-core", True), ("acme-api-core-x", False), ("acme-core-api", False)],
)
def test_a_pattern_may_leave_several_parts_open(name: str, *, falls: bool) -> None:
    assert bool(Patterns(["npm:acme-*api*-core"]).claim("npm", "", name)) == falls


@pytest.mark.timeout(10)
def test_many_stars_cost_no_time_that_grows_with_their_number() -> None:
    pattern = Patterns(["npm:" + "ab*" * 90 + "zz", "maven:" + "ab*" * 90 + "zz.*", "registry:" + "ab*" * 90 + "zz"])
    assert pattern.claim("npm", "", "ab" * 150) == pattern.claim("maven", "ab" * 150, "x") == ""
    assert pattern.claim_address("ab" * 100) == ""


@pytest.mark.parametrize(
    ("address", "claimed"),
    [
        ("nexus.acme.example", True),
        ("Nexus.ACME.example/repository/npm/left/-/left-1.tgz", True),
        ("nexus.acme.example.evil.example/x", False),
        ("xnexus.acme.example", False),
        ("", False),
    ],
)
def test_a_registry_is_told_by_its_host(address: str, *, claimed: bool) -> None:
    patterns = Patterns(["registry:nexus.acme.example"])
    assert patterns.claim("npm", "", "left", address) == ("registry:nexus.acme.example" if claimed else "")


def test_a_registry_may_be_told_by_host_and_path() -> None:
    patterns = Patterns(["registry:https://*.acme.example/repository/own/"])
    assert patterns.claim_address("nexus.acme.example/repository/own/left.tgz") == (
        "registry:*.acme.example/repository/own"
    )
    assert patterns.claim_address("nexus.acme.example/repository/ownership/left.tgz") == ""


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "npm", "@acme/*", "npm:", "npm:*", "npm:@*/*", "npm:a*", "pypi:**", "npm:@acme", "npm:@acme*"),
        *("registry:*", "registry:registry.npmjs." + "org", "registry:*.org", "npm:@acme /x", "npm:@acme/\u202e*"),
        "npm:" + "a" * 400,
    ],
)
def test_a_pattern_that_says_nothing_or_too_much_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        read_pattern(pattern)

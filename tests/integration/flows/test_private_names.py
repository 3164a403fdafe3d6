"""Names of our own never meet public advisories; public malware of such a name is shown as a doubt."""

from typing import Any

import pytest
from osv_bucket import make_record
from sqlalchemy import select
from story import CERT, Story

from service.advisories.models import Match
from service.db import reading, writing
from service.flows.private_names import follow_names, remove_namespace, set_namespace
from service.inventory.catalogue_models import InternalNamespace

OURS, LODASH = "pkg:npm/%40acme/billing@1.0.0", "pkg:npm/lodash@4.17.20"
PUBLIC = make_record(
    "GHSA-2222-2222-2222", "npm/@acme/billing", "introduced 0", "fixed 2.0.0", aliases=["CVE-2024-1111"]
)
MALWARE = make_record("MAL-2024-1", "npm/@acme/billing", "introduced 0")
LISTED = make_record("MAL-2024-2", "npm/@acme/billing", versions=["1.0.0"])
OWN = make_record("x_ACME-1", "npm/@acme/billing", "introduced 0", "fixed 3.0.0")


def declare(story: Story, pattern: str) -> None:
    set_namespace(story.engine, pattern, reason="our own packages", actor=CERT, now=story.tick())


def remove(story: Story, pattern: str) -> None:
    remove_namespace(story.engine, pattern, actor=CERT, now=story.tick())


def findings(answer: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {one["vulnerability"]: (one["certainty"], one["note"]) for one in answer["findings"]}


def test_a_private_name_meets_our_own_advisories_only(story: Story) -> None:
    declare(story, "npm:@acme/*")
    story.feed(PUBLIC, MALWARE, LISTED)
    story.publish(OWN)

    answer = story.upload("shop", OURS)

    assert findings(answer) == {
        "x_ACME-1": ("certain", None),
        "MAL-2024-1": ("possible", "dependency confusion?"),
        "MAL-2024-2": ("possible", "dependency confusion?"),
    }
    assert [story.status("shop", name) for name in ("x_ACME-1", "CVE-2024-1111", "MAL-2024-2")] == ["open", None, None]
    assert story.differences() == []


def test_the_same_without_the_pattern_is_what_everybody_gets(story: Story) -> None:
    story.feed(PUBLIC, MALWARE, LISTED)

    assert findings(story.upload("shop", OURS)) == {
        "CVE-2024-1111": ("certain", None),
        "MAL-2024-1": ("possible", None),
        "MAL-2024-2": ("certain", None),
    }


def test_a_pattern_withdraws_what_public_advisories_opened_and_its_removal_brings_it_back(story: Story) -> None:
    story.feed(PUBLIC, LISTED)
    story.upload("shop", OURS, LODASH)
    assert (story.status("shop", "CVE-2024-1111"), story.status("shop", "MAL-2024-2")) == ("open", "open")

    declare(story, "npm:@acme/*")

    assert (story.status("shop", "CVE-2024-1111"), story.status("shop", "MAL-2024-2")) == ("withdrawn", "withdrawn")
    exposure = story.exposure("shop", "CVE-2024-1111")
    assert exposure is not None
    assert story.steps(exposure)[-1].reason == ("internal names, of which public advisories do not speak: npm:@acme/*")
    assert story.differences() == []

    remove(story, "npm:@acme/*")

    assert (story.status("shop", "CVE-2024-1111"), story.status("shop", "MAL-2024-2")) == ("open", "open")
    assert story.differences() == []


def test_a_feed_that_comes_later_does_not_meet_private_names_either(story: Story) -> None:
    declare(story, "npm:@acme/*")
    story.upload("shop", OURS)

    story.feed(PUBLIC)

    assert story.status("shop", "CVE-2024-1111") is None


def test_a_registry_of_our_own_makes_what_comes_from_it_private(story: Story) -> None:
    declare(story, "registry:nexus.acme.example/repository/own")
    story.feed(make_record("GHSA-2222-2222-2222", "npm/left", "introduced 0", aliases=["CVE-2024-1111"]))

    ours = story.upload("shop", "pkg:npm/left@1.0.0?repository_url=https://nexus.acme.example/repository/own/")
    proxied = story.upload("blog", "pkg:npm/left@1.0.0?repository_url=https://nexus.acme.example/repository/proxy/")

    assert findings(ours) == {}
    assert findings(proxied) == {"CVE-2024-1111": ("certain", None)}


def test_malware_never_surely_means_what_came_from_elsewhere(story: Story) -> None:
    story.feed(make_record("MAL-2024-2", "npm/left", versions=["1.0.0"]))

    for elsewhere in ("repository_url=https://nexus.acme.example", "vcs_url=git%2Bhttps://git.acme.example/left.git"):
        answer = story.upload("shop", f"pkg:npm/left@1.0.0?{elsewhere}")
        assert findings(answer) == {"MAL-2024-2": ("possible", "dependency confusion?")}
    assert findings(story.upload("blog", "pkg:npm/left@1.0.0")) == {"MAL-2024-2": ("certain", None)}


NPM = "registry.npmjs." + "org"


def test_a_record_that_condemns_a_name_surely_means_what_came_from_the_public_registry(story: Story) -> None:
    story.feed(make_record("MAL-2024-1", "npm/left", "introduced 0"))

    answer = story.upload("shop", f"pkg:npm/left@1.0.0?download_url=https://{NPM}/left/-/left-1.0.0.tgz")

    assert findings(answer) == {"MAL-2024-1": ("certain", None)}
    assert story.status("shop", "MAL-2024-1") == "open"


def test_a_document_that_says_more_is_heard_everywhere(story: Story) -> None:
    story.feed(make_record("MAL-2024-1", "npm/left", "introduced 0"))
    assert findings(story.upload("shop", "pkg:npm/left@1.0.0")) == {"MAL-2024-1": ("possible", None)}
    assert story.status("shop", "MAL-2024-1") is None

    # Its purl is the same component's: the public registry is what npm means where nothing is said.
    answer = story.upload("blog", f"pkg:npm/left@1.0.0?repository_url=https://{NPM}")

    assert findings(answer) == {"MAL-2024-1": ("certain", None)}
    assert (story.status("shop", "MAL-2024-1"), story.status("blog", "MAL-2024-1")) == ("open", "open")
    assert story.differences() == []


@pytest.mark.parametrize("pattern", ["npm:@acme/*", "NPM:@ACME/*", "npm:@acme/bill*"])
def test_patterns_do_not_look_at_case(story: Story, pattern: str) -> None:
    story.feed(PUBLIC)
    declare(story, pattern.replace("NPM", "npm"))
    assert findings(story.upload("shop", OURS)) == {}


def test_a_pattern_that_a_crash_left_unsettled_is_followed_by_whoever_comes_next(story: Story) -> None:
    story.feed(PUBLIC)
    story.upload("shop", OURS)
    with writing(story.engine) as session:
        session.add(
            InternalNamespace(pattern="npm:@acme/*", reason="ours", added_by="ada", added_at=story.now, settled=False)
        )

    assert follow_names(story.engine, actor="clock", now=story.tick()) == 1
    assert follow_names(story.engine, actor="clock", now=story.tick()) == 0
    with reading(story.engine) as session:
        assert session.scalars(select(Match)).all() == []
    assert story.status("shop", "CVE-2024-1111") == "withdrawn"

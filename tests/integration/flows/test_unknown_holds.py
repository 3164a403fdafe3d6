"""Unknown is neither affected nor clean: what cannot be told holds an exposure open, and says why."""

import pytest
from osv_bucket import make_affected, make_record
from sboms import Part, listed
from story import Story

DEBIAN = "pkg:deb/debian/liblzma5@{}?arch=amd64&distro=debian-13&upstream=xz-utils"
BAD, GOOD = DEBIAN.format("5.6.1-1"), DEBIAN.format("5.6.1%2Breally5.4.5-1")
OLD, NEW = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21"
OTHERS = tuple(f"pkg:npm/other-{n}@1.0.0" for n in range(6))

XZ = make_record(
    "DEBIAN-CVE-2024-3094",
    "Debian:13/xz-utils",
    "introduced 5.6.0",
    "fixed 5.6.1+really5.4.5-1",
    upstream=["CVE-2024-3094"],
)
LODASH = make_record("GHSA-2222-2222-2222", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-1"])
CVE, XZ_CVE = "CVE-2021-1", "CVE-2024-3094"

#: Kin of liblzma5 that nobody can evaluate: by its name, by its source package, by its family.
NO_PURL = listed(name="liblzma5", version="5.6.1-1")
FEDORA = listed("pkg:rpm/fedora/xz-libs@5.6.0-2.fc40?arch=x86_64&distro=fedora-40&upstream=xz-5.6.0-2.fc40.src.rpm")
SOURCE = listed("pkg:deb/raspbian/xz-tools-extra@5.6.1-1?distro=raspbian-13&upstream=xz-utils")


@pytest.fixture
def affected(story: Story) -> Story:
    story.feed(XZ, LODASH)
    story.upload("image", BAD, OLD, *OTHERS)
    assert (story.status("image", XZ_CVE), story.status("image", CVE)) == ("open", "open")
    return story


def test_a_component_of_unknown_release_holds(affected: Story) -> None:
    answer = affected.upload("image", "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils", *OTHERS)
    exposure = affected.exposure("image", XZ_CVE)
    assert exposure is not None
    assert (exposure.status, exposure.presence) == ("open", "unknown")
    assert exposure.hold_reason == "a component of unknown release may be affected"
    assert [item["vulnerability"] for item in answer["held"]] == [XZ_CVE]
    assert affected.status("image", CVE) == "resolved"
    affected.upload("image", GOOD, *OTHERS)
    assert affected.status("image", XZ_CVE) == "resolved"


@pytest.mark.parametrize(
    ("relative", "reason"),
    [
        (NO_PURL, "liblzma5 5.6.1-1 cannot be evaluated (no-purl)"),
        (FEDORA, "xz-libs 5.6.0-2.fc40 cannot be evaluated (no-ecosystem)"),
        (SOURCE, "xz-tools-extra 5.6.1-1 cannot be evaluated (no-ecosystem)"),
    ],
    ids=["by-name", "by-family", "by-source"],
)
def test_a_relative_that_cannot_be_evaluated_holds(affected: Story, relative: Part, reason: str) -> None:
    affected.upload("image", relative, *OTHERS)
    exposure = affected.exposure("image", XZ_CVE)
    assert exposure is not None
    assert (exposure.status, exposure.hold_reason) == ("open", reason)
    assert affected.status("image", CVE) == "resolved", "it is no relative of lodash"
    affected.upload("image", *OTHERS)
    assert affected.status("image", XZ_CVE) == "resolved"


@pytest.mark.parametrize("scope", ["dev", "test", "excluded"])
def test_a_relative_that_does_not_ship_holds_nothing(affected: Story, scope: str) -> None:
    affected.upload("image", listed(name="liblzma5", version="5.6.1-1", scope=scope), *OTHERS)
    assert affected.status("image", XZ_CVE) == "resolved"


def test_a_relative_in_another_stream_holds_too(affected: Story) -> None:
    affected.upload("image", NO_PURL, *OTHERS, stream="2.x")
    affected.upload("image", *OTHERS)
    assert affected.status("image", XZ_CVE) == "held"


def test_a_relative_in_another_product_does_not_hold(affected: Story) -> None:
    affected.upload("other", NO_PURL)
    affected.upload("image", *OTHERS)
    assert affected.status("image", XZ_CVE) == "resolved"


def test_an_advisory_of_notice_only_does_not_hold(affected: Story) -> None:
    notice = make_affected("npm/lodash", "introduced 0") | {"database_specific": {"informational": "unmaintained"}}
    affected.feed(make_record("NOTICE-1", affected=[notice], aliases=[CVE]))
    affected.upload("image", NEW, *OTHERS)
    assert affected.status("image", CVE) == "resolved"


def test_another_tool_holds_until_it_says_so_again(affected: Story) -> None:
    affected.upload("image", NEW, *OTHERS, tool="trivy")
    exposure = affected.exposure("image", CVE)
    assert exposure is not None
    assert exposure.hold_reason == "the newest SBOM was written by trivy instead of syft; the next one decides"
    affected.upload("image", NEW, *OTHERS, tool="trivy")
    assert affected.status("image", CVE) == "resolved"


def test_less_than_half_of_the_components_holds_until_it_is_said_again(affected: Story) -> None:
    affected.upload("image", NEW, OTHERS[0])
    exposure = affected.exposure("image", CVE)
    assert exposure is not None
    assert exposure.hold_reason == ("the newest SBOM was much shorter (2 components, 8 before); the next one decides")
    affected.upload("image", NEW, OTHERS[0])
    assert affected.status("image", CVE) == "resolved"


def test_half_of_the_components_is_enough(affected: Story) -> None:
    affected.upload("image", NEW, *OTHERS[:3])
    assert affected.status("image", CVE) == "resolved"


def test_a_doubtful_upload_of_another_stream_holds_nothing(affected: Story) -> None:
    affected.upload("image", *OTHERS, stream="2.x")
    affected.upload("image", OTHERS[0], stream="2.x")
    affected.upload("image", NEW, *OTHERS)
    assert affected.status("image", CVE) == "resolved"


def test_what_is_held_and_comes_back_is_open_again_without_a_new_episode(affected: Story) -> None:
    affected.upload("image", NEW, *OTHERS, tool="trivy")
    affected.upload("image", OLD, *OTHERS, tool="trivy")
    exposure = affected.exposure("image", CVE)
    assert exposure is not None
    assert (exposure.status, exposure.presence, exposure.hold_reason) == ("open", "present", None)
    assert [s.step for s in affected.steps(exposure)] == ["opened", "held", "seen"]
    assert len(affected.episodes(exposure)) == 1


def test_a_hold_changes_its_reason_when_another_one_remains(affected: Story) -> None:
    affected.upload("image", NO_PURL, *OTHERS, tool="trivy")
    affected.upload("image", *OTHERS, tool="syft")
    exposure = affected.exposure("image", XZ_CVE)
    assert exposure is not None
    assert exposure.hold_reason == "the newest SBOM was written by syft instead of trivy; the next one decides"


def test_possible_matches_open_nothing(story: Story) -> None:
    story.feed(XZ, make_record("MAL-2024-1", "npm/padding", "introduced 0"))
    answer = story.upload("image", "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils", "pkg:npm/padding@1.0.0")
    assert {f["certainty"] for f in answer["findings"]} == {"possible"}
    assert story.rows()["incident"] == 0
    assert answer["verdict"] == "unknown"


def test_an_archived_product_is_not_held(affected: Story) -> None:
    affected.upload("image", NEW, NO_PURL, *OTHERS, tool="trivy")
    assert affected.status("image", CVE) == "held"
    affected.archive("image")
    assert affected.status("image", CVE) == "retired"

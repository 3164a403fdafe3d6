"""A declared incident reaches what a search finds, now and later, and takes back what it no longer means."""

from typing import Any

import pytest
from sboms import listed
from story import CERT, Story

from service.advisories.declared import declarations
from service.advisories.explaining import why_matched
from service.db import reading
from service.errors import Unreadable
from service.flows.answering import Gate
from service.flows.declaring import Amendment, Declared, amend_declaration, declare_incident
from service.flows.declaring_words import NothingDeclared, Wanted
from service.flows.rekeying import rematch

DEBIAN = "pkg:deb/debian/liblzma5@5.6.1-1?arch=amd64&distro=debian-13&upstream=xz-utils"
REALLY = "pkg:deb/debian/liblzma5@5.6.1%2Breally5.4.5-1?arch=amd64&distro=debian-13&upstream=xz-utils"
OLD = "pkg:deb/debian/liblzma5@5.4.5-0.3?arch=amd64&distro=debian-13&upstream=xz-utils"
UBUNTU = "pkg:deb/ubuntu/liblzma5@5.6.1-1?distro=ubuntu-24.04&upstream=xz-utils"
ALPINE = "pkg:apk/alpine/xz-libs@5.6.1-r1?arch=x86_64&distro=alpine-3.20"
CONAN = "pkg:conan/xz_utils@5.6.0"
CRATE = "pkg:cargo/liblzma-sys@0.3.1"
STRANGER = "pkg:golang/github.com/ulikunitz/xz@v5.6.1"
UNVERSIONED = listed(name="liblzma.so.5")

XZ = Wanted(
    title="Backdoor in xz",
    kind="malicious_code",
    names=("liblzma",),
    ranges=(">=5.6.0,<5.6.2",),
)


def declare(story: Story, wanted: Wanted = XZ, *, dry_run: bool = False) -> Declared:
    return declare_incident(story.engine, wanted, actor=CERT, now=story.tick(), dry_run=dry_run)


def affected(declared: Declared) -> list[str]:
    return [one.product for one in declared.reach.affected]


def suspected(declared: Declared) -> list[str]:
    return [one.product for one in declared.reach.suspected]


def fleet(story: Story) -> None:
    for product, component in (
        ("alpine", ALPINE),
        ("conan", CONAN),
        ("crate", CRATE),
        ("debian", DEBIAN),
        ("old", OLD),
        ("really", REALLY),
        ("stranger", STRANGER),
        ("unversioned", UNVERSIONED),
    ):
        story.upload(product, component)


def exposures(story: Story, advisory: str, *products: str) -> dict[str, Any]:
    return {product: story.exposure(product, advisory) for product in products}


def test_one_name_reaches_its_family_in_every_packaging_and_no_namesake(story: Story) -> None:
    fleet(story)

    declared = declare(story)

    assert affected(declared) == ["alpine", "conan", "debian"]
    assert suspected(declared) == ["crate", "unversioned"]
    assert declared.notes == ["liblzma is of the family xz: all its members are meant, under whatever name."]
    near = {one.version: one.reason for one in declared.reach.near_misses}
    assert near["5.6.1+really5.4.5-1"] == "5.6.1+really5.4.5-1 is 5.4.5, which is not among the versions declared"
    assert "shares a word" in near["v5.6.1"]
    assert "5.4.5-0.3" not in near


def test_what_is_affected_is_open_as_act_and_what_only_may_be_is_unknown(story: Story) -> None:
    fleet(story)

    advisory = declare(story).advisory

    found = exposures(story, advisory, "debian", "crate", "unversioned", "really", "stranger", "old")
    assert {name: one and (one.status, one.presence, one.priority) for name, one in found.items()} == {
        "debian": ("open", "present", "act"),
        "crate": ("open", "unknown", "act"),
        "unversioned": ("open", "unknown", "act"),
        "really": None,
        "stranger": None,
        "old": None,
    }
    assert found["crate"].hold_reason == "liblzma-sys 0.3.1 may be affected: its version numbers are its own"
    assert found["unversioned"].hold_reason == "liblzma.so.5 may be affected: it has no version"
    incident = story.incident(advisory)
    assert incident is not None
    assert (incident.kind, incident.priority, incident.title) == ("declared", "act", "Backdoor in xz")


def test_a_dry_run_counts_the_same_and_keeps_nothing(story: Story) -> None:
    fleet(story)
    before = story.rows()

    dry = declare(story, dry_run=True)

    assert story.rows() == before
    real = declare(story)
    assert dry.incident is None
    assert real.incident is not None
    for part in ("affected_count", "suspected_count", "cannot_tell_count", "recipients", "near_misses", "cannot_tell"):
        assert getattr(dry.reach, part) == getattr(real.reach, part)
    assert affected(dry) == affected(real)


def test_an_incident_stands_although_nobody_is_affected(story: Story) -> None:
    declared = declare(story)

    assert declared.reach.affected_count == 0
    incident = story.incident(declared.advisory)
    assert incident is not None
    assert incident.status == "open"


def test_declaring_the_same_again_finds_what_stands(story: Story) -> None:
    story.upload("debian", DEBIAN)
    first = declare(story)

    second = declare(story)

    assert (second.created, second.incident, second.advisory) == (False, first.incident, first.advisory)
    assert [(one.incident, one.reason) for one in second.duplicates] == [
        (first.incident, "it was declared in the same words")
    ]


def test_another_declaration_about_the_same_is_named_as_duplicate(story: Story) -> None:
    first = declare(story)

    dry = declare(story, Wanted(title="xz again", families=("xz",)), dry_run=True)

    assert [(one.incident, one.reason) for one in dry.duplicates] == [(first.incident, "it was declared about xz too")]


def test_packages_that_come_later_and_fit_are_caught_at_upload_and_fail_the_gate(story: Story) -> None:
    advisory = declare(story).advisory

    answer = story.upload("late", UBUNTU, gate=Gate("high"))

    assert answer["verdict"] == "fail"
    assert story.status("late", advisory) == "open"


def test_the_first_clean_sbom_resolves(story: Story) -> None:
    story.upload("debian", DEBIAN)
    advisory = declare(story).advisory

    story.upload("debian", REALLY)

    assert story.status("debian", advisory) == "resolved"


def test_a_suspicion_ends_when_the_version_is_known(story: Story) -> None:
    story.upload("app", UNVERSIONED)
    advisory = declare(story).advisory

    story.upload("app", listed(name="liblzma.so.5", version="5.4.5"))

    assert story.status("app", advisory) == "resolved"


def test_a_suspicion_opens_again_what_had_ended(story: Story) -> None:
    story.upload("app", DEBIAN)
    advisory = declare(story).advisory
    story.upload("app", OLD)
    assert story.status("app", advisory) == "resolved"

    story.upload("app", UNVERSIONED)

    exposure = story.exposure("app", advisory)
    assert exposure is not None
    assert (exposure.status, exposure.presence, exposure.reopen_count) == ("open", "unknown", 1)


def test_a_cve_that_comes_later_joins_the_same_incident(story: Story) -> None:
    story.upload("debian", DEBIAN)
    declared = declare(story, Wanted(**{**vars(XZ), "aliases": ("CVE-2024-3094",)}))
    opened = story.rows()["incident"]

    story.feed(
        {
            "id": "CVE-2024-3094",
            "summary": "Malicious code in the tarballs of xz",
            "affected": [
                {
                    "package": {"ecosystem": "Debian:13", "name": "xz-utils"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "5.6.0-0"}, {"fixed": "5.6.1-2"}]}],
                }
            ],
        }
    )

    assert story.rows()["incident"] == opened
    incident = story.incident("CVE-2024-3094")
    assert incident is not None
    assert f"INC-{incident.id}" == declared.incident
    assert (incident.kind, incident.title) == ("declared", "Backdoor in xz")


def test_a_cve_that_the_feed_had_opened_is_joined_by_a_declaration(story: Story) -> None:
    story.upload("app", "pkg:npm/left-pad@1.0.0")
    record = {"package": {"ecosystem": "npm", "name": "left-pad"}, "versions": ["1.0.0"]}
    story.feed({"id": "GHSA-aaaa-bbbb-cccc", "summary": "Small", "affected": [record]})
    before = story.incident("GHSA-aaaa-bbbb-cccc")
    assert before is not None

    declared = declare(story, Wanted(title="Worse", names=("left-pad",), aliases=("GHSA-aaaa-bbbb-cccc",)))

    after = story.incident(declared.advisory)
    assert after is not None
    assert (after.id, after.kind, after.priority) == (before.id, "declared", "act")
    exposure = story.exposure("app", declared.advisory)
    assert exposure is not None
    assert exposure.priority == "act"


def test_narrowing_withdraws_what_is_no_longer_meant_and_says_why(story: Story) -> None:
    fleet(story)
    hasty = (">=5.6.0,<5.6.2", "vers:deb/>=5.6.0|<5.6.2")
    declared = declare(story, Wanted(title="xz", kind="malicious_code", families=("xz",), ranges=hasty))
    assert affected(declared) == ["alpine", "conan", "debian", "really"]
    assert declared.incident is not None

    amendment = Amendment("Debian's +really is 5.4.5", ranges=(">=5.6.0,<5.6.2",))
    amended = amend_declaration(story.engine, declared.incident, amendment, actor=CERT, now=story.tick())

    assert affected(amended) == ["alpine", "conan", "debian"]
    exposure = story.exposure("really", declared.advisory)
    assert exposure is not None
    assert exposure.status == "withdrawn"
    reason = story.steps(exposure)[-1].reason
    assert reason == "5.6.1+really5.4.5-1 is 5.4.5, which is not among the versions declared"


def test_versions_purls_and_hashes_are_words_too(story: Story) -> None:
    digest = "ab" * 32
    hashed = listed("pkg:generic/tool@9.9") | {"hashes": [{"alg": "SHA-256", "content": digest}]}
    story.upload("by-hash", hashed)
    story.upload("by-purl", "pkg:npm/evil@1.2.3")
    story.upload("other-version", "pkg:npm/evil@1.2.4")
    story.upload("by-version", DEBIAN)

    declared = declare(
        story,
        Wanted(
            title="Three words",
            purls=("pkg:npm/evil@1.2.3",),
            hashes=(f"sha256:{digest}",),
            families=("xz",),
            versions=("5.6.1",),
        ),
    )

    assert affected(declared) == ["by-hash", "by-purl", "by-version"]


def test_development_scopes_count_for_malicious_code_alone(story: Story) -> None:
    story.upload("app", listed("pkg:npm/evil@1.0.0", scope="dev"))

    harmless = declare(story, Wanted(title="A flaw", kind="vulnerability", names=("evil",)), dry_run=True)
    malicious = declare(story, Wanted(title="Malware", kind="malicious_code", names=("evil",)), dry_run=True)

    assert (affected(harmless), affected(malicious)) == ([], ["app"])


UNREADABLE = (
    Wanted(title="", names=("xz",)),
    Wanted(title="x", families=("no-such-family",)),
    Wanted(title="x", names=("xz",), ranges=("five",)),
    Wanted(title="x", names=("xz",), ranges=("vers:deb",)),
    Wanted(title="x", purls=("liblzma",)),
    Wanted(title="x", hashes=("zz",)),
    Wanted(title="x", names=("xz",), aliases=("not an id",)),
    Wanted(title="x", names=("a\x00b",)),
    Wanted(title="x", names=("xz",) * 501),
)


def test_what_cannot_be_read_is_refused(story: Story) -> None:
    for wanted in UNREADABLE:
        with pytest.raises(Unreadable):
            declare(story, wanted)
    with pytest.raises(NothingDeclared):
        declare(story, Wanted(title="Nothing"))
    assert story.rows()["advisory"] == 0


def test_a_feed_cannot_declare(story: Story) -> None:
    story.upload("app", DEBIAN)
    declaration = {"class": "malicious_code", "families": ["xz"]}
    story.feed({"id": "GHSA-aaaa-bbbb-cccc", "database_specific": {"declaration": declaration}})

    with reading(story.engine) as session:
        assert declarations(session) == {}
    assert story.rows()["match"] == 0


def test_what_a_declaration_opened_stands_after_everything_is_matched_anew(story: Story) -> None:
    fleet(story)
    declare(story)

    found = rematch(story.engine, now=story.tick())

    assert (found.written, found.taken_back) == (0, 0)
    assert story.differences() == []


def test_what_is_declared_explains_itself(story: Story) -> None:
    fleet(story)
    declared = declare(story)

    with reading(story.engine) as session:
        advisory_id = next(iter(declarations(session)))
        why = why_matched(session, declared.reach.components, [advisory_id])
    said = {one.sentence for one in why.values()}

    assert (
        f"xz-libs 5.6.1-r1 carries the code of xz, which {declared.advisory} declares affected in >=5.6.0,<5.6.2."
        in said
    )
    assert any(
        sentence.endswith("Only possible: its version numbers are its own; its owner has to say.") for sentence in said
    )

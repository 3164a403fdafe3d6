"""What an upload opens, and what ends it."""

from datetime import datetime, timedelta, timezone

import pytest
from osv_bucket import make_affected, make_record
from sboms import listed, make_sbom
from story import Story

from service.access import audit
from service.db import reading
from service.errors import Conflict
from service.inventory.products import Archived
from service.inventory.uploads import BeforeTheEpoch, InTheFuture, TimeTaken

OLD, NEW = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21"
MALICE = "pkg:npm/evil-pad@1.0.0"
OTHERS = tuple(f"pkg:npm/other-{n}@1.0.0" for n in range(4))

LODASH = make_record(
    "GHSA-aaaa-bbbb-cccc", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-1"], summary="Injection"
)
EVIL = make_record("MAL-2024-1", "npm/evil-pad", versions=["1.0.0"])
CVE, MAL = "CVE-2021-1", "MAL-2024-1"


def test_a_first_upload_opens_a_baseline_exposure(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD)
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert (exposure.status, exposure.presence, exposure.origin) == ("open", "present", "baseline")
    assert exposure.acknowledge_due_at is None
    assert exposure.remediate_due_at is not None


def test_a_later_upload_opens_a_new_exposure_with_both_clocks(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", NEW)
    answer = story.upload("shop", OLD)
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert exposure.origin == "new"
    assert exposure.acknowledge_due_at is not None
    assert story.now < exposure.acknowledge_due_at < (exposure.remediate_due_at or story.now)
    [finding] = answer["findings"]
    assert (finding["exposure"], finding["new"], finding["fixed_in"]) == (f"EXP-{exposure.id}", True, ["4.17.21"])


def test_the_first_upload_to_a_product_is_a_baseline_even_after_previews(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD, stream="feature", preview=True)
    story.upload("shop", OLD)
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert exposure.origin == "baseline"


def test_the_owner_is_the_products_team_and_says_so(story: Story) -> None:
    story.product("shop", team="payments")
    story.feed(LODASH)
    story.upload("shop", OLD)
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert story.owner(exposure) == "payments"
    assert exposure.owner_reason == "the product's team"


def test_nobodys_product_goes_to_the_cert(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD)
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert story.owner(exposure) == "cert-triage"
    assert exposure.owner_reason == "no team owns the product"


def test_five_advisories_about_one_vulnerability_make_one_incident(story: Story) -> None:
    story.feed(
        LODASH,
        make_record("CVE-2021-1", "npm/lodash", "introduced 0", "fixed 4.17.21"),
        make_record("SNYK-1", "npm/lodash", "introduced 4", "fixed 4.17.21", aliases=["CVE-2021-1"]),
        make_record("ALPINE-CVE-2021-1", "npm/lodash", "introduced 0", upstream=["CVE-2021-1"]),
        make_record("DEBIAN-CVE-2021-1", "npm/lodash", "introduced 0", upstream=["CVE-2021-1"]),
    )
    answer = story.upload("shop", OLD)
    story.upload("blog", OLD)
    rows = story.rows()
    assert (rows["incident"], rows["exposure"]) == (1, 2)
    [finding] = answer["findings"]
    assert len(finding["advisories"]) == 5


def test_an_upload_that_lacks_the_component_resolves_with_the_upload_as_evidence(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD, *OTHERS)
    answer = story.upload("shop", NEW, *OTHERS)
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert (exposure.status, exposure.presence, exposure.ended_at) == ("resolved", "absent", story.now)
    last = story.steps(exposure)[-1]
    assert last.evidence == {"sbom": answer["sbom"]["id"], "stream": "main"}
    assert [item["exposure"] for item in answer["resolved"]] == [f"EXP-{exposure.id}"]
    [episode] = story.episodes(exposure)
    assert (episode.ended_at, episode.outcome) == (story.now, "resolved")


def test_another_stream_that_still_has_it_keeps_the_exposure_open(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD)
    story.upload("shop", OLD, stream="2.x")
    story.upload("shop", NEW)
    assert story.status("shop", CVE) == "open"
    story.upload("shop", NEW, stream="2.x")
    assert story.status("shop", CVE) == "resolved"


def test_a_regression_reopens_the_same_exposure_with_a_new_episode(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD)
    first = story.exposure("shop", CVE)
    story.upload("shop", NEW)
    story.upload("shop", OLD)
    again = story.exposure("shop", CVE)
    assert first is not None
    assert again is not None
    assert again.id == first.id
    assert (again.status, again.presence, again.reopen_count, again.ended_at) == ("open", "present", 1, None)
    assert (again.origin, again.opened_at) == ("new", first.opened_at)
    assert [(e.number, e.outcome) for e in story.episodes(again)] == [(1, "resolved"), (2, None)]
    assert [s.step for s in story.steps(again)] == ["opened", "resolved", "reopened"]


def test_a_late_upload_neither_opens_nor_resolves(story: Story) -> None:
    story.feed(LODASH)
    early = story.tick()
    story.upload("shop", OLD)
    story.upload("blog", NEW)
    assert story.upload("shop", NEW, at=early)["late"]
    assert story.upload("blog", OLD, at=early)["late"]
    assert story.status("shop", CVE) == "open"
    assert story.status("blog", CVE) is None
    assert story.differences() == []


def test_a_preview_opens_nothing_and_resolves_nothing(story: Story) -> None:
    story.feed(LODASH)
    answer = story.upload("blog", OLD, stream="feature", preview=True)
    assert [f["vulnerability"] for f in answer["findings"]] == [CVE]
    assert story.status("blog", CVE) is None
    story.upload("shop", OLD)
    story.upload("shop", NEW, stream="feature", preview=True)
    assert story.status("shop", CVE) == "open"


@pytest.mark.parametrize("scope", ["dev", "test", "excluded"])
def test_what_does_not_ship_opens_nothing_except_for_malware(story: Story, scope: str) -> None:
    story.feed(LODASH, EVIL)
    story.upload("shop", listed(OLD, scope=scope), listed(MALICE, scope=scope))
    assert story.status("shop", CVE) is None
    assert story.status("shop", MAL) == "open"
    incident = story.incident(MAL)
    assert incident is not None
    assert (incident.kind, incident.severity, incident.priority) == ("malware", "critical", "act")


def test_what_ships_no_longer_is_resolved(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD, *OTHERS)
    story.upload("shop", listed(OLD, scope="dev"), *OTHERS)
    assert story.status("shop", CVE) == "resolved"
    story.upload("shop", OLD, *OTHERS)
    assert story.status("shop", CVE) == "open"


def test_the_same_bytes_under_the_same_label_write_nothing(story: Story) -> None:
    story.feed(LODASH)
    data = make_sbom(OLD)
    first = story.send(data, "shop", version="1.0")
    before = story.rows()
    again = story.send(data, "shop", version="1.0")
    assert (first.created, again.created) == (True, False)
    assert again.values["duplicate"]
    assert again.values["sbom"] == first.values["sbom"]
    assert str(again.values["findings"]).replace("'new': False", "'new': True") == str(first.values["findings"])
    assert story.rows() == before


def test_the_same_bytes_at_the_same_time_write_nothing(story: Story) -> None:
    data, at = make_sbom(OLD), story.tick()
    story.send(data, "shop", at=at)
    story.upload("shop", NEW)
    before = story.rows()
    assert not story.send(data, "shop", at=at).created
    assert story.rows() == before


def test_another_sbom_at_the_same_time_is_refused_unless_it_replaces(story: Story) -> None:
    at = story.tick()
    wrong = story.upload("shop", OLD, at=at)
    with pytest.raises(TimeTaken):
        story.upload("shop", NEW, at=at)
    story.upload("shop", NEW, replaces=wrong["sbom"]["id"])


def test_the_future_is_refused(story: Story) -> None:
    with pytest.raises(InTheFuture):
        story.upload("shop", OLD, at=story.now + timedelta(minutes=10))


def test_a_time_that_no_computer_counts_is_refused(story: Story) -> None:
    first_day_of_all_in_kiritimati = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(BeforeTheEpoch):
        story.upload("shop", OLD, at=first_day_of_all_in_kiritimati)


# --- corrections, voids ----------------------------------------------------------------------------------------------


def test_voiding_a_wrong_upload_withdraws_what_it_opened(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", NEW)
    wrong = story.upload("shop", OLD)
    story.void(wrong)
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert (exposure.status, exposure.presence) == ("withdrawn", "absent")
    assert story.steps(exposure)[-1].evidence == {
        "voided": wrong["sbom"]["id"],
        "reason": "built from the wrong branch",
    }


def test_voiding_a_wrong_upload_reopens_what_it_closed(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD)
    wrong = story.upload("shop", NEW)
    assert story.status("shop", CVE) == "resolved"
    story.void(wrong)
    assert story.status("shop", CVE) == "open"
    assert story.differences() == []


def test_an_upload_is_taken_back_once(story: Story) -> None:
    wrong = story.upload("shop", OLD)
    story.void(wrong)
    with pytest.raises(Conflict):
        story.void(wrong)


def test_voiding_is_audited(story: Story) -> None:
    story.void(story.upload("shop", OLD))
    with reading(story.engine) as session:
        entry = audit.list_audit(session)[0]  # the newest; the upload is recorded too
    assert (entry.action, entry.actor) == ("sbom.void", "muster")
    assert entry.detail == {"reason": "built from the wrong branch"}


def test_a_correction_opens_what_the_first_one_forgot(story: Story) -> None:
    story.feed(LODASH)
    wrong = story.upload("shop", NEW)
    story.upload("shop", OLD, replaces=wrong["sbom"]["id"])
    assert story.status("shop", CVE) == "open"
    assert story.differences() == []


def test_a_correction_withdraws_what_only_the_first_one_said(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", NEW)
    wrong = story.upload("shop", OLD)
    story.upload("shop", NEW, replaces=wrong["sbom"]["id"])
    assert story.status("shop", CVE) == "withdrawn"


def test_a_correction_resolves_what_earlier_uploads_said_too(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD)
    wrong = story.upload("shop", OLD, OTHERS[0])
    story.upload("shop", NEW, OTHERS[0], replaces=wrong["sbom"]["id"])
    assert story.status("shop", CVE) == "resolved"


def test_a_correction_that_lists_less_than_half_proves_nothing(story: Story) -> None:
    story.feed(LODASH)
    wrong = story.upload("shop", OLD, *OTHERS)
    story.upload("shop", OTHERS[0], replaces=wrong["sbom"]["id"])
    assert story.status("shop", CVE) == "held"


# --- releases --------------------------------------------------------------------------------------------------------


def test_a_supported_release_keeps_the_exposure_open_after_main_is_fixed(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD, version="1.0")
    story.support("shop", "1.0", supported=True)
    story.upload("shop", NEW, version="1.1")
    assert story.status("shop", CVE) == "open"
    story.support("shop", "1.0", supported=False)
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert (exposure.status, exposure.presence) == ("retired", "absent")
    story.support("shop", "1.0", supported=True)
    assert story.status("shop", CVE) == "open"


def test_supporting_an_old_release_opens_what_is_in_it(story: Story) -> None:
    story.upload("shop", OLD, version="1.0")
    story.upload("shop", NEW, version="1.1")
    story.feed(LODASH)
    assert story.status("shop", CVE) is None
    story.support("shop", "1.0", supported=True)
    assert story.status("shop", CVE) == "open"


def test_a_supported_release_built_again_no_longer_means_its_first_upload(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD, *OTHERS, version="1.0")
    story.support("shop", "1.0", supported=True)
    story.upload("shop", NEW, *OTHERS, version="2.0")
    assert story.status("shop", CVE) == "open"
    story.upload("shop", NEW, *OTHERS, version="1.0")
    assert story.status("shop", CVE) == "resolved"
    assert story.differences() == []


def test_a_corrected_supported_release_no_longer_means_what_it_said_first(story: Story) -> None:
    story.feed(LODASH)
    wrong = story.upload("shop", OLD, *OTHERS, version="1.0")
    story.support("shop", "1.0", supported=True)
    story.upload("shop", NEW, *OTHERS, version="2.0")
    story.upload("shop", NEW, *OTHERS, version="1.0", replaces=wrong["sbom"]["id"])
    assert story.status("shop", CVE) == "withdrawn"
    assert story.differences() == []


def test_a_release_whose_rebuild_is_taken_back_means_its_first_upload_again(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD, *OTHERS, version="1.0")
    story.upload("shop", NEW, *OTHERS)
    rebuilt = story.upload("shop", NEW, *OTHERS, version="1.0")
    story.support("shop", "1.0", supported=True)
    assert story.status("shop", CVE) == "resolved"
    story.void(rebuilt)
    assert story.status("shop", CVE) == "open"
    assert story.differences() == []


def test_a_late_release_does_not_take_over_a_version_from_a_newer_one(story: Story) -> None:
    story.feed(LODASH)
    early = story.tick()
    story.upload("shop", NEW, version="1.0")
    story.support("shop", "1.0", supported=True)
    story.upload("shop", OLD, version="1.0", at=early)
    assert story.status("shop", CVE) is None
    assert story.differences() == []


# --- the end ---------------------------------------------------------------------------------------------------------


def test_a_retired_stream_ends_its_exposures_as_retired(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD, stream="1.x")
    story.upload("shop", NEW)
    story.retire("shop", "1.x")
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert (exposure.status, exposure.presence) == ("retired", "absent")
    story.revive("shop", "1.x")
    assert story.status("shop", CVE) == "open"


def test_what_is_fixed_elsewhere_and_still_in_a_retired_stream_ends_as_retired(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD, stream="1.x")
    story.upload("shop", OLD)
    story.retire("shop", "1.x")
    assert story.status("shop", CVE) == "open"
    story.upload("shop", NEW)
    assert story.status("shop", CVE) == "retired"


def test_an_archived_product_ends_its_exposures_as_retired_and_takes_no_more(story: Story) -> None:
    story.feed(LODASH)
    story.upload("shop", OLD)
    story.archive("shop")
    assert story.status("shop", CVE) == "retired"
    with pytest.raises(Archived):
        story.upload("shop", NEW)
    story.unarchive("shop")
    assert story.status("shop", CVE) == "open"
    assert story.differences() == []


# --- advisories ------------------------------------------------------------------------------------------------------


def test_an_own_advisory_opens_at_once_what_was_uploaded_before(story: Story) -> None:
    story.upload("shop", OLD)
    story.upload("blog", OLD)
    story.upload("wiki", NEW)
    published = story.publish(LODASH)
    assert (published.component_count, published.product_count) == (1, 2)
    assert [story.status(product, CVE) for product in ("shop", "blog", "wiki")] == ["open", "open", None]
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert exposure.origin == "new"


def test_a_withdrawn_advisory_withdraws_what_it_opened_and_reopens_it_when_it_comes_back(story: Story) -> None:
    story.upload("shop", OLD)
    story.publish(LODASH)
    story.withdraw(LODASH["id"])
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    assert (exposure.status, exposure.presence) == ("withdrawn", "absent")
    story.publish(LODASH)
    again = story.exposure("shop", CVE)
    assert again is not None
    assert (again.id, again.status, again.reopen_count) == (exposure.id, "open", 1)
    assert [s.step for s in story.steps(again)] == ["opened", "withdrawn", "reopened"]


def test_a_feed_that_withdraws_does_the_same(story: Story) -> None:
    story.upload("shop", OLD)
    story.feed(LODASH)
    story.feed(LODASH | {"withdrawn": "2026-03-02T00:00:00Z"})
    assert story.status("shop", CVE) == "withdrawn"
    story.feed(LODASH)
    assert story.status("shop", CVE) == "open"


def test_another_advisory_keeps_open_what_one_withdraws(story: Story) -> None:
    story.upload("shop", OLD)
    story.feed(LODASH, make_record("SNYK-1", "npm/lodash", "introduced 0", aliases=[CVE]))
    story.feed(LODASH | {"withdrawn": "2026-03-02T00:00:00Z"})
    assert story.status("shop", CVE) == "open"


def test_a_narrowed_range_withdraws(story: Story) -> None:
    story.upload("shop", OLD)
    story.publish(LODASH)
    story.publish(LODASH | {"affected": [make_affected("npm/lodash", "introduced 0", "fixed 4.0.0")]})
    assert story.status("shop", CVE) == "withdrawn"
    story.publish(LODASH)
    assert story.status("shop", CVE) == "open"


def test_withdrawn_malware_in_what_does_not_ship_is_withdrawn_not_resolved(story: Story) -> None:
    story.upload("shop", listed(MALICE, scope="dev"))
    story.publish(EVIL)
    assert story.status("shop", MAL) == "open"
    story.withdraw(MAL)
    assert story.status("shop", MAL) == "withdrawn"


def test_a_dry_run_keeps_nothing(story: Story) -> None:
    from service.access.roles import SYSTEM  # noqa: PLC0415
    from service.flows.publishing import publish_advisory  # noqa: PLC0415

    story.upload("shop", OLD)
    before = story.rows()
    record = LODASH | {"id": "x_OURS-1"}
    published = publish_advisory(story.engine, record["id"], dict(record), actor=SYSTEM, now=story.tick(), dry_run=True)
    assert (published.created, published.product_count) == (True, 1)
    assert story.rows() == before

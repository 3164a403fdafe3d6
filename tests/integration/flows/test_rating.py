"""An incident is as bad as its advisories say today, not as the first of them said."""

from datetime import timedelta

from osv_bucket import make_record
from story import Story

LODASH = "pkg:npm/lodash@4.17.20"
UNSCORED = make_record("OURS-1", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-1"])
CRITICAL = make_record(
    "GHSA-2222-2222-2222",
    "npm/lodash",
    "introduced 0",
    "fixed 4.17.21",
    aliases=["CVE-2021-1"],
    severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
)


def test_a_later_advisory_makes_the_incident_worse_and_the_deadlines_nearer(story: Story) -> None:
    story.product("shop", exposed=True)
    story.publish(UNSCORED)
    story.upload("shop", "pkg:npm/left-pad@1.3.0")
    story.upload("shop", LODASH)
    before = story.exposure("shop", "CVE-2021-1")
    assert before is not None
    assert before.priority == "track*"

    story.feed(CRITICAL)

    incident, after = story.incident("CVE-2021-1"), story.exposure("shop", "CVE-2021-1")
    assert incident is not None
    assert after is not None
    assert (incident.severity, incident.priority, after.priority) == ("critical", "attend", "attend")
    assert before.remediate_due_at is not None
    assert after.remediate_due_at is not None
    assert before.remediate_due_at - after.remediate_due_at > timedelta(days=40)
    assert "rated" in [step.step for step in story.steps(after)]
    assert {"incident.rated", "exposure.rated"} <= {change.type for change in story.changes()}


def test_a_withdrawn_score_eases_the_priority_but_moves_no_deadline_away(story: Story) -> None:
    story.product("shop", exposed=True)
    story.publish(UNSCORED)
    story.feed(CRITICAL)
    story.upload("shop", "pkg:npm/left-pad@1.3.0")
    story.upload("shop", LODASH)
    before = story.exposure("shop", "CVE-2021-1")
    assert before is not None

    story.feed(CRITICAL | {"withdrawn": "2026-03-02T09:00:00Z"})

    after = story.exposure("shop", "CVE-2021-1")
    assert after is not None
    assert (before.priority, after.priority) == ("attend", "track*")
    assert after.remediate_due_at == before.remediate_due_at
    assert story.status("shop", "CVE-2021-1") == "open"

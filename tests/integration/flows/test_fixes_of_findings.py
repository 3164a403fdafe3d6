"""Every finding says which version fixes it, or what is known where none does."""

from osv_bucket import make_affected, make_record
from sqlalchemy import select
from story import Story, statements

from service.db import reading
from service.flows.field_findings import findings_in_field
from service.incidents.listing import exposures_in_full
from service.inventory.models import Product

CVE = "CVE-2024-1234"
OLD = "pkg:npm/lodash@1.4.2"
LINES = make_record(
    "x_ours-1", "npm/lodash", "introduced 0", "fixed 1.4.5", "introduced 2.0.0", "fixed 2.0.1", aliases=[CVE]
)
LATER = make_record("x_ours-2", "npm/lodash", "introduced 0", "fixed 1.4.7", aliases=[CVE])


def hinted(osv_id: str, package: str, hint: str) -> dict[str, object]:
    entry = make_affected(package, "introduced 0") | {"database_specific": {"last_known_affected_version_range": hint}}
    return {**make_record(osv_id), "affected": [entry, make_affected("PyPI/other", "introduced 0")]}


def test_upload_findings_and_exposures_name_the_version_that_fixes_all(story: Story) -> None:
    story.publish(LINES)
    story.publish(LATER)
    fixes = {"nearest": "1.4.7", "all": ["1.4.5", "1.4.7", "2.0.1"], "known": True, "hint": None}

    (uploaded,) = story.upload("shop", OLD)["findings"]

    assert (uploaded["fixes"], uploaded["fixed_in"]) == (fixes, ["1.4.5", "1.4.7"])
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    with reading(story.engine) as session:
        product_id = session.scalars(select(Product.id)).one()
        (placed,) = findings_in_field(session, product_id)
        (shown,) = exposures_in_full(session, [exposure.id])
    assert placed.as_values()["fixes"] == fixes
    assert [use["fixes"] for use in shown["occurrences"]] == [fixes]  # type: ignore[attr-defined]


def test_what_nothing_fixes_says_what_is_known_instead(story: Story) -> None:
    story.publish(hinted("x_ours-3", "npm/open", "<= 3.1"))
    story.publish(make_record("x_ours-4", "npm/last", "introduced 0", "last_affected 3.0.0"))
    story.feed(make_record("MAL-2024-1", "npm/evil", versions=["1.0.0"]))

    found = story.upload("shop", "pkg:npm/open@1.0.0", "pkg:npm/last@2.0.0", "pkg:npm/evil@1.0.0")["findings"]

    assert {one["name"]: (one["fixes"]["known"], one["fixes"]["hint"]) for one in found} == {
        "open": (False, "no fix is known; last known to be affected: <= 3.1"),
        "last": (False, "no fix is named; x_ours-4 knows 3.0.0 as the last affected version"),
        "evil": (False, "malicious code: remove it"),
    }


def test_what_was_found_is_remembered_until_an_advisory_says_something_else(story: Story) -> None:
    record = make_record("x_ours-1", "npm/lodash", "introduced 0", "fixed 1.4.5")
    story.publish(record)
    first = story.upload("shop", OLD)["findings"][0]["fixes"]

    with statements(story.engine) as sent:
        again = story.upload("shop", OLD, "pkg:npm/new@1.0.0")["findings"][0]["fixes"]
    # Something is added, and the interval in which the component lies is as it was.
    events = ("introduced 0", "fixed 1.4.5", "introduced 2.0.0", "fixed 2.0.1")
    story.publish(make_record("x_ours-1", "npm/lodash", *events))
    amended = story.upload("shop", OLD)["findings"][0]["fixes"]

    assert first == again
    assert not [text for text in sent if text.startswith("SELECT affected.advisory_id, affected.osv_package_id")]
    assert (first["all"], amended["all"]) == (["1.4.5"], ["1.4.5", "2.0.1"])


def test_what_is_unmaintained_is_shown_as_that_and_opens_nothing(story: Story) -> None:
    record = make_record("RUSTSEC-2024-1", "crates.io/old", "introduced 0")
    record["affected"][0]["database_specific"] = {"informational": "unmaintained"}
    story.feed(record)

    answer = story.upload("shop", "pkg:cargo/old@1.0.0")

    (found,) = answer["findings"]
    assert (found["kind"], found["informational"], found["exposure"]) == ("informational", "unmaintained", None)
    assert answer["verdict"] != "fail"

"""What CISA and FIRST say decides how urgent an open exposure is, and stands in its timeline."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from osv_bucket import Fault, make_record
from signal_servers import EPSS, HASTY, KEV, SignalServer, make_catalogue, make_listing, make_scores, serve_signals
from sqlalchemy import update
from story import START, Story, statements

from service.access.roles import SYSTEM
from service.advisories.signals_state import SignalState, signal_states
from service.advisories.signals_syncing import SignalSynced, sync_signal
from service.db import reading, writing
from service.flows.answering import Gate
from service.flows.signalling import apply_signals, follow_signals
from service.incidents.lifecycle import Decision, transition
from service.incidents.listing import Wanted, list_incidents
from service.incidents.models import Exposure
from service.incidents.redeciding import decide_product_anew
from service.inventory.models import Product

CVE = "CVE-2024-1234"
LODASH, FIXED = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21"
FLAW = make_record(
    "x_ours-1",
    "npm/lodash",
    "introduced 0",
    "fixed 4.17.21",
    aliases=[CVE],
    severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:H/PR:H/UI:N/S:U/C:L/I:N/A:N"}],
)
OTHERS = tuple(make_listing(f"CVE-2023-{n}") for n in range(1000, 1020))


class Told:
    """A story with a server of signals beside it."""

    def __init__(self, story: Story, server: SignalServer) -> None:
        self.story, self.server = story, server

    def hear(self, **accept: tuple[str, ...]) -> list[SignalSynced]:
        urls = {"kev_url": self.server.kev_url, "epss_url": self.server.epss_url}
        return apply_signals(
            self.story.engine,
            **urls,
            now=self.story.tick(timedelta(hours=6)),
            patience=HASTY,
            accept_vanished=accept.get("accept", ()),
        )

    def exposure(self) -> Exposure:
        exposure = self.story.exposure("shop", CVE)
        assert exposure is not None
        return exposure

    def reasons(self, step: str = "rated") -> list[str]:
        return [one.reason for one in self.story.steps(self.exposure()) if one.step == step]

    def state(self, name: str) -> SignalState:
        with reading(self.story.engine) as session:
            return next(one for one in signal_states(session, now=self.story.now) if one.name == name)


@pytest.fixture
def told(story: Story, tmp_path: Path) -> Iterator[Told]:
    """Give a product that is exposed to a flaw of low severity, and signals that do not know it yet."""
    story.publish(FLAW)
    story.upload("shop", "pkg:npm/left-pad@1.3.0")
    story.upload("shop", LODASH, "pkg:npm/left-pad@1.3.0")
    with serve_signals(tmp_path / "signals") as server:
        server.publish(kev=make_catalogue(*OTHERS), epss=make_scores({CVE: 0.01, "CVE-2023-1000": 0.9}))
        told = Told(story, server)
        told.hear()
        yield told


def list_it(told: Told, **fields: object) -> None:
    listing = make_listing(CVE, added="2026-03-02", ransomware=bool(fields.pop("ransomware", False)))
    told.server.publish(kev=make_catalogue(*OTHERS, listing | fields, released="2026-03-03T10:00:00Z"))
    told.hear()


def test_what_cisa_lists_has_to_be_acted_on_now_and_the_timeline_says_why(told: Told) -> None:
    before = told.exposure()
    assert before.priority == "track"

    list_it(told, ransomware=True)

    after = told.exposure()
    assert after.priority == "attend"
    assert before.remediate_due_at is not None
    assert after.remediate_due_at == told.story.now + timedelta(days=14)
    assert after.acknowledge_due_at == told.story.now + timedelta(hours=8)
    listed = f"CISA listed {CVE} as exploited on 2026-03-02, in ransomware campaigns too"
    assert told.reasons() == [f"{listed}; track before; now attend"]
    incident = told.story.incident(CVE)
    assert incident is not None
    assert (incident.priority, incident.severity, incident.known_exploited) == ("attend", "low", CVE)
    rated = [change for change in told.story.changes() if change.type == "incident.rated"]
    assert rated[-1].data["signals"]["kev"] == {  # type: ignore[index]
        "cve": CVE,
        "added": "2026-03-02",
        "due": "2026-03-22",
        "ransomware": True,
        "required_action": "Apply mitigations per vendor instructions.",
    }


def test_what_leaves_the_list_eases_in_the_open_and_moves_no_deadline_away(told: Told) -> None:
    list_it(told)
    urgent = told.exposure()
    told.server.publish(kev=make_catalogue(*OTHERS, released="2026-03-05T10:00:00Z"))

    told.hear()

    eased = told.exposure()
    assert (eased.priority, eased.remediate_due_at) == ("track", urgent.remediate_due_at)
    assert told.reasons()[-1] == f"CISA does not list {CVE} as exploited any more; attend before; now track"


def test_a_risk_that_was_accepted_before_the_listing_is_open_again(told: Told) -> None:
    with writing(told.story.engine) as session:
        until = told.story.now + timedelta(days=30)
        decision = Decision("risk_accepted", "not reachable", expires_at=until)
        transition(session, told.exposure().id, decision, actor=SYSTEM, now=told.story.tick())

    list_it(told)

    exposure = told.exposure()
    assert (exposure.status, exposure.expires_at, exposure.assessment) == ("open", None, None)
    assert "the risk was accepted before that" in told.reasons("reopened")[0]


def test_a_likely_exploitation_lifts_by_one_and_does_not_flap(told: Told) -> None:
    with writing(told.story.engine) as session:
        shop = session.scalars(update(Product).values(tier="high").returning(Product.id)).one()
        decide_product_anew(session, shop, actor="ci", now=told.story.tick())
    priorities = []
    for day, score in enumerate((0.49, 0.5, 0.45, 0.39, 0.49), start=3):
        told.server.publish(epss=make_scores({CVE: score, "CVE-2023-1000": 0.9}, day=f"2026-03-{day:02}"))
        told.hear()
        priorities.append(told.exposure().priority)

    # The flaw cannot be automated and its impact is partial: it takes a product that matters for the table to lift it.
    assert priorities == ["track", "track*", "track*", "track", "track"]
    assert told.reasons() == [
        "mission impact medium before, high now",
        f"EPSS gives {CVE} 0.50, which is 0.5 or more; track before; now track*",
        "EPSS gives it less than 0.4 now; track* before; now track",
    ]


def test_an_incident_that_opens_later_sees_the_signals_at_once(told: Told) -> None:
    told.story.publish(make_record("x_ours-2", "npm/left-pad", "introduced 0", aliases=["CVE-2023-1000"]))

    incident, exposure = told.story.incident("CVE-2023-1000"), told.story.exposure("shop", "CVE-2023-1000")
    assert incident is not None
    assert exposure is not None
    assert (incident.priority, exposure.priority, incident.likely_exploited) == ("act", "act", True)
    assert follow_signals(told.story.engine, now=told.story.tick()) == 0


def test_a_gate_says_no_to_what_is_exploited_however_low_its_severity(told: Told) -> None:
    gate = Gate("critical", fresh_within=timedelta(days=9999))
    assert told.story.upload("blog", LODASH, gate=gate)["verdict"] != "fail"
    list_it(told)

    answer = told.story.upload("wiki", LODASH, gate=gate)

    assert answer["verdict"] == "fail"
    (finding,) = answer["findings"]
    assert finding["severity"] == "low"
    assert finding["signals"]["epss"] == {"cve": CVE, "score": 0.01, "percentile": 0.11, "date": "2026-03-02"}
    assert finding["signals"]["cvss"]["version"] == "3.1"
    assert finding["signals"]["severity"] == {"level": "low", "source": "x_ours-1", "stated_as": "CVSS_V3"}


def test_incidents_can_be_asked_for_by_what_is_exploited(told: Told) -> None:
    told.story.publish(make_record("x_ours-2", "npm/left-pad", "introduced 0"))
    list_it(told)
    with reading(told.story.engine) as session:
        listed = [values["vulnerability"] for _, values in list_incidents(session, Wanted(known_exploited=True))]
        others = [values["vulnerability"] for _, values in list_incidents(session, Wanted(known_exploited=False))]
    assert (listed, others) == ([CVE], ["x_ours-2"])


def test_when_nothing_is_new_nothing_is_written(told: Told) -> None:
    with statements(told.story.engine) as sent:
        told.hear()

    assert told.server.bucket.asked(KEV) == [200, 304]
    assert told.server.bucket.asked(EPSS) == [200, 304]
    assert not [text for text in sent if " incoming" in text or "incident" in text]


def test_what_a_crash_left_between_signals_and_priorities_follows_later(told: Told) -> None:
    told.server.publish(kev=make_catalogue(*OTHERS, make_listing(CVE), released="2026-03-03T10:00:00Z"))
    sync_signal(told.story.engine, "kev", told.server.kev_url, now=told.story.tick())
    assert told.exposure().priority == "track"

    assert follow_signals(told.story.engine, now=told.story.tick()) == 1

    assert told.exposure().priority == "attend"
    assert follow_signals(told.story.engine, now=told.story.tick()) == 0


def test_an_exposure_that_comes_back_is_as_urgent_as_it_would_have_been(told: Told) -> None:
    told.story.upload("shop", FIXED)
    assert told.exposure().status == "resolved"
    list_it(told)
    told.story.upload("shop", LODASH)
    exposure = told.exposure()
    assert (exposure.status, exposure.priority) == ("open", "attend")
    assert exposure.remediate_due_at == told.story.now + timedelta(days=14)


HALF = [Fault(share=0.5)] * 2
WRONG = {
    "too many requests": ([Fault(status=429, headers={"Retry-After": "3600"})], None, "answered 429"),
    "out of order": ([Fault(status=503)] * 2, None, "answered 503"),
    "gone": ([Fault(status=404)], None, "answered 404"),
    "half a body": (HALF, None, ""),
    "a page": ([], b"<!DOCTYPE html><html>Access denied</html>", "begins with '<!DOCTYPE html>"),
    "nothing": ([], b"", ""),
}


@pytest.mark.parametrize(("name", "file"), [("kev", KEV), ("epss", EPSS)])
def test_a_source_that_fails_leaves_what_it_said_last_and_says_so(told: Told, name: str, file: str) -> None:
    before = told.state(name)
    news = {"kev": make_catalogue(make_listing(CVE)), "epss": make_scores({CVE: 0.9}, day="2026-03-09")}
    for what, (faults, body, said) in WRONG.items():
        told.server.publish(**{name: news[name] if body is None else body})
        told.server.bucket.faults[file] = list(faults)

        (result,) = (one for one in told.hear() if one.name == name)

        after = told.state(name)
        assert result.error is not None, what
        assert said in str(after.last_error), what
        taken = (before.record_count, before.succeeded_at, before.released_at)
        assert (after.record_count, after.succeeded_at, after.released_at) == taken, what
    assert told.exposure().priority == "track"


def test_half_a_packed_file_is_no_file(told: Told) -> None:
    told.server.publish(epss=make_scores({f"CVE-2023-{n}": 0.5 for n in range(1000, 3000)})[:-2000])
    told.hear()
    assert "gzip is damaged" in str(told.state("epss").last_error)
    assert told.state("epss").record_count == 2


def test_rows_that_cannot_be_read_keep_what_they_said_and_hold_up_nobody_else(told: Told) -> None:
    list_it(told)
    broken = make_listing(CVE) | {"dateAdded": "yesterday"}
    told.server.publish(kev=make_catalogue(*OTHERS[1:], make_listing("CVE-2026-9999"), broken))

    told.hear()

    state = told.state("kev")
    assert state.record_count == 22  # the new one is taken, and nothing is taken away
    assert "1 rows" in str(state.last_error)
    assert told.exposure().priority == "attend"


def test_texts_that_the_catalogue_leaves_empty_are_empty(told: Told) -> None:
    list_it(told, vulnerabilityName="", requiredAction=" \\N ", dueDate="")

    assert told.state("kev").last_error is None
    assert told.exposure().priority == "attend"


def test_a_list_that_shrinks_at_once_is_held_until_somebody_agrees(told: Told) -> None:
    list_it(told)
    told.server.publish(kev=make_catalogue(OTHERS[0], released="2026-03-09T10:00:00Z"))

    held = told.hear()[0]

    assert held.trouble is not None
    assert "more than a tenth" in str(told.state("kev").last_error)
    assert (told.state("kev").record_count, told.exposure().priority) == (21, "attend")
    assert told.hear(accept=("kev",))[0].vanished == 20
    assert (told.state("kev").record_count, told.exposure().priority) == (1, "track")


def test_an_older_edition_from_elsewhere_takes_nothing_back(told: Told, tmp_path: Path) -> None:
    list_it(told)
    file = tmp_path / "old.json"
    file.write_bytes(make_catalogue(*OTHERS, released="2025-01-01T00:00:00Z"))

    synced = sync_signal(told.story.engine, "kev", file.as_uri(), now=START)

    assert "older than what" in str(synced.error)
    assert told.state("kev").record_count == 21

from datetime import UTC, datetime, timedelta

from service.web.clocks import clocks_of

OPENED = datetime(2024, 3, 29, 18, 45, tzinfo=UTC)
EXPOSURE = {
    "status": "open",
    "opened_at": "2024-03-29T18:45:00Z",
    "acknowledged_at": None,
    "acknowledge_due_at": "2024-03-30T02:45:00Z",
    "remediate_due_at": "2024-04-12T18:45:00Z",
}


def _read(hours: float, **changed: object) -> list[tuple[str, str, str]]:
    clocks = clocks_of(EXPOSURE | changed, now=OPENED + timedelta(hours=hours))
    return [(clock.name, clock.state, clock.text) for clock in clocks]


def test_both_clocks_run_from_the_start() -> None:
    assert _read(1) == [("acknowledge", "running", "7 h left"), ("remediate", "running", "13 d 23 h left")]


def test_the_last_quarter_is_soon() -> None:
    assert _read(7)[0] == ("acknowledge", "soon", "1 h left")


def test_what_is_over_is_late_and_says_by_how_much() -> None:
    assert _read(10)[0] == ("acknowledge", "late", "overdue by 2 h")


def test_an_acknowledgement_stops_its_clock() -> None:
    assert _read(10, acknowledged_at="2024-03-29T18:57:00Z")[0] == ("acknowledge", "met", "after 12 min")
    assert _read(10, acknowledged_at="2024-03-30T03:45:00Z")[0] == ("acknowledge", "met", "1 h late")


def test_what_has_ended_has_no_clocks() -> None:
    assert _read(1, status="resolved") == []


def test_without_a_deadline_there_is_no_clock() -> None:
    assert [name for name, *_ in _read(1, acknowledge_due_at=None)] == ["remediate"]

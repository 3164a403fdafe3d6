"""Asking OSV's API: batches, pages, one bad question among many, bad days."""

import time
from collections import Counter
from datetime import timedelta

import pytest
from osv_api import Fault, serve_osv_api
from osv_bucket import make_record

from service.advisories.osv_api_client import (
    Answer,
    OsvApiUnavailable,
    OsvPackage,
    Patience,
    open_osv_api,
)

#: Waits little between tries, and for answers as long as a busy machine needs.
HASTY = Patience(unit=timedelta(milliseconds=1))
LODASH = make_record("GHSA-lodash", "npm/lodash", "introduced 0", "fixed 4.17.21")
MANY = [make_record(f"MANY-{number:02}", "npm/many", "introduced 0") for number in range(23)]
BAD_DAYS = [
    Fault(429),
    Fault(503),
    Fault(500),
    Fault(share=0),
    Fault(share=0.5),
    Fault(429, headers={"Retry-After": "0"}),
]


def npm(name: str, version: str = "1.0.0") -> OsvPackage:
    return OsvPackage("npm", name, version)


def ids(answer: Answer) -> list[str]:
    return sorted(answer.advisories)


def test_answers_come_in_the_order_of_the_questions() -> None:
    with serve_osv_api(LODASH) as server, open_osv_api(server.url, HASTY) as api:
        clean, affected = api.affecting([npm("lodash", "5.0.0"), npm("lodash", "4.0.0")])

    assert (ids(clean), affected) == ([], Answer({"GHSA-lodash": LODASH["modified"]}))


def test_without_questions_nobody_is_asked() -> None:
    with serve_osv_api() as server, open_osv_api(server.url, HASTY) as api:
        assert api.affecting([]) == []
        assert server.requests == []


def test_a_thousand_questions_go_at_once() -> None:
    with serve_osv_api(LODASH) as server, open_osv_api(server.url, HASTY) as api:
        answers = api.affecting([npm("lodash", f"4.{number}.0") for number in range(2_500)])

        assert sorted(number for _, number, _ in server.requests) == [500, 1_000, 1_000]
    assert sum(len(answer.advisories) for answer in answers) == 18


@pytest.mark.parametrize("token_only", [False, True])
@pytest.mark.parametrize("most", [3_000, 5])
def test_every_question_is_followed_through_its_own_pages(*, token_only: bool, most: int) -> None:
    short = {"page": 5, "most": most, "token_only": token_only}
    with serve_osv_api(LODASH, *MANY, **short) as server, open_osv_api(server.url, HASTY) as api:
        first, lodash, second = api.affecting([npm("many"), npm("lodash", "4.0.0"), npm("many", "2.0.0")])

    assert ids(first) == ids(second) == [record["id"] for record in MANY]
    assert ids(lodash) == ["GHSA-lodash"]


def test_one_malformed_question_is_found_and_the_others_are_answered() -> None:
    asked = [npm("lodash", "4.0.0")] * 100
    asked[37] = OsvPackage("No Such Ecosystem", "x", "1")
    with serve_osv_api(LODASH) as server, open_osv_api(server.url, HASTY) as api:
        answers = api.affecting(asked)

        assert len(server.requests) <= 2 * 8
    assert answers[37] == Answer({}, "Invalid ecosystem.")
    assert all(ids(answer) == ["GHSA-lodash"] for place, answer in enumerate(answers) if place != 37)


@pytest.mark.parametrize("fault", BAD_DAYS)
def test_what_may_pass_is_tried_again(fault: Fault) -> None:
    with serve_osv_api(LODASH, faults=[fault] * 3) as server, open_osv_api(server.url, HASTY) as api:
        (answer,) = api.affecting([npm("lodash", "4.0.0")])

        assert len(server.requests) == 4
    assert ids(answer) == ["GHSA-lodash"]


def test_an_answer_that_does_not_come_is_asked_for_again() -> None:
    hasty = Patience(unit=timedelta(milliseconds=1), answer=timedelta(seconds=1))
    with serve_osv_api(LODASH, faults=[Fault(seconds=1.5)]) as server, open_osv_api(server.url, hasty) as api:
        (answer,) = api.affecting([npm("lodash", "4.0.0")])

        assert len(server.requests) == 2
    assert ids(answer) == ["GHSA-lodash"]


@pytest.mark.parametrize("fault", [Fault(503), Fault(share=0.5)])
def test_after_four_tries_with_longer_and_longer_waits_it_is_unavailable(fault: Fault) -> None:
    began = time.monotonic()
    with serve_osv_api(LODASH, faults=[fault] * 9) as server, open_osv_api(server.url, HASTY) as api:
        with pytest.raises(OsvApiUnavailable, match="/v1/querybatch"):
            api.affecting([npm("lodash", "4.0.0")])

        assert len(server.requests) == 4
    assert time.monotonic() - began >= 0.001 * (1 + 4 + 9)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(403),
        Fault(302, headers={"Location": "http://127.0.0.1:1/"}),
        Fault(body=b"<html>"),
        Fault(body=b'{"results":[]}'),
        Fault(429, headers={"Retry-After": "3600"}),
    ],
)
def test_what_another_try_would_not_change_is_not_tried_again(fault: Fault) -> None:
    with serve_osv_api(LODASH, faults=[fault]) as server, open_osv_api(server.url, HASTY) as api:
        with pytest.raises(OsvApiUnavailable):
            api.affecting([npm("lodash", "4.0.0")])

        assert len(server.requests) == 1


def test_nobody_there_is_unavailable_and_no_password_is_named() -> None:
    with serve_osv_api() as server:
        url = server.url.replace("http://", "http://me:secret@")
    with open_osv_api(url, HASTY) as api, pytest.raises(OsvApiUnavailable) as raised:
        api.affecting([npm("lodash")])

    assert "secret" not in raised.value.detail


def test_a_record_is_fetched_withdrawn_or_not() -> None:
    gone = make_record("GHSA-gone", "npm/x", "introduced 0", withdrawn="2024-05-01T00:00:00Z")
    with serve_osv_api(LODASH, gone) as server, open_osv_api(server.url, HASTY) as api:
        assert b"withdrawn" in (api.record("GHSA-gone") or b"")
        assert api.record("GHSA-nobody") is None
        assert Counter(status for _, _, status in server.requests) == {200: 1, 404: 1}

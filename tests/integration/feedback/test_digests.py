"""One digest a day for each recipient, of everything that was not told one by one, whatever the size."""

import time
from datetime import datetime, timedelta

import pytest
from mail_sink import Sink, text_of
from offices import People
from sqlalchemy import Engine, insert, select
from story import statements

from service.changes.models import Change
from service.db import reading, writing
from service.feedback.audience import TOLD_ONE_BY_ONE, is_told_at_once
from service.feedback.digests import told_at_once

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def _tomorrow_at(people: People, hour: int) -> datetime:
    people.clock.now = (people.clock() + DAY).replace(hour=hour, minute=0)
    return people.clock()


def test_a_digest_has_what_was_not_told_one_by_one(people: People, sink: Sink) -> None:
    team = people.team("payments", email="p@acme.example")
    urgent, minor = people.incident("urgent"), people.incident("CVE-2024-1", priority="track")
    people.expose(urgent, team, ["told-at-once"])
    (first, _) = people.expose(minor, team, ["shop", "blog"], priority="track")
    people.expose(urgent, team, ["old"], origin="baseline")
    people.step(minor, [first], "resolved")
    people.pass_time(HOUR)
    sent = len(sink.mails)

    _tomorrow_at(people, 7)
    assert people.digest() == 1
    people.pass_time(HOUR)

    (mail,) = sink.mails[sent:]
    print(mail["Subject"], text_of(mail), sep="\n\n")
    assert mail["Subject"] == "Digest of 2024-03-30: payments"
    assert "payments: 3 new, 1 resolved (1 of them found on a first SBOM)." in text_of(mail)
    lines = [line for line in text_of(mail).splitlines() if line.startswith("- ")]
    assert [line.split(" (")[0] for line in lines] == [
        "- act: urgent in old", "- track: CVE-2024-1 in blog", "- track: CVE-2024-1 in shop",
    ]  # fmt: skip
    assert "Open: 2 act, 2 track; late: 4." in text_of(mail)


def test_a_day_has_one_digest_from_its_hour_on_and_none_when_nothing_happened(people: People, sink: Sink) -> None:
    team, minor = people.team("payments", email="p@acme.example"), people.incident(priority="track")
    made = []
    for day in range(4):
        if day in (0, 2):
            people.expose(minor, team, [f"shop-{day}"], priority="track")
        _tomorrow_at(people, 6)
        made.append(people.digest())
        for _ in range(3):
            people.clock.advance(HOUR)
            made.append(people.digest())
            people.expose(minor, team, [f"later-{day}-{len(made)}"], priority="track") if day == 2 else None
    assert made == [0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]
    people.pass_time(HOUR)
    assert [mail["Subject"] for mail in sink.mails] == [
        f"Digest of 2024-{day}: payments" for day in ("03-30", "04-01", "04-02")
    ]
    assert "payments: 3 new" in text_of(sink.mails[-1]), "what came after one digest is in the next"


def test_whoever_reads_for_several_teams_gets_one_digest(people: People, sink: Sink) -> None:
    minor = people.incident(priority="track")
    for name in ("a", "b", "c", "d"):
        people.expose(minor, people.team(name, email="all@acme.example"), [f"p-{name}"], priority="track")
    _tomorrow_at(people, 8)
    assert people.digest() == 1
    people.pass_time(HOUR)
    assert [mail["Subject"] for mail in sink.mails] == ["Digest of 2024-03-30: a, b, c, and 1 more"]


def test_an_embargo_is_counted_and_not_named(people: People, sink: Sink) -> None:
    team, incident = people.team("p", email="p@acme.example"), people.incident("backdoor", "track", restricted=True)
    people.expose(incident, team, ["secret-product"], priority="track")
    _tomorrow_at(people, 8)
    people.digest()
    people.pass_time(HOUR)
    (mail,) = sink.mails
    assert "p: 1 new." in text_of(mail)
    assert "backdoor" not in mail.as_string()
    assert "secret-product" not in mail.as_string()


@pytest.mark.parametrize(("count", "each"), [(4, 25), pytest.param(20, 500, marks=pytest.mark.soak)])
def test_thousands_of_open_exposures_are_a_digest_in_few_statements(
    people: People, sink: Sink, count: int, each: int
) -> None:
    teams = [people.team(f"team-{n}", email=f"t{n}@acme.example") for n in range(count)]
    incident = people.incident(priority="track")
    for n, team in enumerate(teams):
        people.expose(
            incident, team, [f"p-{n}-{number}" for number in range(each)], priority="track", origin="baseline"
        )
    _tomorrow_at(people, 8)
    began = time.perf_counter()
    with statements(people.engine) as sent:
        assert people.digest() == count
    took = time.perf_counter() - began
    print(f"\n{count * each:,} exposures, {count} teams: {sum(sent.values())} statements, {took:.2f} s")
    assert sum(sent.values()) <= 11
    people.pass_time(HOUR)
    assert f"and {each - 20} more" in text_of(sink.mails[0])


def test_the_database_and_the_rule_agree_about_what_is_told_at_once(own: Engine) -> None:
    kinds = [
        (type_, priority, origin)
        for type_ in (*TOLD_ONE_BY_ONE, "exposure.resolved")
        for priority in ("act", "attend", "track*", "track", "")
        for origin in ("new", "baseline", "")
        if type_.startswith("exposure.")
    ]
    with writing(own) as session:
        rows = [
            {"type": t, "at": datetime.now().astimezone(), "data": {"priority": p, "origin": o}} for t, p, o in kinds
        ]
        session.execute(insert(Change), rows)
    with reading(own) as session:
        said = session.execute(select(told_at_once()).order_by(Change.id)).scalars().all()
    assert said == [is_told_at_once(*kind) for kind in kinds]

"""Declaring an incident that a thousand products have: dry run, declaration, board, broadcast, acknowledgement, report.

``PYTHONPATH=tests python -m benchmarks.declaring [--products 1000]``. Half of the products are clean beside them.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from benchmarks.surroundings import describe_machine
from factories import NOON, make_product, make_stream, make_team, make_upload
from sqlalchemy import Engine, func, select
from story import statements

from service import embedded
from service.access.roles import SYSTEM
from service.db import connect, migrate, reading, writing
from service.flows.declaring import declare_incident
from service.flows.declaring_words import Wanted
from service.incidents.acknowledging import acknowledge_all
from service.incidents.broadcasting import broadcast
from service.incidents.listing import find_incident
from service.incidents.models import Exposure
from service.incidents.report import report_of
from service.incidents.report_writing import as_html, as_markdown
from service.incidents.situation import situation_of
from service.log import configure

T = TypeVar("T")

BAD = "pkg:deb/debian/liblzma5@5.6.1-1?arch=amd64&distro=debian-13&upstream=xz-utils"
GOOD = "pkg:deb/debian/liblzma5@5.4.5-1?arch=amd64&distro=debian-13&upstream=xz-utils"
OTHERS = [f"pkg:npm/package-{number}@1.0.{number}" for number in range(40)]
WANTED = Wanted(title="Backdoor in xz", kind="malicious_code", names=("liblzma",), ranges=(">=5.6.0,<5.6.2",))


def main(arguments: Sequence[str]) -> None:
    """Fill a database of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=1_000)
    count = parser.parse_args(arguments).products
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with embedded.start(Path(folder) / "postgres") as server:
            migrate(server.url)
            engine = connect(server.url)
            _fill(engine, count)
            _play(engine, count)
            engine.dispose()


def _fill(engine: Engine, count: int) -> None:
    configure(level="ERROR")
    with writing(engine) as session:
        teams = [make_team(session, f"team-{number}") for number in range(20)]
        for number in range(count * 3 // 2):
            product = make_product(session, f"product-{number:05}", team=teams[number % 20])
            make_upload(session, make_stream(session, product), BAD if number < count else GOOD, *OTHERS)


def _play(engine: Engine, count: int) -> None:
    now = NOON + timedelta(days=1)
    dry = _timed(engine, "dry run", lambda: declare_incident(engine, WANTED, actor=SYSTEM, now=now, dry_run=True))
    told = _timed(engine, "declare", lambda: declare_incident(engine, WANTED, actor=SYSTEM, now=now))
    assert dry.reach.affected_count == told.reach.affected_count == count
    assert told.incident is not None
    name = told.incident
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(Exposure)) == count
        incident = find_incident(session, name)
        _timed(engine, "board", lambda: situation_of(session, incident))
    with writing(engine) as writer:
        row = find_incident(writer, name)
        sent = _timed(engine, "broadcast", lambda: broadcast(writer, row, "Look", actor="cert", now=now))
        team_id = sent.shares[0].team_id
        _timed(
            engine,
            f"acknowledge {count // 20} of one team",
            lambda: acknowledge_all(writer, row.id, team_id, actor=SYSTEM, reason="", now=now),
        )
    with reading(engine) as session:
        incident = find_incident(session, name)
        made = _timed(engine, "report", lambda: report_of(session, incident))
        size = len(as_markdown(made)) + len(as_html(made))
        print(f"  the report in Markdown and HTML: {size / 1e6:.1f} MB")


def _timed(engine: Engine, what: str, act: Callable[[], T]) -> T:
    with statements(engine) as sent:
        began, used = time.perf_counter(), time.process_time()
        result = act()
        took, used = time.perf_counter() - began, time.process_time() - used
    print(f"  {what}: {took * 1000:,.0f} ms ({used * 1000:,.0f} ms of ours), {sum(sent.values())} statements")
    return result


if __name__ == "__main__":
    print(describe_machine())
    main(sys.argv[1:])

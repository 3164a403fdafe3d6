"""Matching everything anew: a million components against two million ranges.

    python -m benchmarks.rematch [COMPONENTS RANGES]

Real ones, from the corpus's container SBOMs and advisories, and copies of them under other package names until there
are enough: so every package has as many versions and ranges as real ones have.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
from benchmarks.surroundings import corpus

from service import embedded
from service.advisories.matching import match_advisories, match_components
from service.clock import utc_now
from service.db import WriteSession, connect, migrate, writing
from service.flows.applying import apply_feed
from service.flows.finding_files import find_sboms
from service.flows.importing import import_sboms
from service.flows.rekeying import match_everything
from service.flows.settling import MATCHED_AT_ONCE

COMPONENTS, RANGES = 1_000_000, 2_000_000
MAX_BYTES = 256 * 2**20


def main(arguments: Sequence[str] = ()) -> None:
    """Fill, match, print."""
    components, ranges = map(int, arguments) if arguments else (COMPONENTS, RANGES)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with embedded.start(Path(folder) / "postgres") as server:
            migrate(server.url)
            fill(server.url)
            grow(server.url, components, ranges)
            measure(server.url)


def fill(url: str) -> None:
    """Take in the corpus's advisories and SBOMs."""
    files = corpus()
    engine = connect(url)
    apply_feed(engine, (files / "osv").as_uri(), "all", now=utc_now())
    engine.dispose()
    for _ in import_sboms(url, find_sboms([files / "sbom-bench"], max_bytes=MAX_BYTES), max_bytes=MAX_BYTES):
        pass


def grow(url: str, components: int, ranges: int) -> None:
    """Copy packages, with their components and ranges, until there are enough of both."""
    with psycopg.connect(url, autocommit=True) as connection:
        # A copy's ids are the original's, a fixed distance higher: nothing needs to be looked up.
        tops = {table: _number(connection, "max(id)", table) for table in ("osv_package", "advisory", "component")}
        number = 0
        while True:
            missing = {
                "components": components - _number(connection, "count(*)", "component"),
                "ranges": ranges - _number(connection, "count(*)", "affected"),
            }
            if max(missing.values()) <= 0:
                break
            number += 1
            by = {f"{table}_by": top * number for table, top in tops.items()}
            parameters = {**tops, **by, "mark": f"~{number}", **{name: max(0, n) for name, n in missing.items()}}
            for statement in _COPIES:
                connection.execute(statement, parameters)
        connection.execute("TRUNCATE match")
        connection.execute("VACUUM ANALYZE")
        for table in ("osv_package", "component", "component_coord", "advisory", "affected"):
            print(f"{_number(connection, 'count(*)', table):11,} {table}", flush=True)


def measure(url: str) -> None:
    """Match everything in one go, into nothing and again; then by component and by advisory, as changes are."""
    for title in ("everything, first", "everything, again"):
        engine = connect(url)
        started = time.perf_counter()
        done = match_everything(engine)
        seconds = time.perf_counter() - started
        engine.dispose()
        print(f"rematch, {title}: {seconds:.1f} s, {done.written:,} written, {done.taken_back:,} gone", flush=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE match")
    advisories, components = _ids(url, "advisory"), _ids(url, "component")
    for title in ("every advisory, first", "every advisory, again"):
        _timed(url, title, advisories, match_advisories)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE match")
    _timed(url, "every component", components, match_components)


def _timed(url: str, title: str, ids: list[int], match: Callable[[WriteSession, list[int]], None]) -> None:
    engine = connect(url)
    started = time.perf_counter()
    for start in range(0, len(ids), MATCHED_AT_ONCE):
        with writing(engine) as session:
            match(session, ids[start : start + MATCHED_AT_ONCE])
    seconds = time.perf_counter() - started
    engine.dispose()
    with psycopg.connect(url) as connection:
        count = _number(connection, "count(*)", "match")
    print(f"rematch, {title}: {seconds:.1f} s, {count:,} matches", flush=True)


def _ids(url: str, table: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [id_ for (id_,) in connection.execute(f"SELECT id FROM {table} ORDER BY id".encode())]  # noqa: S608


def _number(connection: psycopg.Connection, expression: str, table: str) -> int:
    row = connection.execute(f"SELECT {expression} FROM {table}".encode()).fetchone()  # noqa: S608
    assert row
    return int(row[0])


_COPIES = (
    """
INSERT INTO osv_package (id, ecosystem, name, base_id) OVERRIDING SYSTEM VALUE
SELECT id + %(osv_package_by)s, ecosystem, name || %(mark)s, base_id + %(osv_package_by)s
FROM osv_package WHERE id <= %(osv_package)s
""",
    """
INSERT INTO advisory (id, osv_id, source, kind, modified, withdrawn_at, summary, severity, digest, record, settled,
                      key_version) OVERRIDING SYSTEM VALUE
SELECT id + %(advisory_by)s, osv_id || %(mark)s, source, kind, modified, withdrawn_at, '', severity, digest, '{}', true,
       key_version
FROM advisory WHERE id <= %(advisory)s AND %(ranges)s > 0
""",
    """
INSERT INTO affected (advisory_id, osv_package_id, base_package_id, lo, hi, exact_version, lo_version, hi_version,
                      hi_included, fixed, rule, flagged)
SELECT advisory_id + %(advisory_by)s, osv_package_id + %(osv_package_by)s, base_package_id + %(osv_package_by)s, lo, hi,
       exact_version, lo_version, hi_version, hi_included, fixed, rule, flagged
FROM affected WHERE advisory_id <= %(advisory)s ORDER BY id LIMIT %(ranges)s
""",
    """
INSERT INTO component (id, digest, package_id, version, purl, cpes, hashes, licence, supplier, distribution,
                       source_name, source_version, unevaluated, key_version) OVERRIDING SYSTEM VALUE
SELECT id + %(component_by)s, gen_random_uuid(), package_id, version, purl, '[]', '[]', '', '', distribution,
       source_name, source_version, unevaluated, key_version
FROM component WHERE id <= %(component)s ORDER BY id LIMIT %(components)s
""",
    """
INSERT INTO component_coord (component_id, osv_package_id, sort_key, version, relation, release_known, flagged,
                             key_version)
SELECT component_id + %(component_by)s, osv_package_id + %(osv_package_by)s, sort_key, version, relation, release_known,
       flagged, key_version
FROM component_coord
WHERE component_id <= %(component)s
  AND component_id + %(component_by)s IN (SELECT id FROM component WHERE id > %(component_by)s)
""",
)

if __name__ == "__main__":
    main(sys.argv[1:])

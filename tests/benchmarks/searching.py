"""How long "who uses it" takes: 10,000 streams with 400 components each, and as many usages that ended.

Names and versions are those of real SBOMs where MUSTER_CORPUS is at hand (a folder with ``sbom-bench``), invented ones
otherwise; the xz family is hot: 3,000 streams have it. Figures are of the function, in process, everything warm.

    python -m benchmarks.searching [DATABASE_URL]        an empty or seeded database; else a server of our own
"""

import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
from packageurl import PackageURL

from service import embedded
from service.clock import OPEN, to_micros
from service.db import connect, migrate, reading
from service.heap import settle_heap
from service.inventory.graph import SUBJECT, pack
from service.inventory.question import Question, ask
from service.inventory.search import search
from service.inventory.words import tokens

STREAMS, OPEN_USES, ENDED_USES, HOT_STREAMS, RUNS = 10_000, 400, 400, 3_000, 500
#: The first questions of a connection plan and prepare their statements; they are asked, and not counted.
WARM_UP = 20
NOW = datetime(2024, 4, 1, 12, tzinfo=UTC)
BEGIN_US = to_micros(datetime(2024, 2, 1, tzinfo=UTC))
DAY_US = 86_400_000_000

#: purl, source package. Every hot stream gets one of each line.
HOT = (
    (
        ("pkg:deb/debian/liblzma5@5.6.1-1?distro=debian-13", "xz-utils"),
        ("pkg:deb/debian/liblzma5@5.6.0-0.2?distro=debian-13", "xz-utils"),
        ("pkg:deb/debian/liblzma5@5.6.1%2Breally5.4.5-1?distro=debian-13", "xz-utils"),
        ("pkg:apk/alpine/xz-libs@5.6.1-r1?distro=alpine-3.20", "xz"),
        ("pkg:rpm/fedora/xz-libs@5.6.0-2.fc40?distro=fedora-40", "xz"),
    ),
    (
        ("pkg:deb/debian/openssl@3.0.11-1~deb12u2?distro=debian-12", "openssl"),
        ("pkg:apk/alpine/openssl@3.1.4-r5?distro=alpine-3.19", "openssl"),
    ),
    (
        ("pkg:maven/org.apache.logging.log4j/log4j-core@2.17.1", ""),
        ("pkg:maven/org.apache.logging.log4j/log4j-api@2.17.1", ""),
        ("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1", ""),
    ),
)
FAMILY = ("liblzma5", "xz-libs", "xz-utils", "xz", "xz_utils")
QUESTIONS: tuple[tuple[str, Question, bool], ...] = (
    ("liblzma 5.6", ask("liblzma 5.6"), False),
    ("liblzma 5.6, ever", ask("liblzma 5.6"), True),
    ("liblzma >=5.6.0,<5.6.2", ask("liblzma >=5.6.0,<5.6.2"), False),
    ("openssl 3", ask("openssl 3"), False),
    ("log4j 2.1", ask("log4j 2.1"), False),
    ("purl of liblzma5@5.6.1-1", ask("pkg:deb/debian/liblzma5@5.6.1-1"), False),
    ("nothing of that name", ask("no-such-thing 1"), False),
)


def main(arguments: Sequence[str]) -> None:
    """Seed, ask, print."""
    if arguments:
        measure(arguments[0])
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with embedded.start(Path(folder) / "postgres", shared_buffers="2GB", durable=False) as server:
            measure(server.url)


def measure(url: str) -> None:
    """Seed a database unless it was seeded before, and print percentiles."""
    migrate(url)
    started = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM stream LIMIT 1").fetchone() is None:
            seed(connection)
        sizes = connection.execute("SELECT count(*) FILTER (WHERE to_us = %s), count(*) FROM usage", [OPEN]).fetchone()
        assert sizes
    print(f"seeded in {time.perf_counter() - started:.0f} s: {sizes[0]:,} open usages, {sizes[1] - sizes[0]:,} ended")
    engine = connect(url)
    settle_heap()  # as the server does
    for title, question, ever in QUESTIONS:
        times = []
        for _ in range(WARM_UP + RUNS):
            started = time.perf_counter()
            with reading(engine) as session:
                answer = search(session, question, ever=ever)
            times.append((time.perf_counter() - started) * 1000)
        cuts = statistics.quantiles(times[WARM_UP:], n=100)
        found = f"{len(answer.items)} items{', more follow' if answer.next else ''}"
        print(f"{title:28} p50 {cuts[49]:6.1f}  p95 {cuts[94]:6.1f}  p99 {cuts[98]:6.1f} ms   {found}")
    engine.dispose()


# --- seeding ---------------------------------------------------------------------------------------------------------


def seed(connection: psycopg.Connection) -> None:
    """Fill the catalogue, then streams, usages and graphs."""
    hot = seed_catalogue(connection)
    cold = hot[0][0] - 1
    connection.execute(_STREAMS, {"streams": STREAMS, "now": NOW})
    for target, seed_value, to_us in ((OPEN_USES, 0.1, OPEN), (ENDED_USES, 0.2, None)):
        connection.execute("SELECT setseed(%s)", [seed_value])
        connection.execute(
            _USES, {"each": target, "streams": STREAMS, "begin": BEGIN_US, "day": DAY_US, "to_us": to_us, "cold": cold}
        )
    seed_hot(connection, hot)
    seed_graphs(connection)
    connection.execute("VACUUM ANALYZE")


def seed_catalogue(connection: psycopg.Connection) -> list[list[int]]:
    """Add components by falling popularity, then the hot ones; gives the ids of the latter, line by line."""
    purls = [(purl, "") for purl in real_purls() or invented_purls()]
    lines = [list(line) for line in HOT]
    parsed = [
        (PackageURL.from_string(purl), source) for purl, source in purls + [one for line in lines for one in line]
    ]
    names = sorted({(purl.type, purl.namespace or "", purl.name) for purl, _ in parsed})
    package_ids = {name: number for number, name in enumerate(names, start=1)}
    copy(
        connection,
        "package (id, type, namespace, name, lower_name, words)",
        ((i, *name, name[2].lower(), tsvector(tokens(name[1], name[2], ""))) for name, i in package_ids.items()),
    )
    identified = [(package_ids[purl.type, purl.namespace or "", purl.name], purl, source) for purl, source in parsed]
    copy(
        connection,
        "component (id, digest, package_id, version, purl, cpes, hashes, licence, supplier, distribution,"
        " source_name, source_version, unevaluated)",
        (
            (i, UUID(int=i), package, purl.version or "", purl.to_string(), "[]", "[]", "", "", "", source, "", "")
            for i, (package, purl, source) in enumerate(identified, start=1)
        ),
    )
    sources = sorted({(package, source) for package, purl, source in identified if source and source != purl.name})
    copy(connection, "package_source (package_id, source_name)", sources)
    family = [(package, "xz", "carries xz", False) for name, package in package_ids.items() if name[2] in FAMILY]
    copy(connection, "family_member (package_id, family, reason, own_versions)", family)
    ids = iter(range(len(purls) + 1, len(parsed) + 1))
    return [[next(ids) for _ in line] for line in lines]


def real_purls() -> list[str]:
    """Read the purls of real SBOMs, the most frequent first."""
    folder = Path(os.environ.get("MUSTER_CORPUS", "")) / "sbom-bench"
    if "MUSTER_CORPUS" not in os.environ or not folder.is_dir():
        return []
    counts = Counter[str]()
    for path in folder.iterdir():
        counts.update({purl.decode() for purl in re.findall(rb'"(pkg:[!-~]+@[!-~]+?)"', path.read_bytes())})
    taken = re.compile(r"/(liblzma5|xz-libs|xz-utils|xz|log4j-core|log4j-api)@")
    return [purl for purl, _ in counts.most_common() if parses(purl) and not taken.search(purl)]


def parses(purl: str) -> bool:
    """Leave out what some tools write."""
    try:
        PackageURL.from_string(purl)
    except ValueError:
        return False
    return True


def invented_purls(packages: int = 13_000, versions: int = 6) -> list[str]:
    """Make up names of two or three words."""
    chance = random.Random(7)  # noqa: S311 - names, not secrets
    words = [a + b for a in ("ar", "be", "co", "do", "el", "fi", "go", "hy") for b in ("ck", "fy", "lib", "net", "ssl")]
    kinds = ("deb/debian", "npm", "pypi", "golang/github.com/example", "maven/org.example", "apk/alpine")
    names = {
        f"{chance.choice(kinds)}/{'-'.join(chance.choices(words, k=chance.choice((2, 3))))}" for _ in range(packages)
    }
    purls = [
        f"pkg:{name}@{chance.randrange(9)}.{chance.randrange(20)}.{v}"
        for name in sorted(names)
        for v in range(versions)
    ]
    chance.shuffle(purls)
    return purls


def tsvector(words: Iterable[str]) -> str:
    """Write words as a tsvector's text."""
    return " ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words)


def copy(connection: psycopg.Connection, target: str, rows: Iterable[Sequence[object]]) -> None:
    """COPY rows, ids included."""
    with connection.cursor().copy(f"COPY {target} FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


_STREAMS = """
WITH teams AS (
    INSERT INTO team (name) SELECT 'team-' || i FROM generate_series(1, 50) AS i RETURNING id
), products AS (
    INSERT INTO product (slug, title, team_id, created_at)
    SELECT 'product-' || i, 'Product ' || i, (SELECT min(id) FROM teams) + i %% 50, %(now)s
    FROM generate_series(1, %(streams)s / 2) AS i RETURNING id
)
INSERT INTO stream (product_id, name, created_at, last_upload_at)
SELECT id, name, %(now)s, %(now)s - (id %% 40) * interval '1 day'
FROM products, unnest(ARRAY['main', 'next']) AS name
"""
# Few components are in nearly every stream, most in a handful: the third power of a random number.
_USES = """
INSERT INTO usage (stream_id, component_id, from_us, to_us, scope)
SELECT stream_id, component_id, from_us, coalesce(%(to_us)s, from_us + %(day)s * 9), 0
FROM (
    SELECT DISTINCT ON (stream_id, component_id) stream_id, component_id,
           %(begin)s + (component_id %% 40) * %(day)s AS from_us
    FROM (
        SELECT id AS stream_id, 1 + floor(power(random(), 3) * %(cold)s)::bigint AS component_id
        FROM stream, generate_series(1, %(each)s * 100 / 93)
    ) AS drawn
) AS uses
ORDER BY stream_id, component_id
"""


def seed_hot(connection: psycopg.Connection, lines: list[list[int]]) -> None:
    """Give every hot stream one component of each line now, and another one before that."""

    def rows() -> Iterator[tuple[int, ...]]:
        for stream in range(1, HOT_STREAMS + 1):
            for line in lines:
                yield stream, line[stream % len(line)], BEGIN_US + 20 * DAY_US, OPEN, 0
                yield stream, line[(stream + 1) % len(line)], BEGIN_US, BEGIN_US + 20 * DAY_US, 0

    copy(connection, "usage (stream_id, component_id, from_us, to_us, scope)", rows())


def seed_graphs(connection: psycopg.Connection) -> None:
    """Give every stream its newest upload, half of them a release, and hot streams a graph of what they contain."""
    chance = random.Random(11)  # noqa: S311 - shapes, not secrets
    connection.execute("INSERT INTO document (sha256, size_bytes, format, spec_version, received_at)"
                       " VALUES ('\\x00', 1, 'cyclonedx-json', '1.6', now())")  # fmt: skip
    contents = connection.execute(
        "SELECT stream_id, array_agg(component_id ORDER BY component_id) FROM usage"
        " WHERE to_us = %s AND stream_id <= %s GROUP BY stream_id ORDER BY stream_id",
        [OPEN, HOT_STREAMS],
    )
    graphs = []
    for stream, components in contents:
        tree = [(int(chance.random() * i), i) for i in range(1, len(components) + 1)]
        cross = [tuple(sorted(chance.sample(range(1, len(components) + 1), 2))) for _ in range(600)]
        packed = pack([SUBJECT, *components], [*tree, *cross])  # type: ignore[list-item]
        graphs.append((stream, stream.to_bytes(8), packed.content))
    copy(connection, "graph (id, digest, content)", graphs)
    connection.execute(_UPLOADS, {"at": BEGIN_US + 40 * DAY_US, "hot": HOT_STREAMS})


_UPLOADS = """
WITH made AS (
INSERT INTO upload (stream_id, document_id, graph_id, at_us, sequence, received_at, set_digest, component_count,
                    listed_count, unidentified_count, added_count, removed_count, late, actor, quality, ecosystems)
SELECT id, (SELECT min(id) FROM document), CASE WHEN id <= %(hot)s THEN id END, %(at)s, 1, now(), '', 400, 400, 0, 0, 0,
       false, 'benchmark', '{}', '{}'
FROM stream
RETURNING id, stream_id
)
INSERT INTO release (stream_id, upload_id, version, supported)
SELECT stream_id, id, '1.' || stream_id, stream_id %% 4 = 0 FROM made WHERE stream_id %% 2 = 0
"""

if __name__ == "__main__":
    main(sys.argv[1:])

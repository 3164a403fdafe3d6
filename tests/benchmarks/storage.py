"""What an upload adds to the database: the same contents under another serial number, and the very same bytes."""

from typing import NamedTuple

import httpx
import psycopg
from benchmarks.uploading import Builds, cyclonedx, send

UPLOADS = 1_000


class Sizes(NamedTuple):
    """Bytes on disk: of each table with its indexes, but for `documents`, where the documents themselves lie."""

    tables: dict[str, int]
    documents: int


def measure(url: str, client: httpx.Client, uploads: int = UPLOADS) -> None:
    """Send both kinds, and print what each upload added."""
    purls = Builds(seed=13).purls
    for title, serials in (("another serial number", range(1, uploads + 1)), ("the same bytes", [0] * uploads)):
        product = f"bench-storage-{title.replace(' ', '-')}"
        contents = [cyclonedx(purls, serial=serial) for serial in serials]
        send(client, product, cyclonedx(purls, serial=0))
        before = _sizes(url)
        for content in contents:
            send(client, product, content)
        _print(title, before, _sizes(url), uploads, len(contents[0]))


def _print(title: str, before: Sizes, after: Sizes, uploads: int, size_bytes: int) -> None:
    grown = {name: size - before.tables.get(name, 0) for name, size in after.tables.items()}
    stored = after.documents - before.documents
    beside = sum(grown.values())
    print(
        f"storage, {uploads:,} uploads, {title}: {beside / uploads:,.0f} bytes each beside the document, which takes "
        f"{stored / uploads:,.0f} of its {size_bytes:,}",
        flush=True,
    )
    most = sorted(grown.items(), key=lambda one: -one[1])[:5]
    if listed := ", ".join(f"{name} {size / uploads:,.0f}" for name, size in most if size):
        print(f"    by table, bytes each: {listed}")


def _sizes(url: str) -> Sizes:
    """Measure once what is dead may be used again, so that growth is growth."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM")
        tables = connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        out_of_line = connection.execute(
            "SELECT pg_total_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'document'::regclass"
        ).fetchone()
    assert out_of_line
    sizes: dict[str, int] = dict(tables)
    sizes["document"] -= out_of_line[0]
    return Sizes(sizes, int(out_of_line[0]))

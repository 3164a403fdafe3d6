"""Whom we believe: authors of VEX documents, and of what each may speak."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

import orjson
from sqlalchemy import delete, select, text

from service.access.roles import Actor
from service.db import ReadSession, WriteSession
from service.errors import Refused
from service.incidents.vex.judging import Trust
from service.incidents.vex_models import VexSource
from service.inventory.products import find_product


class BadSource(Refused):
    """This cannot be a source of VEX."""

    slug = "bad-vex-source"


@dataclass(frozen=True)
class NewSource:
    """An author to believe; see `VexSource`."""

    author: str
    reason: str
    packages: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    known_as: dict[str, str] | None = None
    signed: bool = False


def list_sources(session: ReadSession) -> list[VexSource]:
    """Give all sources by author."""
    return list(session.scalars(select(VexSource).order_by(VexSource.author)))


def version_of(sources: Sequence[VexSource]) -> int:
    """Give a number that is another one as soon as anything about the sources is."""
    told = [[row.author, row.packages, row.products, row.known_as, row.signed, row.reason] for row in sources]
    return int.from_bytes(hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()[:6])


def lock_sources(session: WriteSession) -> list[VexSource]:
    """Give all sources, and keep others from changing them until the transaction ends."""
    session.execute(text("LOCK TABLE vex_source IN SHARE ROW EXCLUSIVE MODE"))
    return list_sources(session)


def replace_sources(
    session: WriteSession, wanted: Sequence[NewSource], *, actor: Actor, now: datetime
) -> list[VexSource]:
    """Believe these authors, and nobody else. What stays as it is keeps its date. Decisions that were made stand.

    Raises:
        BadSource: An author is named twice, or a package is no beginning of a purl.
        NotFound: There is no such product.
    """
    for source in wanted:
        _check(session, source)
    authors = [source.author for source in wanted]
    if len(set(authors)) < len(authors):
        raise BadSource("An author stands there twice; say in one place of what it may speak.")
    there = {row.author: row for row in lock_sources(session)}
    session.execute(delete(VexSource).where(VexSource.author.not_in(authors)))
    added = {"added_by": actor.name, "added_key_id": actor.key_id, "added_at": now}
    for source in wanted:
        values = _values(source)
        row = there.get(source.author)
        if row is None:
            session.add(VexSource(author=source.author, **added, **values))
        elif any(getattr(row, name) != value for name, value in values.items()):
            for name, value in (values | added).items():
                setattr(row, name, value)
    session.flush()  # whoever lists them next sees them
    return list_sources(session)


def _check(session: ReadSession, source: NewSource) -> None:
    for package in source.packages:
        if not package.startswith("pkg:") or "/" not in package:
            raise BadSource(f"{package[:80]} is no beginning of a purl; write it like pkg:rpm/redhat/.")
    if not source.author.strip("*? "):
        raise BadSource("An author that is only wildcards would be everybody.")
    for slug in (*source.products, *(source.known_as or {}).values()):
        find_product(session, slug)


def _values(source: NewSource) -> dict[str, object]:
    return {
        "packages": list(source.packages),
        "products": list(source.products),
        "known_as": dict(source.known_as or {}),
        "signed": source.signed,
        "reason": source.reason,
    }


def source_of(session: WriteSession, author: str) -> VexSource | None:
    """Give the source that an author is, the most exact pattern first, and lock it: its documents queue up."""
    rows = [row for row in list_sources(session) if row.author == author or _matches(author, row.author)]
    if not rows:
        return None
    best = min(rows, key=lambda row: (row.author != author, -len(row.author), row.author))
    return session.scalar(select(VexSource).where(VexSource.id == best.id).with_for_update())


def _matches(author: str, pattern: str) -> bool:
    # Only the star is one: addresses have question marks and brackets of their own.
    return "*" in pattern and fnmatchcase(author, pattern.replace("[", "[[]").replace("?", "[?]"))


def is_word_of_one(source: VexSource, actor: Actor) -> bool:
    """Tell whether whoever brings a document is the one who had its author believed, and no signature speaks for it."""
    return not source.signed and source.added_key_id == actor.key_id


def trust_in(source: VexSource) -> Trust:
    """Say of what a source may speak."""
    return Trust(tuple(source.packages), frozenset(source.products))

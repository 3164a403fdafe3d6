"""One source of signals into its table: fetch, read, then write what differs; a failure leaves the last good state.

What changed is not followed yet: the caller lets priorities follow, and `signal_feed` remembers how far they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal, NamedTuple

from sqlalchemy import Engine, select, update
from sqlalchemy.dialects import postgresql as pg

from service.advisories import epss, kev
from service.advisories.feed_client import PATIENT, Patience
from service.advisories.retrying_client import without_credentials
from service.advisories.signal_models import SignalFeed
from service.advisories.signals_client import Download, Validators, download
from service.advisories.signals_reading import MOST_NAMED, MalformedSignals, Reading
from service.advisories.signals_storing import Replaced, replace_rows
from service.db import WriteSession, writing
from service.errors import UpstreamUnavailable
from service.log import logger

Name = Literal["kev", "epss"]

#: Both sources' files are below 3 MB.
MOST_BYTES = 64 * 2**20


class Source(NamedTuple):
    """What a source's file is called, how it is read, and the columns of its table, which has the source's name."""

    label: str
    read: Callable[[bytes], Reading]
    columns: tuple[str, ...]


SOURCES: Mapping[Name, Source] = {
    "kev": Source("CISA's catalogue of known exploited vulnerabilities", kev.read_catalogue, kev.COLUMNS),
    "epss": Source("EPSS", epss.read_scores, epss.COLUMNS),
}


@dataclass(frozen=True, slots=True)
class SignalSynced:
    """What one sync of a source did. `trouble` is what a person has to look at, `error` why nothing was taken."""

    name: Name
    added: int = 0
    changed: int = 0
    vanished: int = 0
    total: int = 0
    trouble: str | None = None
    error: str | None = None


def sync_signal(
    engine: Engine,
    name: Name,
    url: str,
    *,
    now: datetime,
    accept_vanished: bool = False,
    patience: Patience = PATIENT,
) -> SignalSynced:
    """Bring one source up to date. Failures of the source are recorded and reported, not raised.

    Args:
        engine: What is written is one transaction.
        name: Which source.
        url: HTTP(S) or ``file://``.
        now: Aware UTC.
        accept_vanished: Take away also when more than a tenth of what was there is gone.
        patience: With a server that fails.
    """
    shown = without_credentials(url)
    with writing(engine) as session:
        feed = _record_attempt(session, name, shown, now)
    known = Validators(feed.etag, feed.last_modified) if feed.url == shown and feed.digest else Validators()
    try:
        arrived = download(url, known, limit=MOST_BYTES, patience=patience)
        if arrived is None:
            return _unchanged(engine, name, {}, now)
        return _take(engine, name, shown, arrived, now=now, accept_vanished=accept_vanished)
    except UpstreamUnavailable as error:
        return _failed(engine, name, error.detail)


def take_signal(engine: Engine, name: Name, url: str, arrived: Download, *, now: datetime) -> SignalSynced:
    """Take a file that is here already, such as one of a bundle; *url* says where it is from."""
    try:
        return _take(engine, name, url, arrived, now=now, accept_vanished=False)
    except UpstreamUnavailable as error:
        return _failed(engine, name, error.detail)


def _take(
    engine: Engine, name: Name, url: str, arrived: Download, *, now: datetime, accept_vanished: bool
) -> SignalSynced:
    digest = sha256(arrived.content).digest()
    with writing(engine) as session:
        feed = _record_attempt(session, name, url, now)
    tags = {"etag": arrived.validators.etag, "last_modified": arrived.validators.last_modified}
    if digest == feed.digest:
        return _unchanged(engine, name, {"url": url, **tags}, now)
    source = SOURCES[name]
    try:
        reading = source.read(arrived.content)
    except MalformedSignals as error:
        raise MalformedSignals(f"{url}: {error.detail}") from error
    with writing(engine) as session:
        # One writer of a source at a time.
        feed = session.scalars(select(SignalFeed).where(SignalFeed.name == name).with_for_update()).one()
        if not accept_vanished:
            _refuse_older(feed, url, reading)
        replaced = replace_rows(
            session,
            name,
            source.columns,
            reading.rows,
            complete=not reading.malformed,
            accept_vanished=accept_vanished,
        )
        trouble = _trouble(source, reading, replaced)
        _record_success(feed, url, reading, replaced, trouble, now)
        if not trouble:
            feed.digest, feed.etag, feed.last_modified = digest, tags["etag"], tags["last_modified"]
    if trouble:
        logger("advisories").error("signals need a look", source=name, trouble=trouble)
    return SignalSynced(name, replaced.added, replaced.changed, _gone(replaced), replaced.total, trouble)


def _refuse_older(feed: SignalFeed, url: str, reading: Reading) -> None:
    """Keep an old bundle from taking back the news of a fresher source; the source itself may correct its date."""
    if feed.url != url and feed.released_at and reading.released_at and reading.released_at < feed.released_at:
        raise MalformedSignals(
            f"{url} is of {reading.released_at:%Y-%m-%d %H:%M}, older than what {feed.url} gave: "
            f"{feed.released_at:%Y-%m-%d %H:%M}"
        )


def _trouble(source: Source, reading: Reading, replaced: Replaced) -> str | None:
    if reading.malformed:
        named = "; ".join(reading.malformed[:3])
        return f"{len(reading.malformed)} rows of {source.label} cannot be read; what they said before is kept: {named}"
    if replaced.vanished and replaced.held:
        return (
            f"{replaced.vanished} vulnerabilities are gone from {source.label} at once, more than a tenth. "
            "They are kept until somebody says that this is right."
        )
    return None


def _gone(replaced: Replaced) -> int:
    return 0 if replaced.held else replaced.vanished


def _record_attempt(session: WriteSession, name: Name, url: str, now: datetime) -> SignalFeed:
    new = pg.insert(SignalFeed).values(name=name, url=url, attempted_at=now)
    statement = new.on_conflict_do_update(index_elements=["name"], set_={"attempted_at": now}).returning(SignalFeed)
    return session.scalars(statement).one()


def _record_success(
    feed: SignalFeed, url: str, reading: Reading, replaced: Replaced, trouble: str | None, now: datetime
) -> None:
    feed.url, feed.version, feed.released_at = url, reading.version, reading.released_at
    feed.succeeded_at, feed.last_error, feed.record_count = now, trouble, replaced.total
    feed.digest = feed.etag = feed.last_modified = None
    feed.last_result = {
        "added": replaced.added,
        "changed": replaced.changed,
        "vanished": _gone(replaced),
        "held": replaced.vanished if replaced.held else 0,
        "malformed": list(reading.malformed[:MOST_NAMED]),
    }
    if replaced.differs:
        feed.revision += 1


def _unchanged(engine: Engine, name: Name, values: dict[str, str | None], now: datetime) -> SignalSynced:
    mine = update(SignalFeed).where(SignalFeed.name == name)
    with writing(engine) as session:
        total = session.scalar(
            mine.values(succeeded_at=now, last_error=None, **values).returning(SignalFeed.record_count)
        )
    return SignalSynced(name, total=total or 0)


def _failed(engine: Engine, name: Name, error: str) -> SignalSynced:
    logger("advisories").warning("signals failed", source=name, error=error)
    with writing(engine) as session:
        session.execute(update(SignalFeed).where(SignalFeed.name == name).values(last_error=error))
    return SignalSynced(name, error=error)

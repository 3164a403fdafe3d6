"""A feed into advisories, matches and exposures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType

from sqlalchemy import Engine

from service.advisories.feed_bundle import MAX_SIGNAL_BYTES, SIGNAL_FILES
from service.advisories.feed_client import PATIENT, FeedClient, Patience, open_feed
from service.advisories.feed_loss import carried_by, hold_lost, let_go, lost_ecosystems
from service.advisories.feed_source import FeedUnavailable
from service.advisories.feeds import ecosystems_in_use, record_attempt, record_failure, record_outage
from service.advisories.retrying_client import without_credentials
from service.advisories.signals_client import Download, Validators
from service.advisories.signals_syncing import take_signal
from service.advisories.syncing import Progress, Synced, sync_ecosystem
from service.db import reading, writing
from service.errors import UpstreamUnavailable
from service.flows.settling import settle
from service.flows.signalling import follow_signals
from service.log import logger
from service.purls import canonical_ecosystem

#: The actor of everything that a feed brings about.
FEED = "osv feed"

_NOBODY: Mapping[str, int] = MappingProxyType({})
log = logger("flows")


@dataclass(frozen=True)
class _Applying:
    """One feed being taken."""

    engine: Engine
    client: FeedClient
    accepted: Mapping[str, int]
    now: datetime
    follow: Callable[[], object]
    watch: Callable[[Progress], None]


def apply_feed(
    engine: Engine,
    url: str,
    ecosystems: str | Sequence[str],
    *,
    now: datetime,
    accepted: Mapping[str, int] = _NOBODY,
    progress: Callable[[Synced], None] = lambda _: None,
    watch: Callable[[Progress], None] = lambda _: None,
    patience: Patience = PATIENT,
) -> list[Synced]:
    """Take what is new in a feed, ecosystem by ecosystem, and let matches and exposures follow.

    Args:
        engine: Every batch is a transaction of its own; what was taken stays taken when a later one fails.
        url: The bucket, a mirror, or ``file://`` and a folder of the same layout or a bundle; ``none`` does nothing.
        ecosystems: ``all`` that the feed has, those ``used`` by some component, or a list of names.
        now: Aware UTC.
        accepted: Ecosystems that may lose up to so many advisories at once, as somebody has agreed.
        progress: Told after each ecosystem.
        watch: Told meanwhile.
        patience: With a server that fails.

    Raises:
        UpstreamUnavailable: The feed cannot even list its ecosystems.
    """
    follow = partial(settle, engine, actor=FEED, now=now)
    follow()  # what a crash may have left behind
    if url == "none":
        return []
    results = []
    with ExitStack() as stack:
        try:
            client = stack.enter_context(open_feed(url, patience))
        except UpstreamUnavailable as error:
            _note_outage(engine, without_credentials(url.rstrip("/")), error, now)
            raise
        for synced in _synced(_Applying(engine, client, accepted, now, follow, watch), ecosystems):
            progress(synced)
            results.append(synced)
        _take_signals(engine, client, now)
    return results


def _take_signals(engine: Engine, client: FeedClient, now: datetime) -> None:
    """Take KEV and EPSS where they lie beside the advisories, as in a bundle, and let priorities follow."""
    for name, path in SIGNAL_FILES.items():
        with client.file(path) as file:
            content = None if file is None else file.read(MAX_SIGNAL_BYTES)
        if content is None:
            continue
        try:
            take_signal(engine, name, f"{client.url}/{path}", Download(content, Validators()), now=now)
        except UpstreamUnavailable as error:
            log.warning("signals failed", source=name, error=error.detail)
    follow_signals(engine, now=now)


def _synced(applying: _Applying, ecosystems: str | Sequence[str]) -> Iterable[Synced]:
    if ecosystems not in ("all", "used"):
        yield from _one_after_the_other(applying, [ecosystems] if isinstance(ecosystems, str) else list(ecosystems))
        return
    offered = _offered(applying)
    with reading(applying.engine) as session:
        used = ecosystems_in_use(session) if ecosystems == "used" else set(offered)
    yield from _one_after_the_other(applying, [name for name in offered if {name, canonical_ecosystem(name)} & used])
    if applying.client.is_complete:
        yield from _lost(applying, offered)
        _note_not_offered(applying, used.difference(offered))


def _one_after_the_other(applying: _Applying, names: Iterable[str]) -> Iterable[Synced]:
    peace: str | None = None
    for name in names:
        if peace is not None:
            yield _not_asked(applying, name, peace)
            continue
        synced = sync_ecosystem(
            applying.engine,
            applying.client,
            name,
            now=applying.now,
            accepted=applying.accepted.get(name, 0),
            settle=applying.follow,
            watch=applying.watch,
        )
        if synced.error:
            applying.follow()  # what it took before it failed stays taken
        if synced.leave_alone:
            peace = f"not asked, because the feed wants to be left alone for now: {synced.error}"
        yield synced


def _not_asked(applying: _Applying, name: str, why: str) -> Synced:
    with writing(applying.engine) as session:
        feed = record_attempt(session, applying.client.url, name, now=applying.now)
        record_failure(session, feed.id, error=why, is_unchanged=True)
    return Synced(name, error=why)


def _offered(applying: _Applying) -> list[str]:
    try:
        offered = applying.client.ecosystems()
        if not offered:
            raise FeedUnavailable(f"{applying.client.url} lists no ecosystems")
    except UpstreamUnavailable as error:
        _note_outage(applying.engine, applying.client.url, error, applying.now)
        raise
    return offered


def _lost(applying: _Applying, offered: Sequence[str]) -> Iterable[Synced]:
    """Hold what the feed had and no longer lists, or let it go if somebody has agreed."""
    with reading(applying.engine) as session:
        lost = lost_ecosystems(session, applying.client.url, offered, as_of=applying.client.as_of)
    for feed in lost:
        synced = Synced(feed.ecosystem)
        if feed.record_count <= applying.accepted.get(feed.ecosystem, 0):
            with writing(applying.engine) as session:
                gone = carried_by(session, feed.id)
                let_go(session, [feed.id], gone, now=applying.now)
            synced.vanished = len(gone)
            applying.follow()
        else:
            with writing(applying.engine) as session:
                synced.trouble = hold_lost(session, feed, now=applying.now)
            synced.held = feed.record_count
            log.error("ecosystem lost by its feed is held", ecosystem=feed.ecosystem, feed=feed.url)
        yield synced


def _note_not_offered(applying: _Applying, names: Iterable[str]) -> None:
    """Make visible that components stand in ecosystems of which the feed has nothing."""
    for name in sorted(names):
        with writing(applying.engine) as session:
            feed = record_attempt(session, applying.client.url, name, now=applying.now)
            if not feed.record_count:
                record_failure(session, feed.id, error=f"The feed has no ecosystem {name}.", is_unchanged=True)


def _note_outage(engine: Engine, url: str, error: UpstreamUnavailable, now: datetime) -> None:
    log.warning("feed failed", feed=url, error=error.detail)
    with writing(engine) as session:
        record_outage(session, url, error=error.detail, now=now)

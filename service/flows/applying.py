"""A feed into advisories, matches and exposures."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from service.advisories.feed_client import open_feed
from service.advisories.feeds import ecosystems_in_use
from service.advisories.syncing import Synced, sync_ecosystem
from service.db import reading
from service.flows.settling import settle

#: The actor of everything that a feed brings about.
FEED = "osv feed"


def apply_feed(
    engine: Engine,
    url: str,
    ecosystems: str | Sequence[str],
    *,
    now: datetime,
    progress: Callable[[Synced], None] = lambda _: None,
) -> list[Synced]:
    """Take what is new in a feed, ecosystem by ecosystem, and let matches and exposures follow.

    Args:
        engine: Every batch is a transaction of its own; what was taken stays taken when a later one fails.
        url: The bucket, a mirror, or ``file://`` and a folder of the same layout; ``none`` does nothing.
        ecosystems: ``all`` that the feed has, those ``used`` by some component, or a list of names.
        now: Aware UTC.
        progress: Told after each ecosystem.

    Raises:
        UpstreamUnavailable: The feed cannot even list its ecosystems.
    """
    follow = partial(settle, engine, actor=FEED, now=now)
    follow()  # what a crash may have left behind
    if url == "none":
        return []
    results = []
    with open_feed(url) as client:
        for ecosystem in _chosen(engine, client.ecosystems, ecosystems):
            synced = sync_ecosystem(engine, client, ecosystem, now=now, settle=follow)
            if synced.error:
                follow()  # what it took before it failed stays taken
            progress(synced)
            results.append(synced)
    return results


def _chosen(engine: Engine, offered: Callable[[], list[str]], ecosystems: str | Sequence[str]) -> list[str]:
    if ecosystems == "all":
        return offered()
    if ecosystems == "used":
        with reading(engine) as session:
            used = ecosystems_in_use(session)
        return [name for name in offered() if name in used]
    return [ecosystems] if isinstance(ecosystems, str) else list(ecosystems)

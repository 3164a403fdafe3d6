"""How fresh the feeds are, as metrics: by ecosystem, without addresses, since no key is asked for."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from service.advisories.feeds import STATES, Freshness

#: Of several feeds of an ecosystem, the one that is best off says how well we know it, the worst what needs a look.
_WORST_FIRST = ("held", "failing", "never", "stale", "fresh")


def feed_lines(feeds: Iterable[Freshness], *, now: datetime) -> list[str]:
    """Give ``muster_feed_state`` (1 for the state that an ecosystem is in), its age and its count of advisories."""
    worst: dict[str, Freshness] = {}
    for feed in sorted(feeds, key=lambda feed: _WORST_FIRST.index(feed.state), reverse=True):
        worst[feed.ecosystem] = feed
    return list(_lines(dict(sorted(worst.items())), now))


def _lines(feeds: dict[str, Freshness], now: datetime) -> Iterator[str]:
    yield "# TYPE muster_feed_state gauge"
    for ecosystem, feed in feeds.items():
        for state in STATES:
            labels = f'ecosystem="{_escaped(ecosystem)}",state="{state}"'
            yield f"muster_feed_state{{{labels}}} {int(feed.state == state)}"
    yield "# TYPE muster_feed_age_seconds gauge"
    for ecosystem, feed in feeds.items():
        if feed.as_of is not None:
            age = max((now - feed.as_of).total_seconds(), 0)
            yield f'muster_feed_age_seconds{{ecosystem="{_escaped(ecosystem)}"}} {age:.0f}'
    yield "# TYPE muster_feed_advisories gauge"
    for ecosystem, feed in feeds.items():
        yield f'muster_feed_advisories{{ecosystem="{_escaped(ecosystem)}"}} {feed.record_count}'


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

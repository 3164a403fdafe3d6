"""An act stopped at any of its statements, and another in between: nothing is missed, nothing breaks."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count

import pytest
from interleaving import Act, interleave
from osv_bucket import Record, make_affected, make_record
from sboms import make_sbom
from sqlalchemy import Engine, func, select
from story import CERT, Story, empty

from service.db import connect, reading, writing
from service.flows import retiring
from service.flows.publishing import publish_advisory
from service.flows.receiving import Request, receive_upload
from service.incidents.lifecycle import JUSTIFICATIONS, Decision, transition
from service.incidents.models import Exposure, Transition
from service.inventory.models import Product, Stream
from service.inventory.products import Archived, StreamRetired

OLD, OLDER, NEW = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.19", "pkg:npm/lodash@4.17.21"
FIXED = make_record("OURS-0", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2024-1"])
NARROW = FIXED | {"affected": [make_affected("npm/lodash", "introduced 0", "fixed 4.17.20")]}
APART = make_record("OURS-1", "npm/lodash", "introduced 0", "fixed 4.17.21")
JOINED = APART | {"aliases": ["CVE-2024-1"]}
BESIDE = make_record("OURS-1", "npm/lodash.core", "introduced 0", "fixed 2.0.0")


def upload(*components: str, product: str = "shop", stream: str = "main") -> Act:
    data = make_sbom(*components)

    def act(engine: Engine, now: datetime) -> None:
        with suppress(Archived, StreamRetired):
            receive_upload(engine, data, Request(product, actor="ci", stream=stream), now=now)

    return act


def publish(record: Record) -> Act:
    return lambda engine, now: publish_advisory(engine, record["id"], dict(record), actor=CERT, now=now)


def decide(product: str) -> Act:
    """Say that a product is not affected by the only thing there is about it."""

    def act(engine: Engine, now: datetime) -> None:
        with writing(engine) as session:
            only = select(Exposure.id).join(Product, Product.id == Exposure.product_id).where(Product.slug == product)
            exposure_id = session.scalars(only).one()
            decision = Decision("not_affected", "never loaded", JUSTIFICATIONS[0], approved_by="a second person")
            transition(session, exposure_id, decision, actor=CERT, now=now)

    return act


def archive(product: str) -> Act:
    return lambda engine, now: retiring.archive(engine, product, reason="sold", actor=CERT, now=now)


def retire(product: str, stream: str) -> Act:
    return lambda engine, now: retiring.retire(engine, product, stream, reason="old", actor=CERT, now=now)


@dataclass(frozen=True)
class Race:
    """What was there before, the two acts, and what has to be so afterwards, whoever came first."""

    before: Callable[[Story], None]
    one: Act
    other: Act
    statuses: tuple[tuple[str, str, tuple[str | None, ...]], ...] = ()


def _nothing(_story: Story) -> None:
    pass


def _elsewhere(story: Story) -> None:
    story.upload("wiki", OLD)


def _older_elsewhere(story: Story) -> None:
    story.upload("wiki", OLDER)


def _here(story: Story) -> None:
    story.upload("shop", OLD)


def _advised(story: Story) -> None:
    story.publish(FIXED)


def _advised_narrowly(story: Story) -> None:
    story.publish(NARROW)


def _affected(story: Story) -> None:
    _here(story)
    _advised(story)


def _affected_in_one_stream(story: Story) -> None:
    _affected(story)
    story.upload("shop", NEW, stream="2.x")


def _apart(story: Story) -> None:
    story.publish(FIXED)
    story.publish(APART)
    story.upload("wiki", OLD)


def _beside(story: Story) -> None:
    story.publish(FIXED)
    story.publish(BESIDE)
    story.upload("wiki", OLD)
    story.upload("shop", "pkg:npm/lodash.core@1.0.0")


def _apart_and_fixed(story: Story) -> None:
    _apart(story)
    story.upload("wiki", NEW)


OPEN = ("open",)
RACES = {
    "a new component and its first advisory": Race(
        _nothing, upload(OLD), publish(FIXED), (("shop", "CVE-2024-1", OPEN),)
    ),
    "a known component and its first advisory": Race(
        _elsewhere, upload(OLD), publish(FIXED), (("shop", "CVE-2024-1", OPEN),)
    ),
    "a new version of a known package and its first advisory": Race(
        _older_elsewhere, upload(OLD), publish(FIXED), (("shop", "CVE-2024-1", OPEN),)
    ),
    "a new component and a narrowed range": Race(
        _advised, upload(OLD), publish(NARROW), (("shop", "CVE-2024-1", (None, "withdrawn")),)
    ),
    "a new component and a widened range": Race(
        _advised_narrowly, upload(OLD), publish(FIXED), (("shop", "CVE-2024-1", OPEN),)
    ),
    "a fix and the first advisory": Race(
        _here, upload(NEW), publish(FIXED), (("shop", "CVE-2024-1", (None, "resolved")),)
    ),
    "the end of a stream and the first advisory": Race(
        _here, retire("shop", "main"), publish(FIXED), (("shop", "CVE-2024-1", (None, "retired")),)
    ),
    "a fix and a narrowed range": Race(
        _affected, upload(NEW), publish(NARROW), (("shop", "CVE-2024-1", ("resolved", "withdrawn")),)
    ),
    "a fix and an advisory that comes back": Race(
        _affected, upload(NEW), publish(FIXED | {"summary": "again"}), (("shop", "CVE-2024-1", ("resolved",)),)
    ),
    "a new product and two vulnerabilities becoming one": Race(
        _apart, upload(OLD), publish(JOINED), (("shop", "CVE-2024-1", OPEN), ("wiki", "CVE-2024-1", OPEN))
    ),
    "a regression and two vulnerabilities becoming one": Race(
        _apart_and_fixed,
        upload(OLDER, product="wiki"),
        publish(JOINED),
        (("wiki", "CVE-2024-1", OPEN),),
    ),
    "a decision and two vulnerabilities becoming one": Race(
        _beside,
        decide("shop"),
        publish(BESIDE | {"aliases": ["CVE-2024-1"]}),
        (("shop", "CVE-2024-1", ("not_affected",)), ("wiki", "CVE-2024-1", OPEN)),
    ),
    "two advisories about one name": Race(
        _here,
        publish(FIXED),
        publish(JOINED),
        (("shop", "CVE-2024-1", OPEN),),
    ),
    "two products with the same new components": Race(
        _advised,
        upload(OLD, OLDER),
        upload(OLDER, OLD, product="wiki"),
        (("shop", "CVE-2024-1", OPEN), ("wiki", "CVE-2024-1", OPEN)),
    ),
    "two streams of one new product": Race(
        _advised, upload(OLD), upload(NEW, stream="2.x"), (("shop", "CVE-2024-1", OPEN),)
    ),
    "a fix in one stream and a regression in another": Race(
        _affected_in_one_stream,
        upload(NEW),
        upload(OLD, stream="2.x"),
        (("shop", "CVE-2024-1", OPEN),),
    ),
    "an upload and the end of its product": Race(
        _affected, upload(OLD, stream="2.x"), archive("shop"), (("shop", "CVE-2024-1", ("retired",)),)
    ),
    "an upload and the end of its stream": Race(
        _affected, upload(OLDER), retire("shop", "main"), (("shop", "CVE-2024-1", ("retired",)),)
    ),
}

WAYS = [pytest.param(name, turned, id=f"{name}{', turned' if turned else ''}") for name in RACES for turned in (0, 1)]


@pytest.fixture(scope="module")
def engines(database_url: str) -> Iterator[tuple[Engine, Engine]]:
    pair = connect(database_url), connect(database_url)
    yield pair
    for each in pair:
        each.dispose()


def _run(name: str, story: Story, engines: tuple[Engine, Engine], *, turned: bool, before: int) -> bool:
    race = RACES[name]
    race.before(story)
    acts = (race.other, race.one) if turned else (race.one, race.other)
    stopped = interleave(*acts, engines, before=before, now=story.tick())
    for product, vulnerability, expected in race.statuses:
        assert story.status(product, vulnerability) in expected, f"stopped before statement {before}"
    assert story.differences() == [], f"stopped before statement {before}"
    assert _live_in_archived(story) == []
    assert _miscounted(story) == [], f"stopped before statement {before}"
    return stopped


def _miscounted(story: Story) -> list[int]:
    """Name the exposures that have taken more steps, or fewer, than their version says: somebody overwrote somebody."""
    steps = select(func.count()).where(Transition.exposure_id == Exposure.id).scalar_subquery()
    with reading(story.engine) as session:
        return list(session.scalars(select(Exposure.id).where(Exposure.version != steps)))


def _live_in_archived(story: Story) -> list[str]:
    with reading(story.engine) as session:
        archived = Product.archived_at.is_not(None) & Stream.retired_at.is_(None)
        return list(session.scalars(select(Stream.name).join(Product, Product.id == Stream.product_id).where(archived)))


@pytest.mark.parametrize(("name", "turned"), WAYS)
def test_an_act_between_two_statements_of_another_misses_nothing(
    name: str,
    turned: bool,  # noqa: FBT001 - a parameter of pytest's
    story: Story,
    engines: tuple[Engine, Engine],
) -> None:
    # Another statement for each; all of them are tried in the soak run.
    _run(name, story, engines, turned=turned, before=5 + len(name) % 30)


@pytest.mark.soak
@pytest.mark.parametrize(("name", "turned"), WAYS)
def test_an_act_before_any_statement_of_another_misses_nothing(
    name: str,
    turned: bool,  # noqa: FBT001 - a parameter of pytest's
    story: Story,
    engines: tuple[Engine, Engine],
) -> None:
    for before in count(1):
        if not _run(name, story, engines, turned=turned, before=before):
            break
        empty(story.engine)

"""Whole lives of exposures: acts of builds, feeds, people and the clock, told to the service and to a slow model.

The model is that of `histories`: it works out from plain values what is affected in the field. Here it also knows which
streams have fallen silent, which SBOMs are doubtful, and what is built on what. `invariants` hold the two together.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from histories import COMPONENTS, NAMES, RANGES, Line, Model, Sent
from osv_bucket import Record, make_record
from sboms import listed, make_sbom
from sqlalchemy import select
from story import Story

from service.access.roles import SYSTEM, Actor, Role
from service.advisories.signal_models import Kev
from service.clock import to_micros
from service.db import writing
from service.errors import ServiceError
from service.flows.rebasing import follow_bases, let_base_follow
from service.flows.silence import note_silence
from service.incidents import approving, lifecycle
from service.incidents.claims import doubt_claims
from service.incidents.expiring import end_acceptances
from service.incidents.lifecycle import JUSTIFICATIONS, Decision
from service.incidents.models import Exposure
from service.incidents.rating import out_of_step, rate_anew
from service.inventory.stewardship import lock_product, patch_product

PRODUCTS = ("base", "shop", "blog")
#: A stream without a sign of life for so long is silent.
SILENT_AFTER = timedelta(days=30)
#: The same bytes sooner than this were only sent again.
RETRY = timedelta(minutes=10)
ANN, BEN = Actor("ann", Role.CERT, key_id=1), Actor("ben", Role.CERT, key_id=2)
DAY = timedelta(days=1)

Contents = dict[str, str]


@dataclass
class Build(Sent):
    """An upload, as the model remembers it; `doubtful` until `confirmed_at`."""

    data: bytes = b""
    tool: str = "syft"
    received_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    doubtful: bool = False
    confirmed_at: datetime | None = None


@dataclass
class Stream(Line):
    """A line of builds; `heard_at` is its last sign of life, `silent`: the clock noticed that it was long ago."""

    heard_at: datetime | None = None
    silent: bool = False
    with_product: bool = False

    @property
    def is_unclear(self) -> bool:
        """Tell whether it says nothing of today."""
        return not self.preview and not self.retired and (self.silent or not self.live())

    def head(self) -> Build | None:
        live = self.live()
        head = live[-1] if live else None
        assert head is None or isinstance(head, Build)
        return head


class Due(NamedTuple):
    """What an exposure had to meet when it was last looked at."""

    remediate_due_at: datetime | None
    transition_id: int


@dataclass
class Memory:
    """What the invariants remember from one act to the next."""

    last_transition_id: int = 0
    dues: dict[int, Due] = field(default_factory=dict)
    voided: set[int] = field(default_factory=set)


class Lives:
    """Acts, each told to the service and the model alike. What is refused changes neither."""

    def __init__(self, story: Story) -> None:
        self.story, self.model, self.memory = story, Model(), Memory()
        self.bases: dict[str, tuple[str, str]] = {}
        self.told: list[str] = []
        self.clock_ran_at = story.now
        for product in PRODUCTS:
            story.product(product)

    def line(self, product: str, stream: str) -> Stream | None:
        line = self.model.lines.get((product, stream))
        assert line is None or isinstance(line, Stream)
        return line

    def lines(self, product: str) -> list[Stream]:
        return [line for (owner, _), line in self.model.lines.items() if owner == product and isinstance(line, Stream)]

    # --- builds ------------------------------------------------------------------------------------------------------

    def upload(
        self, product: str, contents: Contents, *, stream: str = "main", tool: str = "syft", label: str | None = None,
        ago: timedelta | None = None, preview: bool = False, replaces: bool = False,
    ) -> None:  # fmt: skip
        line = self.line(product, stream) or Stream(preview)
        replaced = line.head() if replaces else None
        if line.retired or (replaces and replaced is None) or line.preview != preview:
            return
        if any(line.with_product for line in self.lines(product)):
            return  # archived
        parts = [
            listed(purl, scope=scope) if purl.startswith("pkg:") else listed(name=purl, version="5.6.1", scope=scope)
            for purl, scope in contents.items()
        ]
        data = make_sbom(*parts, tool=tool)
        at = None if ago is None or replaces else self.story.now - ago
        answer = self._send(product, stream, data, at=at, preview=preview, label=label, replaces=replaced)
        if answer is None:
            return
        at_us = to_micros(answer["at"])
        build = Build(answer["sbom"]["id"], at_us, contents, label, data=data, tool=tool, received_at=self.story.now)
        before = [each for each in line.live() if each.at_us < at_us]
        preceding = before[-1] if before else replaced
        build.doubtful = _doubtful(preceding, build)
        self.model.lines[product, stream] = line
        line.uploads.append(build)
        if replaced:
            replaced.voided = True
            line.releases = {name: build if meant is replaced else meant for name, meant in line.releases.items()}
        if label and ((held := line.releases.get(label)) is None or held.voided or held.at_us <= at_us):
            line.releases[label] = build
        if line.head() is build:
            line.heard_at, line.silent = self.story.now, False

    def _send(
        self, product: str, stream: str, data: bytes, *, at: datetime | None = None, preview: bool = False,
        label: str | None = None, replaces: Sent | None = None,
    ) -> dict[str, Any] | None:  # fmt: skip
        try:
            request = {"stream": stream, "preview": preview, "at": at, "version": label}
            return self.story.send(data, product, replaces=replaces.id if replaces else None, **request).values
        except ServiceError:
            return None

    def repeat(self, product: str, stream: str = "main") -> None:
        """Send the newest SBOM once more, byte by byte."""
        line = self.line(product, stream)
        head = line.head() if line else None
        if line is None or head is None or line.retired:
            return
        if self._send(product, stream, head.data, preview=line.preview, label=head.label) is None:
            return
        line.heard_at, line.silent = self.story.now, False
        if self.story.now - head.received_at >= RETRY:
            head.confirmed_at = self.story.now

    def void(self, product: str, stream: str = "main", back: int = 0) -> None:
        """Take back the newest SBOM, or one of those before it."""
        line = self.line(product, stream)
        if line is None or len(line.live()) <= back:
            return
        upload = line.live()[-1 - back]
        self.story.void({"sbom": {"id": upload.id}})
        upload.voided = True
        for label in [label for label, meant in line.releases.items() if meant is upload]:
            heirs = [other for other in line.live() if other.label == label]
            if heirs:
                line.releases[label] = heirs[-1]
            else:
                del line.releases[label]
                line.supported.discard(label)
        head = line.head()
        line.heard_at = (head.confirmed_at or head.received_at) if head else None

    def support(self, product: str, label: str, *, supported: bool, stream: str = "main") -> None:
        line = self.line(product, stream)
        if line is not None and label in line.releases:
            self.story.support(product, label, supported=supported, stream=stream)
            (line.supported.add if supported else line.supported.discard)(label)

    def retire(self, product: str, stream: str = "main") -> None:
        line = self.line(product, stream)
        if line is not None and not line.preview and not line.with_product:
            (self.story.revive if line.retired else self.story.retire)(product, stream)
            line.retired = not line.retired

    def archive(self, product: str) -> None:
        """Archive a product, or take it back into use."""
        lines = self.lines(product)
        archived = any(line.with_product for line in lines)
        if not lines or (not archived and all(line.retired for line in lines)):
            return
        (self.story.unarchive if archived else self.story.archive)(product)
        for line in lines:
            if line.with_product or (not archived and not line.retired):
                line.retired = line.with_product = not archived

    def build_on(self, product: str, base: str | None, stream: str = "main") -> None:
        """Say what a product is built on; what would be a circle, or is not there, is refused."""
        try:
            with writing(self.story.engine) as session:
                row = lock_product(session, product)
                patch_product(session, row, {"built_on": {"product": base, "stream": stream} if base else None})
                let_base_follow(session, row.id, actor=SYSTEM, now=self.story.tick())
        except ServiceError:
            return
        if base:
            self.bases[product] = base, stream
        else:
            self.bases.pop(product, None)

    # --- advisories --------------------------------------------------------------------------------------------------

    def tell(self, osv_id: str, ranges: int = 0, names: int = 0, *, withdrawn: bool = False) -> None:
        """Publish one of the advisories, or amend it, or withdraw it."""
        told = RANGES[osv_id]
        record: Record = make_record(osv_id, affected=told[ranges % len(told)])
        record |= NAMES[osv_id][names % len(NAMES[osv_id])]
        if withdrawn:
            record |= {"withdrawn": "2026-03-01T00:00:00Z"}
        self.story.feed(record)
        self.model.tell(record)

    def exploit(self, cve: str) -> None:
        """Let CISA list it, or list it no more; priorities follow."""
        with writing(self.story.engine) as session:
            listed_already = session.get(Kev, cve)
            if listed_already is not None:
                session.delete(listed_already)
            else:
                session.add(
                    Kev(cve=cve, added_on=date(2026, 3, 1), ransomware=False, title="", required_action="", due_on=None)
                )
            session.flush()
            rate_anew(session, out_of_step(session), actor="signals", now=self.story.tick())

    # --- people ------------------------------------------------------------------------------------------------------

    def exposures(self) -> list[int]:
        """Give the exposures that people can act on, in the order of ids."""
        with writing(self.story.engine) as session:
            rows = select(Exposure.id).where(Exposure.status != "merged").order_by(Exposure.id)
            return list(session.scalars(rows))

    def step(self, number: int, to: str, *, actor: Actor = ANN, days: float = 7) -> bool:
        """Let a person take a step with the exposure of this place in the list; tells whether it was allowed."""
        until = self.story.now + days * DAY if to == "risk_accepted" else None
        justification = JUSTIFICATIONS[1] if to == "not_affected" else None
        evidence: dict[str, object] | None = {"log": "seen"} if to == "resolved" else None
        decision = Decision(to, "because", justification, until, evidence)
        return self._do(number, lambda session, id_: lifecycle.transition(
            session, id_, decision, actor=actor, now=self.story.tick()))  # fmt: skip

    def approve(self, number: int, *, actor: Actor = BEN) -> bool:
        return self._do(number, lambda session, id_: approving.approve(
            session, id_, actor=actor, now=self.story.tick()))  # fmt: skip

    def _do(self, number: int, act: Callable[[Any, int], object]) -> bool:
        ids = self.exposures()
        if not ids:
            return False
        try:
            with writing(self.story.engine) as session:
                act(session, ids[number % len(ids)])
        except ServiceError:
            return False
        return True

    # --- the clock ---------------------------------------------------------------------------------------------------

    def wait(self, days: float = 1) -> None:
        """Let time pass, and then the jobs run that go by the clock."""
        now = self.story.tick(days * DAY)
        with writing(self.story.engine) as session:
            end_acceptances(session, now=now)
        with writing(self.story.engine) as session:
            doubt_claims(session, now=now)
        note_silence(self.story.engine, stale_after=SILENT_AFTER, now=now)
        follow_bases(self.story.engine, now=now)
        for line in self.model.lines.values():
            assert isinstance(line, Stream)
            if line.heard_at is not None and not line.preview and not line.retired:
                line.silent = line.heard_at < now - SILENT_AFTER
        self.clock_ran_at = now


def _doubtful(preceding: Sent | None, build: Build) -> bool:
    if not isinstance(preceding, Build):
        return False
    return preceding.tool != build.tool or len(build.contents) * 2 < len(preceding.contents)


def some(*purls: str, scope: str = "required") -> Contents:
    """List components, all in one scope."""
    assert set(purls) <= COMPONENTS.keys()
    return dict.fromkeys(purls, scope)

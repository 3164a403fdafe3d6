"""The kinds of jobs: what each does and how often it comes round."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from sqlalchemy import Engine

from service.access.chaining import head_of
from service.access.vault import Vault
from service.advisories.feeds import never_tried
from service.advisories.signals_syncing import SignalSynced
from service.advisories.syncing import Progress, Synced
from service.changes.reading import purge_changes
from service.db import reading, writing
from service.errors import Busy, UpstreamUnavailable
from service.feedback.digests import make_digests
from service.feedback.fan_out import purge_deliveries
from service.feedback.offices import office_of
from service.feedback.posting import purge_messages
from service.feedback.tickets.systems import connecting
from service.feedback.tickets.working import Round, work_all
from service.flows.applying import FEED, apply_feed
from service.flows.checking import check_next
from service.flows.exporting import make_export, purge_exports
from service.flows.private_names import follow_names
from service.flows.rebasing import follow_bases
from service.flows.reconciling import reconcile
from service.flows.rekeying import rekey
from service.flows.reowning import let_follow
from service.flows.settling import settle
from service.flows.signalling import apply_signals, decide_undecided, follow_signals
from service.flows.silence import note_silence
from service.incidents.approving import lapse_outdated
from service.incidents.claims import doubt_claims
from service.incidents.lifecycle import end_acceptances
from service.incidents.ownership import Following
from service.incidents.ticking import tick
from service.inventory.products import retire_previews
from service.jobs.queue import enqueue_tick, is_running, purge_jobs
from service.log import logger
from service.settings import Settings

#: How long the feed of changes reaches back.
CHANGES_KEPT = timedelta(days=90)
#: How long what was sent can be looked up; a message is also what later ones of its incident answer to.
SENT_KEPT = timedelta(days=30)
#: EPSS comes once a day, KEV when there is news; to ask costs next to nothing.
SIGNALS_EVERY = timedelta(hours=6)
#: After this long a run of checks leaves the rest to the next, so that it does not hold a worker.
_CHECKS_FOR = timedelta(seconds=20)
#: How often a sync says how far it is.
_NOTE_EVERY = timedelta(seconds=2)


class Interrupted(Exception):  # noqa: N818 - no error: the job goes on elsewhere
    """The process is about to stop; the job begins again in another."""


@dataclass(frozen=True)
class JobContext:
    """What a job gets. It opens its own transactions and may run again, after a failure or beside its own ghost.

    `slot` names the occasion, `payload` what to do; `progress` takes JSON values for people who watch.
    """

    engine: Engine
    settings: Settings
    clock: Callable[[], datetime]
    kind: str
    slot: str
    payload: Mapping[str, object]
    stopping: Event
    progress: Callable[[Mapping[str, object]], None]

    def go_on(self) -> None:
        """Raise `Interrupted` when the job should end; long ones ask between their steps."""
        if self.stopping.is_set():
            raise Interrupted


@dataclass(frozen=True)
class Kind:
    """A kind of job. `every` puts it on the schedule; without it, somebody has to enqueue it.

    `spread`: it asks a public server, and runs at this installation's own moment of the period.
    """

    run: Callable[[JobContext], None]
    every: timedelta | None = None
    spread: bool = False


def _retire_previews(job: JobContext) -> None:
    with writing(job.engine) as session:
        job.progress({"retired": retire_previews(session, now=job.clock())})


def _note_silence(job: JobContext) -> None:
    silence = note_silence(job.engine, stale_after=job.settings.stale_after, now=job.clock())
    released = follow_bases(job.engine, now=job.clock())
    job.progress({"silent": silence.silent_count, "released": released, "heard": len(silence.heard_product_ids)})


def _tickets(job: JobContext) -> None:
    """Keep ticket systems in step; without a secret key there can be none."""
    settings = job.settings
    if settings.secret_key is None:
        return
    connect = connecting(Vault(settings.secret_key.get_secret_value()))
    job.progress(work_all(Round(job.engine, connect, job.clock, settings.public_url or "", job.go_on)))


def _digest(job: JobContext) -> None:
    """Write the digests of the day once its hour has come; every look after that finds them written."""
    settings = job.settings
    with writing(job.engine) as session:
        channels = office_of(settings).channels
        job.progress({"digests": make_digests(session, hour=settings.digest_hour, channels=channels, now=job.clock())})


def _purge(job: JobContext) -> None:
    now = job.clock()
    with writing(job.engine) as session:
        purge_deliveries(session, before=now - SENT_KEPT)
    with writing(job.engine) as session:
        purge_messages(session, before=now - SENT_KEPT)
    with writing(job.engine) as session:
        purge_jobs(session, now=now)
    with writing(job.engine) as session:
        purge_changes(session, before=now - CHANGES_KEPT)
    purge_exports(job.engine, now=now)


def _export(job: JobContext) -> None:
    make_export(job.engine, int(str(job.payload["export"])), now=job.clock())


def _sync(job: JobContext) -> None:
    """Take what is new in the feed. Ecosystems that failed say so in `GET /v1/feeds`, and are tried at the next.

    The payload's `accepted` says which ecosystems may lose how many advisories at once.
    """
    done: dict[str, object] = {}
    noted_at = job.clock()

    def note(synced: Synced) -> None:
        done[synced.ecosystem] = synced.error or {"stored": synced.stored, "vanished": synced.vanished}
        job.progress(done)
        job.go_on()

    def watch(progress: Progress) -> None:
        nonlocal noted_at
        if job.clock() - noted_at >= _NOTE_EVERY:
            noted_at = job.clock()
            job.progress(done | {"now": progress.as_json()})

    settings, accepted = job.settings, job.payload.get("accepted")
    apply_feed(
        job.engine,
        settings.osv_url,
        settings.osv_ecosystems,
        now=job.clock(),
        accepted=accepted if isinstance(accepted, dict) else {},
        progress=note,
        watch=watch,
    )


def _sync_kev(job: JobContext) -> None:
    _note_signals(job, apply_signals(job.engine, kev_url=job.settings.kev_url, now=job.clock()))


def _sync_epss(job: JobContext) -> None:
    _note_signals(job, apply_signals(job.engine, epss_url=job.settings.epss_url, now=job.clock()))


def _note_signals(job: JobContext, results: list[SignalSynced]) -> None:
    """Note what a source of signals brought; one that failed is tried again as a failed job is."""
    for synced in results:
        job.progress({"added": synced.added, "changed": synced.changed, "vanished": synced.vanished})
        if synced.error:
            raise UpstreamUnavailable(synced.error)


def _settle(job: JobContext) -> None:
    """Finish what a crash left half done, and have the feed of an ecosystem loaded as soon as something is in it."""
    follow_names(job.engine, actor=FEED, now=job.clock())
    with reading(job.engine) as session:
        syncing = is_running(session, "sync", now=job.clock())
    if not syncing:  # it settles what it takes by itself; two would match everything twice
        job.progress({"advisories": settle(job.engine, actor=FEED, now=job.clock())})
    follow_signals(job.engine, now=job.clock())
    if job.settings.osv_url != "none" and job.settings.osv_ecosystems == "used":
        with writing(job.engine) as session:
            # One slot for all of them: what the feed does not have is asked for once, not every minute.
            if names := never_tried(session):
                enqueue_tick(session, "sync", f"first {', '.join(names)}", run_at=job.clock())


def _rekey(job: JobContext) -> None:
    """Read again what a version before an upgrade read otherwise; nearly always that is nothing."""

    def note(components: int, advisories: int) -> None:
        job.progress({"components": components, "advisories": advisories})
        job.go_on()

    rekey(job.engine, now=job.clock(), progress=note)


def _reconcile(job: JobContext) -> None:
    """Compare exposures with the inventory; what is unsettled yet is no difference."""
    settle(job.engine, actor=FEED, now=job.clock())
    differences = reconcile(job.engine, now=job.clock())
    job.progress({"differences": differences})
    if differences:
        logger("jobs").error("exposures differed from the inventory and were repaired", count=differences)


def _end_acceptances(job: JobContext) -> None:
    ended = 0
    while True:
        job.go_on()
        with writing(job.engine) as session:
            batch = end_acceptances(session, now=job.clock())
        ended += batch
        if not batch:
            break
    job.progress({"ended": ended})


def _clock(job: JobContext) -> None:
    """Let what is due be so: pauses end, silence is escalated, a batch in each transaction."""
    resumed = escalated = 0
    decided = decide_undecided(job.engine, now=job.clock())
    while True:
        job.go_on()
        with writing(job.engine) as session:
            ticked = tick(session, now=job.clock())
        resumed, escalated = resumed + ticked.resumed, escalated + ticked.escalated
        if not ticked.escalated:
            break
    job.progress({"decided": decided, "resumed": resumed, "escalated": escalated})


def _doubt_claims(job: JobContext) -> None:
    """Take back claims that nothing proves, and let proposals lapse whose grounds have changed."""
    doubted = 0
    while True:
        job.go_on()
        with writing(job.engine) as session:
            batch = doubt_claims(session, now=job.clock())
        doubted += batch
        if not batch:
            break
    with writing(job.engine) as session:
        lapsed = lapse_outdated(session, now=job.clock())
    job.progress({"doubted": doubted, "lapsed": lapsed})


def _follow_owners(job: JobContext) -> None:
    """Give exposures to whom the rules name: what a crash left out, or was opened while the rules changed."""
    changed = let_follow(job.engine, Following(), actor="clock", now=job.clock(), go_on=job.go_on)
    job.progress({"changed": changed})


def _check(job: JobContext) -> None:
    """Hold stored documents against their schemas, oldest first, as many as fit into one run."""
    verdicts: Counter[str] = Counter()
    until = job.clock() + _CHECKS_FOR
    while job.clock() < until:
        job.go_on()
        try:
            verdict = check_next(job.engine)
        except Busy:
            break
        if verdict is None:
            break
        verdicts[verdict] += 1
    job.progress(dict(verdicts))


def _say_head(job: JobContext) -> None:
    """Say where the chain of the record ends, in the log: whoever keeps that elsewhere can prove it unchanged."""
    with reading(job.engine) as session:
        head = head_of(session)
    job.progress({"head": str(head)})
    logger("audit").info("the record ends here", head=str(head))


def _of_signals(run: Callable[[JobContext], None], url: str) -> Kind:
    return Kind(run, every=SIGNALS_EVERY if url != "none" else None, spread=url.startswith("http"))


def kinds_of(settings: Settings) -> dict[str, Kind]:
    """Name every kind. Settings decide how often some come round."""
    return {
        "sync": Kind(
            _sync,
            every=settings.sync_every if settings.osv_url != "none" else None,
            spread=settings.osv_url.startswith("http"),
        ),
        "sync-kev": _of_signals(_sync_kev, settings.kev_url),
        "sync-epss": _of_signals(_sync_epss, settings.epss_url),
        "rekey": Kind(_rekey, every=timedelta(minutes=1)),
        "settle": Kind(_settle, every=timedelta(minutes=1)),
        "clock": Kind(_clock, every=timedelta(minutes=1)),
        "check": Kind(_check, every=timedelta(minutes=1)),
        "end-acceptances": Kind(_end_acceptances, every=timedelta(minutes=5)),
        "doubt-claims": Kind(_doubt_claims, every=timedelta(minutes=5)),
        "follow-owners": Kind(_follow_owners, every=timedelta(minutes=10)),
        "reconcile": Kind(_reconcile, every=timedelta(hours=6)),
        "note-silence": Kind(_note_silence, every=timedelta(minutes=5)),
        "tickets": Kind(_tickets, every=timedelta(seconds=30)),
        "digest": Kind(_digest, every=timedelta(minutes=10)),
        "retire-previews": Kind(_retire_previews, every=timedelta(hours=1)),
        "export": Kind(_export),
        "audit-head": Kind(_say_head, every=timedelta(days=1)),
        "purge": Kind(_purge, every=timedelta(hours=6)),
    }

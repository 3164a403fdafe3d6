"""Jobs that take in what others publish, and let matches and exposures follow."""

from collections import Counter
from datetime import timedelta

from service.advisories.feeds import never_tried
from service.advisories.signals_syncing import SignalSynced
from service.advisories.syncing import Progress, Synced
from service.db import reading, writing
from service.errors import Busy, UpstreamUnavailable
from service.flows.applying import FEED, apply_feed
from service.flows.checking import check_next
from service.flows.private_names import follow_names
from service.flows.reconciling import reconcile
from service.flows.rekeying import rekey
from service.flows.settling import settle
from service.flows.signalling import apply_signals, follow_signals
from service.jobs.context import JobContext
from service.jobs.queue import enqueue_tick, is_running
from service.log import logger

#: After this long a run of checks leaves the rest to the next, so that it does not hold a worker.
_CHECKS_FOR = timedelta(seconds=20)
#: How often a sync says how far it is.
_NOTE_EVERY = timedelta(seconds=2)


def sync_job(job: JobContext) -> None:
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


def sync_kev_job(job: JobContext) -> None:
    """Take what is new in CISA's catalogue."""
    _note_signals(job, apply_signals(job.engine, kev_url=job.settings.kev_url, now=job.clock()))


def sync_epss_job(job: JobContext) -> None:
    """Take the scores of the day."""
    _note_signals(job, apply_signals(job.engine, epss_url=job.settings.epss_url, now=job.clock()))


def _note_signals(job: JobContext, results: list[SignalSynced]) -> None:
    """Note what a source of signals brought; one that failed is tried again as a failed job is."""
    for synced in results:
        job.progress({"added": synced.added, "changed": synced.changed, "vanished": synced.vanished})
        if synced.error:
            raise UpstreamUnavailable(synced.error)


def settle_job(job: JobContext) -> None:
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


def rekey_job(job: JobContext) -> None:
    """Read again what a version before an upgrade read otherwise; nearly always that is nothing."""

    def note(components: int, advisories: int) -> None:
        job.progress({"components": components, "advisories": advisories})
        job.go_on()

    rekey(job.engine, now=job.clock(), progress=note)


def reconcile_job(job: JobContext) -> None:
    """Compare exposures with the inventory; what is unsettled yet is no difference."""
    settle(job.engine, actor=FEED, now=job.clock())
    differences = reconcile(job.engine, now=job.clock())
    job.progress({"differences": differences})
    if differences:
        logger("jobs").error("exposures differed from the inventory and were repaired", count=differences)


def check_job(job: JobContext) -> None:
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

"""Jobs that let time pass: clocks, expiries, silence, owners that change."""

from service.db import writing
from service.flows.rebasing import follow_bases
from service.flows.reowning import let_follow
from service.flows.signalling import decide_undecided
from service.flows.silence import note_silence
from service.incidents.approving import lapse_outdated
from service.incidents.claims import doubt_claims
from service.incidents.lifecycle import end_acceptances
from service.incidents.ownership import Following
from service.incidents.ticking import tick
from service.inventory.products import retire_previews
from service.jobs.context import JobContext


def clock_job(job: JobContext) -> None:
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


def end_acceptances_job(job: JobContext) -> None:
    """Open again what was accepted until now, a batch in each transaction."""
    ended = 0
    while True:
        job.go_on()
        with writing(job.engine) as session:
            batch = end_acceptances(session, now=job.clock())
        ended += batch
        if not batch:
            break
    job.progress({"ended": ended})


def doubt_claims_job(job: JobContext) -> None:
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


def follow_owners_job(job: JobContext) -> None:
    """Give exposures to whom the rules name: what a crash left out, or was opened while the rules changed."""
    changed = let_follow(job.engine, Following(), actor="clock", now=job.clock(), go_on=job.go_on)
    job.progress({"changed": changed})


def note_silence_job(job: JobContext) -> None:
    """Note which streams have fallen silent, and let what waits for a base follow it."""
    silence = note_silence(job.engine, stale_after=job.settings.stale_after, now=job.clock())
    released = follow_bases(job.engine, now=job.clock())
    job.progress({"silent": silence.silent_count, "released": released, "heard": len(silence.heard_product_ids)})


def retire_previews_job(job: JobContext) -> None:
    """Retire previews that nobody builds any more."""
    with writing(job.engine) as session:
        job.progress({"retired": retire_previews(session, now=job.clock())})

"""The kinds of jobs: what each does is in `feeding`, `keeping` and `upkeep`; here is how often it comes round."""

from collections.abc import Callable
from datetime import timedelta

from service.jobs import feeding, keeping, upkeep
from service.jobs.context import JobContext, Kind
from service.settings import Settings

#: EPSS comes once a day, KEV when there is news; to ask costs next to nothing.
SIGNALS_EVERY = timedelta(hours=6)


def _of_signals(run: Callable[[JobContext], None], url: str) -> Kind:
    return Kind(run, every=SIGNALS_EVERY if url != "none" else None, spread=url.startswith("http"))


def kinds_of(settings: Settings) -> dict[str, Kind]:
    """Name every kind. Settings decide how often some come round."""
    return {
        "sync": Kind(
            feeding.sync_job,
            every=settings.sync_every if settings.osv_url != "none" else None,
            spread=settings.osv_url.startswith("http"),
        ),
        "sync-kev": _of_signals(feeding.sync_kev_job, settings.kev_url),
        "sync-epss": _of_signals(feeding.sync_epss_job, settings.epss_url),
        "rekey": Kind(feeding.rekey_job, every=timedelta(minutes=1)),
        "settle": Kind(feeding.settle_job, every=timedelta(minutes=1)),
        "clock": Kind(keeping.clock_job, every=timedelta(minutes=1)),
        "check": Kind(feeding.check_job, every=timedelta(minutes=1)),
        "end-acceptances": Kind(keeping.end_acceptances_job, every=timedelta(minutes=5)),
        "doubt-claims": Kind(keeping.doubt_claims_job, every=timedelta(minutes=5)),
        "follow-owners": Kind(keeping.follow_owners_job, every=timedelta(minutes=10)),
        "reconcile": Kind(feeding.reconcile_job, every=timedelta(hours=6)),
        "note-silence": Kind(keeping.note_silence_job, every=timedelta(minutes=5)),
        "tickets": Kind(upkeep.tickets_job, every=timedelta(minutes=1)),
        "digest": Kind(upkeep.digest_job, every=timedelta(minutes=10)),
        "retire-previews": Kind(keeping.retire_previews_job, every=timedelta(hours=1)),
        "export": Kind(upkeep.export_job),
        "audit-head": Kind(upkeep.say_head_job, every=timedelta(days=1)),
        "purge": Kind(upkeep.purge_job, every=timedelta(hours=6)),
    }

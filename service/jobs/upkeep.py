"""Jobs that send, write and forget."""

from datetime import timedelta

from service.access.chaining import head_of
from service.access.vault import Vault
from service.changes.reading import purge_changes
from service.db import reading, writing
from service.feedback.digests import make_digests
from service.feedback.fan_out import purge_deliveries
from service.feedback.offices import office_of
from service.feedback.posting import purge_messages
from service.feedback.tickets.systems import connecting
from service.feedback.tickets.working import Round, work_all
from service.flows.exporting import make_export, purge_exports
from service.jobs.context import JobContext
from service.jobs.queue import purge_jobs
from service.log import logger

#: How long the feed of changes reaches back.
CHANGES_KEPT = timedelta(days=90)
#: How long what was sent can be looked up; a message is also what later ones of its incident answer to.
SENT_KEPT = timedelta(days=30)


def tickets_job(job: JobContext) -> None:
    """Keep ticket systems in step; without a secret key there can be none."""
    settings = job.settings
    if settings.secret_key is None:
        return
    connect = connecting(Vault(settings.secret_key.get_secret_value()))
    job.progress(work_all(Round(job.engine, connect, job.clock, settings.public_url or "", job.go_on)))


def digest_job(job: JobContext) -> None:
    """Write the digests of the day once its hour has come; every look after that finds them written."""
    settings = job.settings
    with writing(job.engine) as session:
        channels = office_of(settings).channels
        job.progress({"digests": make_digests(session, hour=settings.digest_hour, channels=channels, now=job.clock())})


def export_job(job: JobContext) -> None:
    """Make the document that somebody asked for."""
    make_export(job.engine, int(str(job.payload["export"])), now=job.clock())


def say_head_job(job: JobContext) -> None:
    """Say where the chain of the record ends, in the log: whoever keeps that elsewhere can prove it unchanged."""
    with reading(job.engine) as session:
        head = head_of(session)
    job.progress({"head": str(head)})
    logger("audit").info("the record ends here", head=str(head))


def purge_job(job: JobContext) -> None:
    """Forget what was kept for long enough."""
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

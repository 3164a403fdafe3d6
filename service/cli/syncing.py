"""``muster advisories sync``: take what is new in a feed, now; beside a running server or without one."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine

from service.advisories.feeds import freshness, held_counts
from service.advisories.retrying_client import without_credentials
from service.advisories.signals_syncing import SOURCES
from service.advisories.syncing import Progress as HowFar
from service.advisories.syncing import Synced
from service.cli.beside import at_database
from service.cli.client import Client
from service.cli.showing import JsonFlag, clean, say, show_json, show_line, show_table
from service.clock import utc_now
from service.db import reading
from service.errors import Refused, UpstreamUnavailable
from service.flows.applying import apply_feed
from service.flows.signalling import apply_signals
from service.log import configure
from service.settings import Settings

_COLUMNS = ("ecosystem", "added", "changed", "withdrawn", "total", "malformed", "missing", "held", "seconds", "error")
_SIGNAL_COLUMNS = ("signals", "added", "changed", "vanished", "total", "error")

#: As a gate that says no: a person has to look.
_HELD = 1


def sync(
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="URL|DIR|BUNDLE", help="a bucket, mirror, folder or bundle [default: MUSTER_OSV_URL]"
        ),
    ] = None,
    ecosystem: Annotated[
        list[str] | None, typer.Option(help="repeatable; used or all [default: MUSTER_OSV_ECOSYSTEMS]")
    ] = None,
    accept_shrink: Annotated[
        list[str] | None,
        typer.Option(metavar="ECOSYSTEM", help="repeatable; let go of what is held there, as the feed wants"),
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Take what is new in the feed of advisories; matches and exposures follow. KEV and EPSS come along.

    Works on the database itself. With MUSTER_URL set, it asks that service to do so.
    """
    settings = Settings()
    if "url" in settings.model_fields_set:
        _ask_service(settings, accept_shrink, own_choice=bool(source or ecosystem), as_json=as_json)
        return
    configure(json=settings.log_json, level="ERROR")
    url = feed_url(source or settings.osv_url)
    if url == "none":
        raise Refused("MUSTER_OSV_URL is none; name a feed, a mirror or a folder with --from.")
    accept = accept_shrink or []
    rows = _sync_here(settings, url, chosen(ecosystem, settings), [name for name in accept if name not in SOURCES])
    # What is named on the command line stands for itself; a bundle has brought its own signals.
    signals = [] if source or ecosystem else _sync_signals(settings, accept)
    if as_json:
        show_json({"items": rows, "signals": signals, "next": None})
    elif rows:
        show_table(rows, _COLUMNS)
    else:
        show_line("No ecosystem is in use yet: send SBOMs first, or name some with --ecosystem.")
    if signals and not as_json:
        show_table(signals, _SIGNAL_COLUMNS)
    failed = [row["ecosystem"] for row in rows if row["error"]]
    if failed:
        raise UpstreamUnavailable(f"{without_credentials(url)} did not give all of {', '.join(failed)}.")
    if broken := [row["signals"] for row in signals if row["error"]]:
        raise UpstreamUnavailable(
            f"Nothing was taken of {', '.join(broken)}. "
            "MUSTER_KEV_URL and MUSTER_EPSS_URL may name a mirror, a file, or none."
        )
    if any(row["held"] for row in rows) or any(row["trouble"] for row in signals):
        raise typer.Exit(_HELD)


def feed_url(source: str) -> str:
    """Turn a path into its address; addresses, and `none`, stay as they are."""
    if "://" in source or source == "none":
        return source
    place = Path(source)
    if not place.exists():
        raise typer.BadParameter(f"{source} is neither an address nor a folder nor a bundle", param_hint="--from")
    return place.resolve().as_uri()


def chosen(given: list[str] | None, settings: Settings) -> str | list[str]:
    """Read which ecosystems are meant: what was given, or else configured; `used` and `all` stand alone."""
    names = given or settings.osv_ecosystems
    if isinstance(names, str):
        return names
    alone = [name for name in names if name in {"used", "all"}]
    return alone[0] if alone else list(names)


@contextmanager
def progress_bar() -> Iterator[tuple[Progress, TaskID]]:
    """Show a bar on a terminal, and nothing elsewhere."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        yield progress, progress.add_task("syncing", total=None)


def _ask_service(settings: Settings, accept: list[str] | None, *, own_choice: bool, as_json: bool) -> None:
    if own_choice:
        raise Refused("--from and --ecosystem work on the database itself; the service at MUSTER_URL has its own feed.")
    answer = Client(settings).call("POST", "/v1/feeds:sync", params={"accept": accept or None}).json()
    if as_json:
        show_json(answer)
    else:
        show_line("A sync is queued." if answer["queued"] else "A sync was waiting already.")


def _sync_here(settings: Settings, url: str, ecosystems: str | list[str], accept: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with at_database(settings) as (engine, _), progress_bar() as (progress, task):
        began = time.monotonic()

        def note(synced: Synced) -> None:
            nonlocal began
            ended = time.monotonic()
            rows.append(_row(synced, round(ended - began, 1)))
            began = ended
            progress.update(task, description=f"synced {clean(synced.ecosystem)}, {len(rows)} so far", total=None)

        def watch(far: HowFar) -> None:
            description = f"{far.phase} {clean(far.ecosystem)}, {len(rows)} done before"
            progress.update(task, description=description, completed=far.done, total=far.total)

        accepted = _accepted(engine, accept)
        apply_feed(engine, url, ecosystems, now=utc_now(), accepted=accepted, progress=note, watch=watch)
        with reading(engine) as session:
            feeds = freshness(session, now=utc_now(), sync_every=settings.sync_every)
    totals: dict[str, int] = {}
    for feed in feeds:
        totals[feed.ecosystem] = max(feed.record_count, totals.get(feed.ecosystem, 0))
    return [row | {"total": totals.get(row["ecosystem"], 0)} for row in rows]


def _sync_signals(settings: Settings, accept: list[str]) -> list[dict[str, Any]]:
    """Take KEV and EPSS from where they are configured to be."""
    with at_database(settings) as (engine, _):
        results = apply_signals(
            engine, kev_url=settings.kev_url, epss_url=settings.epss_url, now=utc_now(), accept_vanished=accept
        )
    for synced in results:
        if synced.trouble:
            say(clean(synced.trouble))
    return [
        {
            "signals": synced.name,
            "added": synced.added,
            "changed": synced.changed,
            "vanished": synced.vanished,
            "total": synced.total,
            "trouble": synced.trouble,
            "error": synced.error,
        }
        for synced in results
    ]


def _accepted(engine: Engine, names: list[str]) -> dict[str, int]:
    """Give how many advisories of each may go: those that a sync has held, and whoever agrees has been told of."""
    with reading(engine) as session:
        accepted = held_counts(session, names)
    for name in names:
        if name not in accepted:
            raise Refused(f"Nothing of {name} is held; sync without --accept-shrink first.")
    return accepted


def _row(synced: Synced, seconds: float) -> dict[str, Any]:
    for osv_id, why in sorted(synced.malformed.items())[:3]:
        say(f"{clean(synced.ecosystem)}: {clean(osv_id)} cannot be read: {clean(why)}")
    if told := synced.trouble or synced.note:
        say(f"{clean(synced.ecosystem)}: {clean(told)}")
    return {
        "ecosystem": synced.ecosystem,
        "added": synced.added,
        "changed": synced.changed,
        "withdrawn": synced.vanished,
        "malformed": len(synced.malformed),
        "missing": len(synced.missing),
        "held": synced.held,
        "seconds": seconds,
        "trouble": synced.trouble,
        "note": synced.note,
        "error": synced.error,
    }

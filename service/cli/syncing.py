"""``muster advisories sync``: take what is new in a feed, now; beside a running server or without one."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from service.advisories.feeds import freshness
from service.advisories.syncing import Synced
from service.cli.beside import at_database
from service.cli.client import Client
from service.cli.showing import JsonFlag, clean, say, show_json, show_line, show_table
from service.clock import utc_now
from service.db import reading
from service.errors import Refused, UpstreamUnavailable
from service.flows.applying import apply_feed
from service.log import configure
from service.settings import Settings

_COLUMNS = ("ecosystem", "added", "changed", "withdrawn", "total", "malformed", "seconds", "error")


def sync(
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="URL|DIR", help="a bucket, mirror or folder [default: MUSTER_OSV_URL]"),
    ] = None,
    ecosystem: Annotated[
        list[str] | None, typer.Option(help="repeatable; used or all [default: MUSTER_OSV_ECOSYSTEMS]")
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Take what is new in the feed of advisories; matches and exposures follow.

    Works on the database itself. With MUSTER_URL set, it asks that service to do so.
    """
    settings = Settings()
    if "url" in settings.model_fields_set:
        _ask_service(settings, own_choice=bool(source or ecosystem), as_json=as_json)
        return
    configure(json=settings.log_json, level="ERROR")
    url = feed_url(source or settings.osv_url)
    if url == "none":
        raise Refused("MUSTER_OSV_URL is none; name a feed, a mirror or a folder with --from.")
    rows = _sync_here(settings, url, chosen(ecosystem, settings))
    if as_json:
        show_json({"items": rows, "next": None})
    elif rows:
        show_table(rows, _COLUMNS)
    else:
        show_line("No ecosystem is in use yet: send SBOMs first, or name some with --ecosystem.")
    failed = [row["ecosystem"] for row in rows if row["error"]]
    if failed:
        raise UpstreamUnavailable(f"{url} did not give all of {', '.join(failed)}.")


def feed_url(source: str) -> str:
    """Turn a folder's path into its address; addresses, and `none`, stay as they are."""
    if "://" in source or source == "none":
        return source
    folder = Path(source)
    if not folder.is_dir():
        raise typer.BadParameter(f"{source} is neither an address nor a folder", param_hint="--from")
    return folder.resolve().as_uri()


def chosen(given: list[str] | None, settings: Settings) -> str | list[str]:
    """Read which ecosystems are meant: what was given, or else configured; `used` and `all` stand alone."""
    names = given or settings.osv_ecosystems
    if isinstance(names, str):
        return names
    alone = [name for name in names if name in {"used", "all"}]
    return alone[0] if alone else list(names)


def _ask_service(settings: Settings, *, own_choice: bool, as_json: bool) -> None:
    if own_choice:
        raise Refused("--from and --ecosystem work on the database itself; the service at MUSTER_URL has its own feed.")
    answer = Client(settings).call("POST", "/v1/feeds:sync").json()
    if as_json:
        show_json(answer)
    else:
        show_line("A sync is queued." if answer["queued"] else "A sync was waiting already.")


def _sync_here(settings: Settings, url: str, ecosystems: str | list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with at_database(settings) as (engine, _), _spinner() as progress:
        task = progress.add_task("syncing")
        began = time.monotonic()

        def note(synced: Synced) -> None:
            nonlocal began
            ended = time.monotonic()
            rows.append(_row(synced, round(ended - began, 1)))
            began = ended
            progress.update(task, description=f"synced {clean(synced.ecosystem)}, {len(rows)} so far")

        apply_feed(engine, url, ecosystems, now=utc_now(), progress=note)
        with reading(engine) as session:
            feeds = freshness(session, now=utc_now(), sync_every=settings.sync_every)
        totals = {feed.ecosystem: feed.record_count for feed in feeds if feed.url == url.rstrip("/")}
    return [row | {"total": totals.get(row["ecosystem"], 0)} for row in rows]


def _spinner() -> Progress:
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


def _row(synced: Synced, seconds: float) -> dict[str, Any]:
    for osv_id, why in sorted(synced.malformed.items())[:3]:
        say(f"{clean(synced.ecosystem)}: {clean(osv_id)} cannot be read: {clean(why)}")
    if synced.trouble:
        say(clean(synced.trouble))
    return {
        "ecosystem": synced.ecosystem,
        "added": synced.added,
        "changed": synced.changed,
        "withdrawn": synced.vanished,
        "malformed": len(synced.malformed),
        "missing": len(synced.missing),
        "seconds": seconds,
        "trouble": synced.trouble,
        "error": synced.error,
    }

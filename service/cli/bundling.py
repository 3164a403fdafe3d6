"""``muster advisories bundle``: carry the feed to where it cannot be reached. Needs no database."""

from pathlib import Path
from typing import Annotated

import typer

from service.advisories.signals_syncing import Name
from service.advisories.syncing import Progress
from service.cli.showing import JsonFlag, clean, say, show_json, show_line
from service.cli.syncing import feed_url, progress_bar
from service.clock import utc_now
from service.errors import Refused
from service.flows.bundling import make_bundle
from service.log import configure
from service.settings import Settings


def bundle(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="a file that ends in .tar, or a folder")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="URL|DIR|BUNDLE", help="a bucket, mirror or folder [default: MUSTER_OSV_URL]"),
    ] = None,
    ecosystem: Annotated[list[str] | None, typer.Option(help="repeatable [default: all that the feed has]")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Write a bundle: advisories, KEV and EPSS as they are now, for a machine without a way to the internet.

    There, `muster advisories sync --from OUT` takes it. Either all of it is written, or nothing.
    """
    settings = Settings()
    configure(json=settings.log_json, level="ERROR")
    url = feed_url(source or settings.osv_url)
    if url == "none":
        raise Refused("MUSTER_OSV_URL is none; name a feed, a mirror or a folder with --from.")
    names = None if not ecosystem or ecosystem == ["all"] else ecosystem
    with progress_bar() as (progress, task):

        def watch(far: Progress) -> None:
            progress.update(
                task, description=f"{far.phase} {clean(far.ecosystem)}", completed=far.done, total=far.total
            )

        signals: dict[Name, str] = {"kev": settings.kev_url, "epss": settings.epss_url}
        made = make_bundle(url, out, names, signals=signals, now=utc_now(), watch=watch)
    for name, why in made.left_out.items():
        say(f"{name.upper()} is left out: {clean(why)}")
    manifest = made.manifest
    records = sum(each.records for each in manifest.ecosystems.values())
    if as_json:
        show_json(
            {
                "path": str(out),
                "origin": manifest.origin,
                "as_of": manifest.as_of,
                "ecosystems": len(manifest.ecosystems),
                "records": records,
                "missing": sum(each.missing for each in manifest.ecosystems.values()),
                "bytes": made.size_bytes,
                "left_out": made.left_out,
            }
        )
    else:
        show_line(f"{out}: {records} records of {len(manifest.ecosystems)} ecosystems, {made.size_bytes} bytes.")

"""``muster import``: many SBOMs straight into the database. Run it again to go on where it stopped."""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from service.cli.beside import at_database
from service.cli.showing import JsonFlag, clean, say, show_json, show_table
from service.errors import Unreadable
from service.flows.finding_files import disk_bytes_of, find_sboms
from service.flows.importing import Imported, import_sboms
from service.flows.trusting import trusted_keys
from service.log import configure
from service.settings import Settings

commands = typer.Typer()

#: As shells count it: 128 and the number of the signal.
_INTERRUPTED = 130
#: Refused files that are named on the terminal; `--failures` lists all.
_NAMED = 5


@dataclass
class Tally:
    """What became of the files so far."""

    created: int = 0
    repeated: int = 0
    components: int = 0
    refused: list[Imported] = field(default_factory=list)

    def add(self, done: Imported) -> None:
        """Count one file."""
        if done.error is not None:
            self.refused.append(done)
            return
        self.created += done.created
        self.repeated += not done.created
        self.components += done.components

    @property
    def accepted(self) -> int:
        """How many are in the database now."""
        return self.created + self.repeated


@commands.command("import")
def import_paths(
    paths: Annotated[
        list[Path], typer.Argument(exists=True, help="SBOMs, folders, zip and tar archives, packed or not")
    ],
    failures: Annotated[
        Path | None, typer.Option(dir_okay=False, help="write refused files with their reasons here, as CSV")
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Take many SBOMs straight into the database, as the baseline that nobody is alarmed about.

    A product is named after its file and the folders it lies in. What is there already is left as it is.
    """
    settings = Settings()
    configure(json=settings.log_json, level="ERROR")
    trusted, most = trusted_keys(settings.trusted_keys), settings.max_upload_bytes
    tally, finished = Tally(), True
    with _list_of_failures(failures) as note, at_database(settings) as (_, url):
        results = import_sboms(url, find_sboms(paths, max_bytes=most), max_bytes=most, trusted=trusted)
        try:
            with closing(results):
                for done in _with_progress(results, paths):
                    tally.add(done)
                    if done.error is not None:
                        note(done)
        except KeyboardInterrupt:
            finished = False
    _show(tally, failures, as_json=as_json)
    if not finished:
        say("Interrupted. Run it again to go on; what is there already costs next to nothing.")
        raise typer.Exit(_INTERRUPTED)
    if not tally.accepted:
        raise Unreadable("No SBOM was accepted." if tally.refused else "There are no files.")


@contextmanager
def _list_of_failures(path: Path | None) -> Iterator[Callable[[Imported], object]]:
    """Open the list before the long work, so that a path that cannot be written shows at once."""
    if path is None:
        yield lambda _: None
        return
    try:
        file = path.open("w", encoding="utf-8", newline="", buffering=1)
    except OSError as error:
        raise Unreadable(f"{path} cannot be written: {error.strerror}.") from error
    with file:
        writer = csv.writer(file)
        writer.writerow(("file", "reason"))
        yield lambda refused: writer.writerow((clean(refused.place), clean(refused.error or "")))


class _Files(ProgressColumn):
    """Files so far, and how many a second."""

    def render(self, task: Task) -> Text:
        count = task.fields["files"]
        rate = f"{count / task.elapsed:,.0f}/s" if task.elapsed else "-/s"
        return Text(f"{count:,} files {rate}", style="progress.data.speed")


def _with_progress(results: Iterable[Imported], paths: list[Path]) -> Iterator[Imported]:
    """Show how far it is, by bytes: files differ in size, and how many are in an archive only its end tells."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        _Files(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    is_seen = sys.stderr.isatty()
    total = disk_bytes_of(paths) if is_seen else None
    with Progress(*columns, console=Console(stderr=True), disable=not is_seen) as progress:
        task = progress.add_task("importing", total=total, files=0)
        for count, done in enumerate(results, start=1):
            progress.update(task, advance=done.disk_bytes, files=count)
            yield done
        progress.update(task, completed=total)


def _show(tally: Tally, failures: Path | None, *, as_json: bool) -> None:
    counts = {
        "created": tally.created,
        "unchanged": tally.repeated,
        "refused": len(tally.refused),
        "components": tally.components,
    }
    if as_json:
        refused = [{"file": clean(one.place), "reason": clean(one.error or "")} for one in tally.refused]
        show_json(counts | {"failures": refused})
        return
    show_table([counts], tuple(counts))
    for one in islice(tally.refused, _NAMED):
        say(f"refused: {clean(one.place)}: {clean(one.error or '')}")
    if len(tally.refused) > _NAMED:
        where = f"{failures} lists all" if failures else "--failures FILE lists all"
        say(f"and {len(tally.refused) - _NAMED} others; {where}")

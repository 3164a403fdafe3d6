"""``muster namespaces``: names and registries that are the organisation's own."""

import csv
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from service.cli.client import Client
from service.cli.showing import JsonFlag, say, show_json, show_table
from service.errors import Unreadable
from service.settings import Settings

commands = typer.Typer(help="names that never match public advisories", no_args_is_help=True)

_AT = "/v1/internal-namespaces"
PatternArgument = Annotated[
    str, typer.Argument(metavar="PATTERN", help="npm:@acme/*, pypi:acme-*, maven:com.acme.*, registry:host")
]


@commands.command("list")
def index(*, as_json: JsonFlag = False) -> None:
    """List the patterns."""
    rows = list(Client(Settings()).items(_AT))
    if as_json:
        show_json({"items": rows, "next": None})
    else:
        show_table(rows, ("pattern", "reason", "added_by", "added_at"))


@commands.command("add")
def add(
    pattern: PatternArgument,
    reason: Annotated[str, typer.Option(help="why these names are ours")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Declare names our own; what public advisories opened for them is withdrawn."""
    answer = Client(Settings()).call("PUT", _path(pattern), json={"reason": reason})
    if as_json:
        show_json(answer.json())
    else:
        say(f"{answer.json()['pattern']} is internal.")


@commands.command("remove")
def remove(pattern: PatternArgument) -> None:
    """Take a pattern away; public advisories match these names again."""
    Client(Settings()).call("DELETE", _path(pattern))
    say(f"{pattern} is internal no longer.")


@commands.command("import")
def bring(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV: pattern,reason")]) -> None:
    """Declare many patterns at once, from a CSV file with the columns pattern and reason."""
    rows = _rows(file)
    client = Client(Settings())
    for pattern, reason in rows:
        client.call("PUT", _path(pattern), json={"reason": reason})
    say(f"{len(rows)} patterns are internal.")


def _rows(file: Path) -> list[tuple[str, str]]:
    """Read the file before anything is sent: a line that lacks something stops all of them."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        table = csv.DictReader(lines)
        if not {"pattern", "reason"} <= set(table.fieldnames or ()):
            raise Unreadable(f"{file} needs a first line that names the columns pattern and reason.")
        rows = [((row["pattern"] or "").strip(), (row["reason"] or "").strip()) for row in table]
    for number, row in enumerate(rows, start=2):
        if not all(row):
            raise Unreadable(f"{file}, line {number}: both pattern and reason are needed.")
    return rows


def _path(pattern: str) -> str:
    return f"{_AT}/{quote(pattern, safe='')}"

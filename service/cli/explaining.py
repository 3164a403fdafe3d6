"""``muster explain``: whether an advisory affects a package, step by step."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from service.cli.client import Client
from service.cli.showing import JsonFlag, show_json, show_line, show_table
from service.settings import Settings

commands = typer.Typer()

_WORDS = {
    "affected": "AFFECTED",
    "possible": "POSSIBLY AFFECTED",
    "cannot-tell": "CANNOT TELL",
    "not-affected": "NOT AFFECTED",
}


@commands.command()
def explain(
    purl: Annotated[str, typer.Argument(metavar="PURL", help="any package, in the inventory or not")],
    advisory: Annotated[str, typer.Argument(metavar="ADVISORY", help="an advisory, or any name of a vulnerability")],
    distro: Annotated[str | None, typer.Option(help="debian-13, where the purl does not say it")] = None,
    source: Annotated[str | None, typer.Option(help="xz-utils@5.6.1-1, where the purl does not say it")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Say whether an advisory affects a package, and why, or why not."""
    path = f"/v1/advisories/{quote(advisory, safe='')}/explanation"
    answer = Client(Settings()).get(path, purl=purl, distro=distro, source=source)
    if as_json:
        show_json(answer)
        return
    for step in answer["package"]["steps"]:
        show_line(step)
    for one in answer["advisories"]:
        _show(one)
    more = answer["advisory_count"] - len(answer["advisories"])
    if more:
        show_line(f"and {more} other advisories of {answer['advisory']}")
    show_line("")
    show_line(f"{_WORDS[answer['verdict']]}. {answer['sentence']}")


def _show(one: Mapping[str, Any]) -> None:
    show_line("")
    show_line(f"{one['id']}: {one['sentence']}")
    if one["entries"]:
        show_table((_row(entry) for entry in one["entries"]), ("listed", "versions", "compared", "outcome"))
        if one["entry_count"] > len(one["entries"]):
            show_line(f"and {one['entry_count'] - len(one['entries'])} further ranges and versions")


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "listed": f"{entry['ecosystem']} {entry['name']}",
        "versions": entry["range"],
        "compared": entry["comparison"],
        "outcome": entry["outcome"].replace("-", " ") if entry["concerns"] else "of others",
    }

"""``muster vex``: documents of others, and whom to believe; ``muster export vex`` gives our own."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.addresses import vex_path
from service.cli.client import Client
from service.cli.inputs import InputFile, read_input
from service.cli.showing import JsonFlag, say, show_json, show_line, show_table
from service.errors import Unreadable
from service.settings import Settings

commands = typer.Typer(help="what others state about vulnerabilities, and whom to believe", no_args_is_help=True)

_SOURCES = "/v1/vex-sources"


class VexFormat(StrEnum):
    """Formats of VEX."""

    OPENVEX = "openvex"
    CYCLONEDX = "cyclonedx"
    CSAF = "csaf"


def export_vex(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="whose")],
    form: Annotated[VexFormat, typer.Option("--format", help="as what")] = VexFormat.OPENVEX,
    stream: Annotated[str | None, typer.Option(help="only as this stream has it [default: all in the field]")] = None,
    version: Annotated[str | None, typer.Option(help="only as this supported release has it")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", dir_okay=False, help="instead of stdout")] = None,
) -> None:
    """Write what stands about a product's vulnerabilities as OpenVEX, CycloneDX or CSAF."""
    wanted = {"format": form.value, "stream": stream, "version": version}
    content = Client(Settings()).call("GET", vex_path(product), params=wanted).content
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise Unreadable(f"{output} cannot be written: {error.strerror}.") from error


@commands.command("import")
def bring(
    file: InputFile,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would come of it, and keep nothing")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Take in OpenVEX, CSAF or CycloneDX from an author that is believed."""
    answer = Client(Settings()).call(
        "POST",
        "/v1/vex",
        content=read_input(file),
        headers={"Content-Type": "application/octet-stream"},
        params={"dry_run": dry_run or None},
    )
    if as_json:
        show_json(answer.json())
        return
    heard = answer.json()
    show_line(f"{heard['author']}: {heard['document']} version {heard['version']}")
    rows = [row for one in heard["statements"] for row in _rows(one)]
    if rows:
        show_table(rows, ("vulnerability", "says", "exposure", "outcome", "why"))
    say(f"{heard['applied']} applied, {heard['noted']} noted, {heard['ignored']} ignored")


def _rows(one: dict[str, Any]) -> list[dict[str, str]]:
    common = {"vulnerability": one["vulnerability"], "says": one["status"]}
    done = [
        {**common, "exposure": each["exposure"], "outcome": each["outcome"], "why": each["detail"] or each["status"]}
        for each in one["exposures"]
    ]
    left = [{**common, "exposure": "", "outcome": "ignored", "why": each["detail"]} for each in one["ignored"]]
    return done + left


@commands.command()
def sources(*, as_json: JsonFlag = False) -> None:
    """List the authors that are believed."""
    answer = Client(Settings()).get(_SOURCES)
    if as_json:
        show_json(answer)
    elif answer["items"]:
        shown = [row | {name: " ".join(row[name]) for name in ("packages", "products")} for row in answer["items"]]
        show_table(shown, ("author", "packages", "products", "signed", "reason"))
    else:
        show_line("Nobody is believed.")


@commands.command("set-sources")
def set_sources(file: InputFile, *, as_json: JsonFlag = False) -> None:
    """Say whom to believe, all at once: JSON as `muster vex sources --json` gives it."""
    try:
        said = json.loads(read_input(file))
        items = said["items"] if isinstance(said, dict) else said
        wanted = [{name: row[name] for name in _SENT if name in row} for row in items]
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable('It is not JSON of the form {"items": [{"author": …, "reason": …}]}.') from error
    client = Client(Settings())
    tag = client.call("GET", _SOURCES).headers["ETag"]
    answer = client.call("PUT", _SOURCES, json={"items": wanted}, headers={"If-Match": tag}).json()
    if as_json:
        show_json(answer)
    else:
        say(f"{len(answer['items'])} authors are believed.")


_SENT = ("author", "reason", "packages", "products", "known_as", "signed")

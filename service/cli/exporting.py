"""``muster export``: what is in the inventory, as a document."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.addresses import product_path
from service.cli.client import Client
from service.cli.instants import instant, written
from service.cli.showing import say
from service.cli.vex import export_vex
from service.errors import Refused, Unreadable
from service.sbom.export import ExportFormat
from service.settings import Settings

commands = typer.Typer(no_args_is_help=True, help="What is in the inventory, as a document.")

_SECONDS_BETWEEN_LOOKS = 2.0


commands.command("vex")(export_vex)


@commands.callback()
def export() -> None:
    """Give what is in the inventory as a document."""


@commands.command()
def sbom(
    product: Annotated[str, typer.Option("--product", "-p", help="whose")],
    stream: Annotated[str | None, typer.Option(help="which line of builds [default: main, or the release's]")] = None,
    release: Annotated[str | None, typer.Option(help="what was uploaded under this label")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="what it contained then [default: now]")] = None,
    form: Annotated[ExportFormat, typer.Option("--format", help="as what")] = ExportFormat.CYCLONEDX_1_6_JSON,
    output: Annotated[Path | None, typer.Option("--output", "-o", dir_okay=False, help="instead of stdout")] = None,
) -> None:
    """Write what a stream contained as CycloneDX or SPDX; large ones are waited for."""
    view = {"stream": stream, "release": release, "as_of": written(instant(as_of)) if as_of else None}
    content = fetch(Client(Settings()), product_path(product), view | {"format": form.value})
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise Unreadable(f"{output} cannot be written: {error.strerror}.") from error


def fetch(client: Client, product: str, view: dict[str, Any]) -> bytes:
    """Get a view at once, or ask for it and wait where it is large."""
    try:
        return client.call("GET", f"{product}/sbom", params=view).content
    except Refused as refused:
        problem: Any = refused.members["problem"]
        if not str(problem.get("type")).endswith("/export-too-large"):
            raise
    asked = client.call("POST", f"{product}/exports", json=view).json()
    say(f"{asked['components']:,} components; waiting for export {asked['id']}")
    while asked["state"] == "waiting":
        time.sleep(_SECONDS_BETWEEN_LOOKS)
        asked = client.get(f"/v1/exports/{asked['id']}")
    return client.call("GET", asked["document"]).content

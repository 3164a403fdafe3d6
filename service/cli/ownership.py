"""``muster ownership``: who owns what, as a file that lives beside the code."""

from typing import Annotated, Any

import typer

from service.cli.client import Client
from service.cli.inputs import InputFile, read_input
from service.cli.showing import JsonFlag, clean, say, show_json, show_line, show_table
from service.settings import Settings

commands = typer.Typer(help="who owns what, in order, and why", no_args_is_help=True)

_AT = "/v1/ownership-rules"
_PLAIN = "text/plain; charset=utf-8"


@commands.command("export")
def export() -> None:
    """Print the rules as a file."""
    answer = Client(Settings()).call("GET", _AT, headers={"Accept": "text/plain"})
    typer.echo(answer.text, nl=False)


@commands.command("import")
def bring(
    file: InputFile,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say which exposures would change hands")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Replace the rules by those of a file; exposures follow, except those that somebody assigned."""
    data = read_input(file)
    client = Client(Settings())
    headers = {"Content-Type": _PLAIN}
    if not dry_run:
        headers["If-Match"] = client.call("GET", _AT).headers["ETag"]
    params = {"dry_run": "true"} if dry_run else None
    answer = client.call("PUT", _AT, content=data, headers=headers, params=params).json()
    if as_json:
        show_json(answer)
    else:
        _show(answer)


def _show(answer: dict[str, Any]) -> None:
    for warning in answer["warnings"]:
        say(clean(warning))
    if answer["dry_run"]:
        show_table(answer["changes"], ("exposure", "incident", "product", "from", "to", "reason"))
        say(f"{answer['rules']} rules; {answer['changed']} exposures would change hands. Nothing was stored.")
    else:
        say(f"{answer['rules']} rules are in force; {answer['changed']} exposures changed hands.")


@commands.command("explain")
def explain(
    product: Annotated[str, typer.Argument(help="a slug")],
    purl: Annotated[str | None, typer.Option(help="as if this were affected")] = None,
    vulnerability: Annotated[str | None, typer.Option(help="any of its names")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Say who owns a product, or what a package or a vulnerability brings to it, and every step on the way."""
    found = Client(Settings()).get("/v1/ownership:explain", product=product, purl=purl, vulnerability=vulnerability)
    if as_json:
        show_json(found)
        return
    show_line(f"{found['owner']['team']}: {found['owner']['reason']}")
    show_table(found["steps"], ("step", "rule", "team", "hit", "detail"))

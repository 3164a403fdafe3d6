"""``muster teams``: who owns things, and how they are reached."""

from typing import Annotated

import typer

from service.cli.client import Client
from service.cli.showing import JsonFlag, say, show_json, show_table
from service.settings import Settings

commands = typer.Typer(help="teams", no_args_is_help=True)


@commands.command("list")
def index(*, as_json: JsonFlag = False) -> None:
    """List teams."""
    rows = list(Client(Settings()).items("/v1/teams"))
    if as_json:
        show_json({"items": rows, "next": None})
    else:
        show_table(rows, ("name", "email", "webhook", "fallback"))


@commands.command("set")
def put(
    name: str,
    email: Annotated[str | None, typer.Option(help="where mail goes")] = None,
    webhook: Annotated[str | None, typer.Option(help="where messages go")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Make a team, or say anew how it is reached."""
    answer = Client(Settings()).call("PUT", f"/v1/teams/{name}", json={"email": email, "webhook": webhook})
    if as_json:
        show_json(answer.json())
    else:
        say(f"{name} is set.")

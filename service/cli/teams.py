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
        show_table(rows, ("name", "email", "webhook", "chat", "on_call", "manager", "fallback", "retired_at"))


@commands.command("set")
def put(
    name: str,
    email: Annotated[str | None, typer.Option(help="where mail goes")] = None,
    webhook: Annotated[str | None, typer.Option(help="where messages go")] = None,
    chat: Annotated[str | None, typer.Option(help="where chat goes, in apprise's notation")] = None,
    on_call: Annotated[
        str | None, typer.Option(help="whom to call when the team is silent: an address of mail")
    ] = None,
    manager: Annotated[
        str | None, typer.Option(help="whom to tell when that does not help: an address of mail")
    ] = None,
    member: Annotated[list[str] | None, typer.Option(help="an address of mail; may be repeated")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Make a team, or say anew how it is reached."""
    said = {"chat": chat, "on_call": on_call, "manager": manager, "members": member}
    body = {"email": email, "webhook": webhook} | {field: value for field, value in said.items() if value}
    answer = Client(Settings()).call("PUT", f"/v1/teams/{name}", json=body).json()
    if as_json:
        show_json(answer)
        return
    say(f"{name} is set.")
    if not answer["reachable"] and not answer["fallback"]:
        say("It has no address, so that what it owns goes to whoever is next, in the end to the fallback team.")


@commands.command("retire")
def retire(
    name: str,
    reason: Annotated[str, typer.Option(help="why it ends")],
    successor: Annotated[str | None, typer.Option(help="the team that goes on where no rule names another")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Let a team end; what it owned follows."""
    body = {"reason": reason, "successor": successor}
    answer = Client(Settings()).call("POST", f"/v1/teams/{name}:retire", json=body).json()
    if as_json:
        show_json(answer)
    else:
        say(f"{name} is retired.")

"""``muster webhooks``: addresses that are told of changes, what was sent to them, and what came of it."""

from typing import Annotated, Any

import typer

from service.cli.client import Client
from service.cli.instants import brief, instant, written
from service.cli.showing import JsonFlag, say, show_json, show_line, show_table
from service.settings import Settings

commands = typer.Typer(help="addresses that are told of changes", no_args_is_help=True)

_AT = "/v1/webhooks"
Name = Annotated[str, typer.Argument(metavar="WEBHOOK", help="as in WHK-3")]


@commands.command("list")
def index(*, as_json: JsonFlag = False) -> None:
    """List webhooks."""
    rows = list(Client(Settings()).items(_AT))
    if as_json:
        show_json({"items": rows, "next": None})
    else:
        show_table(map(_row, rows), ("id", "url", "hears of", "state", "waiting"))


@commands.command("add")
def add(
    url: Annotated[str, typer.Argument(help="where to send: https")],
    description: Annotated[str, typer.Option(help="what it is for")] = "",
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="exposure.opened, incident.*; repeatable [default: all]")
    ] = None,
    team: Annotated[list[str] | None, typer.Option(help="only what it owns; repeatable")] = None,
    product: Annotated[list[str] | None, typer.Option(help="only changes of it; repeatable")] = None,
    *,
    restricted: Annotated[bool, typer.Option("--restricted", help="incidents under embargo too")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a webhook. Prints its secret once, alone on stdout."""
    body = {
        "url": url,
        "description": description,
        "types": type_ or [],
        "teams": team or [],
        "products": product or [],
        "restricted": restricted,
    }
    _show_keys(Client(Settings()).call("POST", _AT, json=body).json(), as_json=as_json)


@commands.command()
def show(webhook: Name, *, as_json: JsonFlag = False) -> None:
    """Show one webhook."""
    shown = Client(Settings()).get(f"{_AT}/{webhook}")
    if as_json:
        show_json(shown)
        return
    show_line(f"{shown['id']}  {shown['url']}  {shown['description']}")
    show_line(f"{_state(shown)}; {shown['waiting']} waiting; last success {brief(shown['succeeded_at']) or 'never'}")
    for key in shown["public_keys"]:
        show_line(f"verify v1a with {key}")


@commands.command()
def remove(webhook: Name) -> None:
    """Remove a webhook, with all that waits for it."""
    Client(Settings()).call("DELETE", f"{_AT}/{webhook}")
    say(f"{webhook} is gone.")


@commands.command()
def rotate(webhook: Name, *, as_json: JsonFlag = False) -> None:
    """Give a webhook new keys; the old ones sign beside them for 24 hours."""
    _show_keys(Client(Settings()).call("POST", f"{_AT}/{webhook}:rotate").json(), as_json=as_json)


@commands.command()
def enable(webhook: Name) -> None:
    """Send to a webhook again."""
    Client(Settings()).call("POST", f"{_AT}/{webhook}:enable")
    say(f"{webhook} is enabled.")


@commands.command("test")
def try_out(webhook: Name, *, as_json: JsonFlag = False) -> None:
    """Send a test now; leaves with 1 when it was not taken."""
    tried = Client(Settings()).call("POST", f"{_AT}/{webhook}:test").json()
    if as_json:
        show_json(tried)
    else:
        show_table(map(_attempt, tried["attempts"]), ("at", "status", "reason", "response"))
    if tried["state"] != "delivered":
        raise typer.Exit(1)


@commands.command()
def deliveries(
    webhook: Name,
    state: Annotated[str | None, typer.Option(help="waiting, delivered or dead")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="the newest so many")] = 50,
    *,
    as_json: JsonFlag = False,
) -> None:
    """List what was sent, the newest first."""
    page = Client(Settings()).get(f"{_AT}/{webhook}/deliveries", state=state, limit=limit)
    if as_json:
        show_json(page)
        return
    columns = ("seq", "type", "about", "state", "attempts", "last", "next attempt")
    show_table(map(_delivery, page["items"]), columns)


@commands.command()
def replay(
    webhook: Name,
    after: Annotated[int | None, typer.Option(help="changes with a greater number")] = None,
    upto: Annotated[int | None, typer.Option(help="changes up to this number")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME")] = None,
    *,
    only_failed: Annotated[bool, typer.Option("--failed", help="dead letters alone")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Send again: a range by number or time, or what failed."""
    bounds = {
        "after": after,
        "upto": upto,
        "since": written(instant(since)) if since else None,
        "until": written(instant(until)) if until else None,
    }
    body = {name: value for name, value in bounds.items() if value is not None} | {"only_failed": only_failed}
    answer = Client(Settings()).call("POST", f"{_AT}/{webhook}:replay", json=body).json()
    if as_json:
        show_json(answer)
    else:
        say(f"{answer['deliveries']} deliveries begin anew.")


def _show_keys(made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(made)
        return
    say(f"{made['id']} is signed with this secret, shown this once; v1a is verified with {made['public_key']}")
    show_line(made["secret"] or "")


def _row(webhook: dict[str, Any]) -> dict[str, Any]:
    hears = [*webhook["types"], *webhook["teams"], *webhook["products"]] or ["everything"]
    return webhook | {"hears of": hears, "state": _state(webhook)}


def _state(webhook: dict[str, Any]) -> str:
    if not webhook["enabled"]:
        return f"disabled: {webhook['disabled_reason']}"
    return f"failing since {brief(webhook['failing_since'])}" if webhook["failing_since"] else "enabled"


def _delivery(delivery: dict[str, Any]) -> dict[str, Any]:
    attempts = delivery["attempts"]
    return delivery | {
        "about": delivery["exposure"] or delivery["incident"],
        "attempts": len(attempts),
        "last": attempts[-1]["reason"] if attempts else "",
        "next attempt": brief(delivery["due_at"]),
    }


def _attempt(attempt: dict[str, Any]) -> dict[str, Any]:
    return attempt | {"at": brief(attempt["at"]), "response": attempt["response"][:80]}

"""``muster advisories``: sync the feed, see what cannot be read, publish and withdraw our own."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from service.cli.bundling import bundle
from service.cli.client import Client
from service.cli.inputs import InputFile, read_input
from service.cli.reach import show_differences, show_reach
from service.cli.showing import JsonFlag, show_json, show_line, show_table
from service.cli.syncing import sync
from service.cli.verifying import verify_command
from service.errors import Unreadable
from service.settings import Settings

commands = typer.Typer(help="advisories, the feed's and our own", no_args_is_help=True)
commands.command()(sync)
commands.command("verify")(verify_command)
commands.command()(bundle)


@commands.command()
def unevaluated(
    reason: Annotated[str | None, typer.Option(help="list the records with this reason")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Say how many advisories have parts that match nothing because they cannot be read, and why; or list them."""
    client = Client(Settings())
    if reason is not None:
        rows = list(client.items("/v1/advisories", unevaluated=True, reason=reason, limit=500))
        answer: dict[str, Any] = {"items": rows, "next": None}
    else:
        counts = client.get("/v1/feeds")["unevaluated"]
        rows = [{"reason": why, "advisories": count} for why, count in counts.items()]
        answer = {"unevaluated": counts}
    if as_json:
        show_json(answer)
    elif rows:
        show_table(rows, tuple(rows[0]) if reason is None else ("id", "unevaluated", "severity", "summary"))
    else:
        show_line("There are none.")


@commands.command()
def publish(
    file: InputFile,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what it would meet, and keep nothing")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Publish or amend an own advisory; its exposures are open when this returns."""
    record = read_record(read_input(file))
    client = Client(Settings())
    answer = client.call("PUT", _path(record["id"]), json=record, params={"dry_run": dry_run or None}).json()
    if as_json:
        show_json(answer)
        return
    if dry_run:
        _show(answer, "would meet")
    else:
        _show(answer, "is published and meets" if answer["created"] else "is amended and meets")
        _show_incidents(client, answer["id"])


@commands.command()
def withdraw(
    advisory: Annotated[str, typer.Argument(help="its id")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Withdraw an own advisory: what it alone opened is withdrawn. To publish it again brings it back."""
    answer = Client(Settings()).call("POST", f"{_path(advisory)}:withdraw").json()
    if as_json:
        show_json(answer)
    else:
        show_line(f"{answer['id']} is withdrawn.")
        show_differences(answer)


def read_record(text: bytes) -> dict[str, Any]:
    """Read a record and see that it has an id; all else is the service's to judge.

    Raises:
        Unreadable: It is no JSON object with an id.
    """
    try:
        record = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"This is not JSON: {error}.") from error
    if not isinstance(record, dict) or not isinstance(record.get("id"), str) or not record["id"]:
        raise Unreadable("An advisory is a JSON object with an id.")
    return record


def _path(osv_id: str) -> str:
    return f"/v1/advisories/{quote(osv_id, safe='')}"


def _show(published: dict[str, Any], verb: str) -> None:
    components, products = published["component_count"], published["product_count"]
    show_line(f"{published['id']} {verb} {components} components, in {products} products in the field.")
    if published["unevaluated"]:
        show_line("Parts of it match nothing, because they cannot be read:")
        show_table(published["unevaluated"], ("package", "reason", "detail"))
    show_differences(published)
    show_reach(published)


def _show_incidents(client: Client, osv_id: str) -> None:
    for spoken in client.get(_path(osv_id))["vulnerabilities"]:
        if spoken["incident"]:
            show_line(f"{spoken['incident']}: {spoken['name']}")

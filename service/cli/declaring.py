"""``muster incidents declare``, ``amend``, ``broadcast``, ``situation``, ``close`` and ``report``: what a CERT does."""

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from service.cli.client import Client
from service.cli.instants import instant, written
from service.cli.showing import JsonFlag, clean, say, show_json, show_line, show_table
from service.errors import Refused, Unreadable
from service.settings import Settings

Incident = Annotated[str, typer.Argument(help="INC-7")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would follow, and change nothing")]
Words = list[str] | None

#: What a refusal to close lists; the answer's `count` is whole.
_SHOWN = 20


def add_to(commands: typer.Typer) -> None:
    """Register these among the commands of ``muster incidents``."""
    commands.command("declare")(declare)
    commands.command("amend")(amend)
    commands.command("broadcast")(broadcast)
    commands.command("situation")(situation)
    commands.command("close")(close)
    commands.command("report")(report)


def declare(
    title: Annotated[str, typer.Argument(help="one line that everybody understands")],
    words: Annotated[Words, typer.Option("--name", help="of packages, in whatever ecosystem; repeatable")] = None,
    family: Annotated[Words, typer.Option(help="the same upstream code under other names; repeatable")] = None,
    purl: Annotated[Words, typer.Option(help="one package; repeatable")] = None,
    digest: Annotated[Words, typer.Option("--hash", help="of a file, hexadecimal; repeatable")] = None,
    versions: Annotated[
        Words, typer.Option("--range", help="'>=5.6.0,<5.6.2' or a vers expression; repeatable")
    ] = None,
    version: Annotated[Words, typer.Option(help="exactly this one of upstream's; repeatable")] = None,
    alias: Annotated[Words, typer.Option(help="CVE-2024-3094; repeatable")] = None,
    kind: Annotated[str, typer.Option("--class", help="malicious_code, exploited, vulnerability or other")] = "other",
    summary: Annotated[str, typer.Option(help="what is known")] = "",
    *,
    restricted: Annotated[bool, typer.Option(help="under embargo: only those who need to know see it")] = False,
    dry_run: DryRun = False,
    as_json: JsonFlag = False,
) -> None:
    """Declare an incident before any advisory exists; its exposures are open when this returns."""
    body = {
        "title": title,
        "class": kind,
        "summary": summary,
        "names": words or [],
        "families": family or [],
        "purls": purl or [],
        "hashes": digest or [],
        "ranges": versions or [],
        "versions": version or [],
        "aliases": alias or [],
        "restricted": restricted,
        "dry_run": dry_run,
    }
    _show_declared(Client(Settings()).call("POST", "/v1/incidents:declare", json=body).json(), as_json=as_json)


def amend(
    incident: Incident,
    reason: Annotated[str, typer.Option(help="why; it stands in the timeline")],
    words: Annotated[Words, typer.Option("--name", help="instead of the names before; repeatable")] = None,
    family: Annotated[Words, typer.Option(help="instead of the families before; repeatable")] = None,
    purl: Annotated[Words, typer.Option(help="instead of the purls before; repeatable")] = None,
    versions: Annotated[Words, typer.Option("--range", help="instead of the ranges before; repeatable")] = None,
    alias: Annotated[Words, typer.Option(help="instead of the aliases before; repeatable")] = None,
    *,
    dry_run: DryRun = False,
    as_json: JsonFlag = False,
) -> None:
    """Narrow or widen what was declared; what is no longer meant is withdrawn, with the reason."""
    parts = {"names": words, "families": family, "purls": purl, "ranges": versions, "aliases": alias}
    body = {"reason": reason, "dry_run": dry_run} | {name: said for name, said in parts.items() if said}
    path = f"{_path(incident)}/declaration"
    _show_declared(Client(Settings()).call("PATCH", path, json=body).json(), as_json=as_json)


def broadcast(
    incident: Incident,
    message: Annotated[str, typer.Argument(help="what everybody has to know")],
    *,
    dry_run: DryRun = False,
    as_json: JsonFlag = False,
) -> None:
    """Tell every team: to act, to confirm what nobody can tell, or that it is clear."""
    body = {"message": message, "dry_run": dry_run}
    sent = Client(Settings()).call("POST", f"{_path(incident)}/broadcasts", json=body).json()
    if as_json:
        show_json(sent)
        return
    rows = [
        one | {"products": ", ".join([*one["products"]["act"], *one["products"]["confirm"]])} for one in sent["teams"]
    ]
    show_table(rows, ("team", "audience", "products"))
    said = "Would be told" if dry_run else "Told"
    show_line(f"{said} to act: {sent['act']}; to confirm: {sent['confirm']}; that they are clear: {sent['clear']}.")


def situation(incident: Incident, *, as_json: JsonFlag = False) -> None:
    """Show where an incident stands: affected, suspected, cannot tell, clear; and who is silent."""
    board = Client(Settings()).get(f"{_path(incident)}/situation")
    if as_json:
        show_json(board)
        return
    show_table(board["teams"], ("team", "affected", "suspected", "cannot_tell", "clear", "silent_since", "heard_at"))
    percent = board["acknowledged_percent"]
    show_line(
        f"{board['affected']} affected, {board['suspected']} suspected, {board['cannot_tell']} cannot tell,"
        f" {board['clear']} clear; {'nothing left' if percent is None else f'{percent} % acknowledged'}."
    )


def close(
    incident: Incident,
    reason: Annotated[str, typer.Option(help="why; an override needs one")] = "",
    *,
    override: Annotated[bool, typer.Option("--override", help="in spite of what is left; takes two people")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Give the all-clear. Refused while anything in the field is affected or unknown."""
    try:
        answer = Client(Settings()).call(
            "POST", f"{_path(incident)}:close", json={"reason": reason, "override": override}
        )
    except Refused as refused:
        problem: Any = refused.members["problem"]
        for one in problem.get("obstacles", ())[:_SHOWN]:
            say(clean(f"{one['exposure'] or '':8} {one['product']}: {one['reason']}"))
        raise
    closed = answer.json()
    if as_json:
        show_json(closed)
    elif closed["closed"]:
        show_line(f"{closed['incident']['id']} is closed.")
    else:
        show_line(f"Proposed, with {closed['obstacle_count']} left standing; somebody with another key has to agree.")


def report(
    incident: Incident,
    form: Annotated[str, typer.Option("--format", help="md, html or json")] = "md",
    since: Annotated[str | None, typer.Option(metavar="TIME", help="of the list for forensics")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", dir_okay=False, help="instead of stdout")] = None,
) -> None:
    """Write the report: timeline, decisions, clocks, who was told, exposures with their proof."""
    params = {"format": form, "since": written(instant(since)) if since else None}
    content = Client(Settings()).call("GET", f"{_path(incident)}/report", params=params).content
    if output is None:
        sys.stdout.write(content.decode())
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise Unreadable(f"{output} cannot be written: {error.strerror}.") from error


def _path(incident: str) -> str:
    return f"/v1/incidents/{quote(incident, safe='')}"


def _show_declared(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(told)
        return
    for note in told["notes"]:
        show_line(note)
    concerned = [(word, one) for word in ("affected", "suspected") for one in told[word]]
    rows = [_row(word, one) for word, one in concerned]
    rows += [_row(one["reason"].replace("_", " "), one | {"components": []}) for one in told["cannot_tell"]]
    show_table(rows, ("product", "", "owner", "components", "exposure"))
    for one in told["near_misses"]:
        show_line(f"Not meant: {one['purl'] or one['name']}: {one['reason']}.")
    for one in told["duplicates"]:
        show_line(f"{one['incident']} ({one['status']}) {one['title']}: {one['reason']}.")
    counts = (
        f"{told['affected_count']} affected, {told['suspected_count']} suspected, {told['cannot_tell_count']} unknown"
    )
    begun = "nothing was changed" if told["dry_run"] else f"{told['incident']} stands, as Act"
    show_line(f"{counts}; {begun}.")


def _row(word: str, one: dict[str, Any]) -> dict[str, Any]:
    components = [f"{each['name']} {each['version']}".strip() for each in one["components"]]
    return {
        "product": one["product"],
        "": word,
        "owner": one["owner"]["team"],
        "components": components,
        "exposure": one.get("exposure"),
    }

"""``muster audit``: the record, on the database itself, so that nobody has to trust the service that wrote it."""

from pathlib import Path
from typing import Annotated

import typer

from service.access.chaining import chain_audit, head_of
from service.access.verifying import Verdict, read_heads, verify_audit
from service.cli.beside import at_database
from service.cli.showing import JsonFlag, say, show_json
from service.db import reading, writing
from service.settings import Settings

BROKEN = 1

commands = typer.Typer(help="The record of who did what, on the database itself", no_args_is_help=True)


@commands.command()
def head(*, as_json: JsonFlag = False) -> None:
    """Print where the record ends: the number of its last row, and the hash that stands for all of it."""
    with at_database(Settings()) as (engine, _):
        with writing(engine) as session:
            chain_audit(session)
        with reading(engine) as session:
            end = head_of(session)
    if as_json:
        show_json({"seq": end.seq, "hash": end.hash.hex()})
    else:
        typer.echo(str(end))


@commands.command()
def verify(
    former: Annotated[
        Path | None, typer.Option("--from", help="a file with heads of earlier, kept on another machine", exists=True)
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Walk the whole record and name the first row that was changed, removed or moved. Exits with 1 if there is one."""
    heads = read_heads(former.read_text(encoding="utf-8", errors="replace")) if former else []
    with at_database(Settings()) as (engine, _), reading(engine) as session:
        verdict = verify_audit(session, heads)
    if as_json:
        show_json(_values(verdict))
    else:
        say(_sentence(verdict, len(heads)))
    if verdict.broken is not None:
        raise SystemExit(BROKEN)


def _sentence(verdict: Verdict, compared: int) -> str:
    if verdict.broken is not None:
        return f"Broken at {verdict.broken}. The {verdict.rows} rows before hold."
    beside = f" and agree with {compared} heads of earlier" if compared else ""
    waiting = f" {verdict.waiting} rows have yet to take their place." if verdict.waiting else ""
    return f"All {verdict.rows} rows hold{beside}. Head: {verdict.head}.{waiting}"


def _values(verdict: Verdict) -> dict[str, object]:
    broken = verdict.broken
    return {
        "rows": verdict.rows,
        "waiting": verdict.waiting,
        "head": {"seq": verdict.head.seq, "hash": verdict.head.hash.hex()},
        "broken": {"seq": broken.seq, "id": broken.id, "fault": broken.fault} if broken else None,
    }

"""``muster incidents pause``, ``resume`` and ``extend``: what people do with clocks; and what a priority comes from."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from service.cli.instants import brief, end_of_day, written
from service.cli.showing import JsonFlag
from service.cli.steps import Call, ProductOption, ReasonOption, Target, act


def add_to(commands: typer.Typer) -> None:
    """Register these among the commands of ``muster incidents``."""
    commands.command("pause")(pause)
    commands.command("resume")(resume)
    commands.command("extend")(extend)


def pause(
    target: Target,
    reason: Annotated[str, typer.Option(help="what is awaited, from whom")],
    awaiting: Annotated[str, typer.Option(help="upstream (no fix is known; 30 days) or decision (5 days)")],
    until: Annotated[str | None, typer.Option(metavar="DATE", help="the last day [default: all that is left]")] = None,
    product: ProductOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Pause remediation: its due date moves by what is paused."""
    body: dict[str, str | None] = {"kind": f"awaiting_{awaiting.removeprefix('awaiting_')}", "reason": reason}
    if until:
        body["until"] = written(end_of_day(until))
    act(target, product, Call("POST", "pauses", body, "paused"), as_json=as_json)


def resume(
    target: Target, product: ProductOption = None, reason: ReasonOption = "", *, as_json: JsonFlag = False
) -> None:
    """Let remediation run on."""
    act(target, product, Call("POST", ":resume", {"reason": reason}, "resumed"), as_json=as_json)


def extend(
    target: Target,
    reason: ReasonOption,
    until: Annotated[str, typer.Option(metavar="DATE", help="the day by whose end it is due")],
    product: ProductOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Give remediation more time, as the CERT."""
    body = {"reason": reason, "until": written(end_of_day(until))}
    act(target, product, Call("POST", ":extend", body, "extended"), as_json=as_json)


_UNTABLED = {"words": "by words, without tables", "forced": "no table is asked"}


def decision_lines(exposure: dict[str, Any]) -> Iterator[str]:
    """Say what an exposure's priority was decided by, and what is paused."""
    if decided := exposure["priority_inputs"]:
        tables = [f"{one['name']} {one['version']} says {one['outcome']}" for one in decided["tables"]]
        said = "; ".join(tables) or _UNTABLED[decided["rule"]]
        yield f"priority {decided['outcome']}, {decided['remediate_within_days']} days to remediate: {said}"
        for one in decided["inputs"]:
            yield f"  {one['name'].replace('_', ' ')} {one['value']}: {one['source']}"
    for pause in exposure["pauses"]:
        if pause["to"] is None:
            kind, ends_by = pause["kind"].replace("_", " "), brief(pause["ends_by"])
            yield f"paused, {kind}, until {ends_by} at most: {pause['reason']}"

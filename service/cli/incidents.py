"""``muster incidents list`` and ``show``: what is open, where, and who has it."""

from collections.abc import Iterator
from textwrap import shorten
from typing import Annotated, Any

import typer

from service.cli import clocks, declaring, steps
from service.cli.client import Client
from service.cli.instants import brief, instant, written
from service.cli.showing import JsonFlag, show_json, show_line, show_table
from service.settings import Settings

commands = typer.Typer(help="incidents and their exposures", no_args_is_help=True)
steps.add_to(commands)
declaring.add_to(commands)
clocks.add_to(commands)

#: Entries of a timeline that `show` prints, the newest; `--json` has all.
_NEWEST = 20
#: Some feeds put their whole description where a title belongs.
_LONGEST_TITLE = 70


@commands.command("list")
def index(
    status: Annotated[list[str] | None, typer.Option(help="repeatable [default: open and contained]")] = None,
    priority: Annotated[list[str] | None, typer.Option(help="act, attend, track* or track; repeatable")] = None,
    severity: Annotated[list[str] | None, typer.Option(help="critical, high, ...; repeatable")] = None,
    owner: Annotated[str | None, typer.Option(help="a team that has an exposure of it")] = None,
    product: Annotated[str | None, typer.Option(help="a product that has an exposure of it")] = None,
    updated_after: Annotated[str | None, typer.Option(metavar="TIME", help="only what changed since")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="ended ones too")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List incidents, the newest first."""
    params = {
        "status": status or (None if everything else ["open", "contained"]),
        "priority": priority,
        "severity": severity,
        "owner": owner,
        "product": product,
        "updated_after": written(instant(updated_after)) if updated_after else None,
        "limit": 500,
    }
    rows = list(Client(Settings()).items("/v1/incidents", **params))
    if as_json:
        show_json({"items": rows, "next": None})
    elif rows:
        show_table(
            map(_incident_row, rows), ("id", "priority", "severity", "status", "vulnerability", "exposures", "title")
        )
    else:
        show_line("There are none.")


def _incident_row(incident: dict[str, Any]) -> dict[str, Any]:
    counts = incident["exposure_counts"]
    exposures = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
    return incident | {
        "exposures": exposures,
        "vulnerability": incident["vulnerability"] or incident["kind"],
        "title": shorten(incident["title"], _LONGEST_TITLE, placeholder=" …"),
    }


@commands.command()
def show(
    incident: Annotated[str, typer.Argument(help="INC-7; or EXP-41 for one product's part in it")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Show an incident, its exposures, and what happened."""
    client = Client(Settings())
    noun = "exposures" if steps.is_exposure(incident) else "incidents"
    shown = client.get(f"/v1/{noun}/{incident}")
    timeline = list(client.items(f"/v1/{noun}/{incident}/timeline", limit=500))
    exposures = [shown] if noun == "exposures" else list(client.items(f"/v1/incidents/{incident}/exposures", limit=500))
    if as_json:
        whole = {} if noun == "exposures" else {"exposures": {"items": exposures, "next": None}}
        show_json(shown | whole | {"timeline": {"items": timeline, "next": None}})
        return
    if noun == "incidents":
        _show_head(shown)
    show_table(map(_exposure_row, exposures), _EXPOSURE_COLUMNS)
    if noun == "exposures":
        for line in clocks.decision_lines(shown):
            show_line(line)
    show_line("")
    _show_timeline(timeline)


def _show_head(incident: dict[str, Any]) -> None:
    names = ", ".join(filter(None, (incident["vulnerability"], *incident["aliases"])))
    show_line(f"{incident['id']}  {incident['title']}")
    show_line(f"{incident['status']}, {incident['severity']}, priority {incident['priority']}; {names}")
    for line in _signals(incident["signals"]):
        show_line(line)
    if incident["merged_into"]:
        show_line(f"It goes on as {incident['merged_into']}.")
    show_line("")


def _signals(signals: dict[str, Any]) -> Iterator[str]:
    if kev := signals["kev"]:
        ransomware = ", in ransomware campaigns too" if kev["ransomware"] else ""
        yield f"CISA lists {kev['cve']} as exploited since {kev['added']}{ransomware}"
    if epss := signals["epss"]:
        yield f"EPSS gives {epss['cve']} {epss['score']:.2f}; {epss['percentile']:.1%} of all score no higher"
    if cvss := signals["cvss"]:
        yield f"CVSS {cvss['version']} {cvss['score']} by {cvss['source']}: {cvss['vector']}"


_EXPOSURE_COLUMNS = ("id", "product", "owner", "status", "presence", "priority", "due", "affected")


def _exposure_row(exposure: dict[str, Any]) -> dict[str, Any]:
    due = exposure["remediate_due_at"] if exposure["acknowledged_at"] else exposure["acknowledge_due_at"]
    held = f" ({exposure['hold_reason']})" if exposure["hold_reason"] else ""
    affected = dict.fromkeys(f"{one['name']} {one['version']}{_fix(one['fixes'])}" for one in exposure["occurrences"])
    return exposure | {
        "owner": exposure["owner"]["team"],
        "presence": f"{exposure['presence']}{held}",
        "due": "" if exposure["ended_at"] else brief(due or exposure["remediate_due_at"]),
        "affected": list(affected),
    }


def _fix(fixes: dict[str, Any]) -> str:
    return f" (fixed in {fixes['nearest']})" if fixes["known"] else f" ({fixes['hint']})"


def _show_timeline(timeline: list[dict[str, Any]]) -> None:
    if len(timeline) > _NEWEST:
        show_line(f"the newest {_NEWEST} of {len(timeline)} entries:")
    rows = (
        entry | {"at": brief(entry["at"]), "step": entry["step"].replace("_", " ")} for entry in timeline[-_NEWEST:]
    )
    show_table(rows, ("at", "actor", "exposure", "step", "reason"))

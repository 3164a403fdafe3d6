"""``muster upload``: send one SBOM and say what is affected. For people at a terminal, and for pipelines."""

from collections import Counter
from enum import StrEnum
from typing import Annotated, Any

import typer
import zstandard

from service.cli.addresses import product_path
from service.cli.client import Client
from service.cli.inputs import InputFile, read_input
from service.cli.instants import instant, written
from service.cli.showing import JsonFlag, show_json, show_line, show_table
from service.settings import Settings

commands = typer.Typer()

GATE_SAID_NO = 1
#: Findings that the table shows, the worst first.
MOST_ROWS = 20
#: The largest SBOMs take minutes, and wait for their turn before.
_PATIENCE_SECONDS = 2_400.0
#: Pieces of advice about the SBOM; --json has them all.
_MOST_ADVICE = 2


class Severity(StrEnum):
    """From which severity on a gate says no."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@commands.command()
def upload(
    file: InputFile,
    product: Annotated[str, typer.Option("--product", "-p", help="what it describes; made if it is new")],
    stream: Annotated[str | None, typer.Option(help="which line of builds [default: main]")] = None,
    version: Annotated[str | None, typer.Option(help="a label that makes it a release")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="when it became true [default: now]")] = None,
    gate: Annotated[Severity | None, typer.Option(help="leave with 1 if something as bad as this is undecided")] = None,
    replaces: Annotated[int | None, typer.Option(metavar="ID", help="the SBOM that this one corrects")] = None,
    *,
    preview: Annotated[bool, typer.Option("--preview", help="a branch or pull request: opens nothing")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Send an SBOM and say what is affected."""
    given = {"stream": stream, "version": version, "gate": gate, "replaces": replaces, "preview": preview or None}
    params = given | {"at": written(instant(at)) if at else None}
    answer = Client(Settings()).call(
        "POST",
        f"{product_path(product)}/sboms",
        params=params,
        content=zstandard.compress(read_input(file)),
        headers={"Content-Encoding": "zstd", "Content-Type": "application/octet-stream"},
        patience_seconds=_PATIENCE_SECONDS,
    )
    receipt = answer.json()
    if as_json:
        show_json(receipt)
    else:
        show_receipt(receipt)
    if gate is not None and receipt["verdict"] == "fail":
        raise typer.Exit(GATE_SAID_NO)


def show_receipt(receipt: dict[str, Any]) -> None:
    """Print the answer to an upload for people."""
    show_line(_headline(receipt))
    show_line(f"verdict: {receipt['verdict']} (gate: {receipt['gate']})")
    _show_findings(receipt["findings"], more=receipt["next"] is not None)
    for name in ("resolved", "held"):
        for step in receipt[name]:
            show_line(f"{name}: {step['exposure']} of {step['incident']}, {step['vulnerability']}: {step['reason']}")
    _show_unknown(receipt)
    _show_quality(receipt["quality"])


def _headline(receipt: dict[str, Any]) -> str:
    counts = receipt["components"]
    place = " ".join(filter(None, (receipt["product"], receipt["stream"], receipt["version"])))
    if receipt["duplicate"]:
        return f"{place}: nothing new since SBOM {receipt['sbom']['id']}, {counts['total']} components"
    late = "; late: a newer one was here already" if receipt["late"] else ""
    changes = f"{counts['added']} added, {counts['removed']} removed"
    return f"{place}: SBOM {receipt['sbom']['id']}, {counts['total']} components ({changes}){late}"


def _show_findings(findings: list[dict[str, Any]], *, more: bool) -> None:
    if not findings:
        return
    show_table((_row(finding) for finding in findings[:MOST_ROWS]), _COLUMNS)
    left = len(findings) - MOST_ROWS
    if left > 0 or more:
        show_line(f"and {max(left, 0)}{' or more' if more else ''} others; --json lists them")


_COLUMNS = ("severity", "component", "vulnerability", "fixed_in", "exposure", "status", "new")


def _row(finding: dict[str, Any]) -> dict[str, Any]:
    # An older server says less.
    kind = finding.get("informational") or finding["kind"]
    severity = finding["severity"] if kind == "vulnerability" else kind
    if finding.get("signals", {}).get("kev"):
        severity = f"{severity}, exploited"
    return finding | {
        "severity": severity if finding["certainty"] == "certain" else f"{severity}?",
        "fixed_in": (finding.get("fixes") or {}).get("nearest") or finding["fixed_in"] or "none known",
        "component": f"{finding['name']} {finding['version']}".strip(),
        "status": finding["status"] or finding.get("note"),
        "new": "new" if finding["new"] else None,
    }


def _show_quality(quality: dict[str, Any]) -> None:
    show_line(f"quality: {quality['score']} of 100")
    for advice in quality["advice"][:_MOST_ADVICE]:
        show_line(f"  {advice['element']}: {advice['change']}")


def _show_unknown(receipt: dict[str, Any]) -> None:
    """Say what a clean answer would not cover."""
    reasons = Counter(one["reason"] for one in receipt["unevaluated"])
    if reasons:
        listed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        show_line(f"{reasons.total()} components cannot be evaluated: {listed}")
    if receipt.get("rekeying"):
        show_line("the service reads its versions again after an upgrade; the answer may change")
    if receipt["missing_feeds"]:
        show_line(f"advisories missing or stale: {', '.join(receipt['missing_feeds'])}")
    for warning in receipt["warnings"]:
        show_line(f"warning: {warning['code']}, {warning['count']} times, first at {warning['first'] or 'the top'}")

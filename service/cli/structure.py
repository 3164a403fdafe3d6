"""``muster diff`` and ``muster paths``: what changed between two SBOMs, and how a component came in."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from service.cli.addresses import product_path
from service.cli.client import Client
from service.cli.instants import brief, instant, written
from service.cli.showing import JsonFlag, show_json, show_line, show_table
from service.settings import Settings

commands = typer.Typer()

_PAGE = 500
_BEFORE = (
    "an SBOM's id, release:1.4.2, stream:main or stream:main@TIME, of another product PRODUCT/stream:main; "
    "absent: the one before"
)
_AFTER = "the same; absent: the newest of main, or of the only stream"


class Kind(StrEnum):
    """What can happen to a component."""

    ADDED = "added"
    REMOVED = "removed"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    VERSION = "version"
    LICENCE = "licence"
    SCOPE = "scope"
    IDENTITY = "identity"


@commands.command()
def diff(
    product: str,
    before: Annotated[str | None, typer.Option("--from", metavar="SBOM", help=_BEFORE)] = None,
    after: Annotated[str | None, typer.Option("--to", metavar="SBOM", help=_AFTER)] = None,
    change: Annotated[Kind | None, typer.Option(help="only these changes")] = None,
    limit: Annotated[int, typer.Option(min=1, help="changes to list at most")] = 10_000,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Say what changed between two SBOMs: components, versions, licences, and what vulnerabilities came and went."""
    params = {"from": before, "to": after, "change": change.value if change else None}
    answer = read_on(Client(Settings()), f"{product_path(product)}/diff", params, limit=limit)
    if as_json:
        show_json(answer)
    else:
        show_diff(answer)


@commands.command()
def paths(
    product: str,
    purl: Annotated[str, typer.Argument(metavar="PURL", help="with or without version; or a name")],
    version: Annotated[str | None, typer.Option(help="the beginning of the version")] = None,
    stream: Annotated[str | None, typer.Option(help="only in this stream; absent: all that is in the field")] = None,
    release: Annotated[str | None, typer.Option(help="as this release shipped it")] = None,
    sbom: Annotated[int | None, typer.Option(help="as the SBOM with this id has it")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="as it was then")] = None,
    most: Annotated[int, typer.Option("--paths", min=1, max=100, help="paths of each component")] = 5,
    limit: Annotated[int, typer.Option(min=1, help="components to list at most")] = 1_000,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Say how a component came into a product: directly, or through what."""
    params: dict[str, Any] = {
        "purl" if purl.lower().startswith("pkg:") else "name": purl,
        "version": version,
        "stream": stream,
        "release": release,
        "sbom": sbom,
        "as_of": written(instant(as_of)) if as_of else None,
        "paths": most,
    }
    answer = read_on(Client(Settings()), f"{product_path(product)}/paths", params, limit=limit)
    if as_json:
        show_json(answer)
    else:
        show_ways(answer)


def read_on(client: Client, path: str, params: dict[str, Any], *, limit: int) -> dict[str, Any]:
    """Read a list until *limit* items are there; what only the first page says is kept."""
    answer: dict[str, Any] = client.get(path, **params, limit=min(limit, _PAGE))
    while answer["next"] is not None and len(answer["items"]) < limit:
        wanted = min(limit - len(answer["items"]), _PAGE)
        page = client.get(path, **params, limit=wanted, after=answer["next"])
        answer["items"] += page["items"]
        answer["next"] = page["next"]
    return answer


# --- for people ------------------------------------------------------------------------------------------------------


def show_diff(answer: dict[str, Any]) -> None:
    """Print which SBOMs these are, how much changed, what changed, and which vulnerabilities came and went."""
    show_line(f"from  {_record(answer['from'])}")
    show_line(f"to    {_record(answer['to'])}")
    show_line(", ".join(f"{count} {name}" for name, count in answer["summary"].items() if count) or "nothing in either")
    if answer["items"]:
        show_line("")
        show_table(map(_change, answer["items"]), ("change", "component", "from", "to", "licence", "scope", "how"))
    if answer["next"]:
        show_line("There are more, see --limit.")
    for side, words in (("added", "Came with it"), ("removed", "Went with it")):
        _show_findings(answer["findings"], side, words)


def _record(upload: dict[str, Any] | None) -> str:
    if upload is None:
        return "nothing: no SBOM came before"
    release = f" release {upload['version']}" if upload["version"] else ""
    place = f"{upload['product']} {upload['stream']}{release}"
    total = counted(upload["components"]["total"], "component")
    return f"SBOM {upload['sbom']['id']} of {brief(upload['at'])}, {place}, {total}"


def _change(item: dict[str, Any]) -> dict[str, Any]:
    sides = [item["from"], item["to"]]
    return {
        "change": item["change"],
        "component": item["name"],
        "from": _version(item["from"]),
        "to": _version(item["to"]),
        "licence": _turned(sides, "licence"),
        "scope": _turned(sides, "scope", usual="required"),
        "how": item["relation"] if item["relation"] != "unknown" else "",
    }


def _version(side: dict[str, Any] | None) -> str:
    return (side["version"] or "no version") if side else ""


def _turned(sides: list[dict[str, Any] | None], field: str, usual: str = "") -> str:
    """Write what a side alone has, or what became what; '' for what is usual or as it was."""
    values = list(dict.fromkeys(side[field] for side in sides if side))
    if len(values) > 1:
        return " -> ".join(value or "none stated" for value in values)
    alone = None in sides and values[0] != usual
    return str(values[0]) if alone else ""


def _show_findings(findings: dict[str, Any], side: str, words: str) -> None:
    found, count = findings[side], findings[f"{side}_count"]
    if not found:
        return
    show_line("")
    show_line(f"{words} ({count}{f', the worst {len(found)}' if count > len(found) else ''}):")
    show_table(map(_finding, found), ("vulnerability", "severity", "component", "version", "fixed_in", "note"))


def _finding(one: dict[str, Any]) -> dict[str, Any]:
    notes = ["possible"] if one["certainty"] == "possible" else []
    notes += ["the other side has it too, elsewhere"] if one["elsewhere"] else []
    fix = one["fixes"]["nearest"] or one["fixed_in"] or "none known"
    return {**one, "component": one["name"], "fixed_in": fix, "note": "; ".join(notes)}


def show_ways(answer: dict[str, Any]) -> None:
    """Print each component, how many paths lead to it, and the shortest of them."""
    if not answer["items"]:
        show_line("No SBOM that was looked at contains it.")
    for index, way in enumerate(answer["items"]):
        if index:
            show_line("")
        show_line(_way(way))
        for path in way["paths"]:
            show_line("  " + " > ".join(f"{step['name']} {step['version']}".strip() for step in path))
    if answer["next"]:
        show_line("There are more components, see --limit.")
    if answer["cut"]:
        show_line("The question is too broad to be answered in full; ask for a longer name.")


def counted(count: int, noun: str, nouns: str = "") -> str:
    """Write a number of things."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def _way(way: dict[str, Any]) -> str:
    component = f"{way['component']['name']} {way['component']['version']}".strip()
    place = " ".join(filter(None, (way["stream"], way["release"] and f"release {way['release']}")))
    return f"{component} in {place} (SBOM {way['sbom']}): {_relation(way)}"


def _relation(way: dict[str, Any]) -> str:
    total = way["total"]
    ways = ("at least " if total["at_least"] else "") + counted(total["count"], "path")
    if way["relation"] == "unknown":
        return f"the SBOM does not connect it with the product; {ways}" if way["paths"] else "the SBOM does not say"
    entries = f" through {counted(way['entries'], 'direct dependency', 'direct dependencies')}"
    return f"{way['relation']}, {ways}{entries if total['count'] > 1 else ''}"

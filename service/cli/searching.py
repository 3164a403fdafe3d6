"""``muster who-uses``: the question a CERT asks first, answered for people or as JSON."""

from typing import Annotated, Any

import typer

from service.cli.client import Client
from service.cli.instants import brief, instant, written
from service.cli.showing import JsonFlag, show_json, show_line, show_table
from service.settings import Settings

commands = typer.Typer()

_PAGE = 500
_ONE_AT_A_TIME = 1

#: What the reasons of `cannot_tell` mean.
REASONS = {
    "no_sbom": "no SBOM was ever sent",
    "stale": "its newest SBOM is old",
    "no_version": "the component has no version",
    "own_versions": "the component carries the code under version numbers of its own",
}


@commands.command("who-uses")
def who_uses(
    words: Annotated[list[str], typer.Argument(help="liblzma 5.6, liblzma '>=5.6.0,<5.6.2', a purl, a CPE or a hash")],
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="what was in the field then")] = None,
    version_range: Annotated[str | None, typer.Option("--range", metavar="RANGE", help=">=5.6.0,<5.6.2")] = None,
    limit: Annotated[int, typer.Option(min=1, help="places to list at most")] = 10_000,
    *,
    ever: Annotated[bool, typer.Option("--ever", help="also where it was in the past")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="only packages of exactly this name")] = False,
    purl: Annotated[bool, typer.Option("--purl", help="the words are one package URL")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say which products use something, who owns them, and what cannot be told."""
    params: dict[str, Any] = {
        "purl" if purl else "q": ("" if purl else " ").join(words),
        "range": version_range,
        "ever": ever or None,
        "exact": exact or None,
        "as_of": written(instant(as_of)) if as_of else None,
    }
    answer = search(Client(Settings()), params, limit=limit)
    if as_json:
        show_json(answer)
    else:
        show_answer(answer, ever=ever)


def search(client: Client, params: dict[str, Any], *, limit: int) -> dict[str, Any]:
    """Ask, and follow `next` until *limit* places are there; what only the first page says is kept."""
    answer: dict[str, Any] = client.get("/v1/search", **params, limit=min(limit, _PAGE))
    while answer["next"] is not None and len(answer["items"]) < limit:
        wanted = min(limit - len(answer["items"]), _PAGE)
        page = client.get("/v1/search", **params, limit=wanted, after=answer["next"])
        answer["items"] += page["items"]
        answer["next"] = page["next"]
    return answer


def show_answer(answer: dict[str, Any], *, ever: bool) -> None:
    """Print who uses it, then what cannot be told, then what only looks like it."""
    items = answer["items"]
    if items:
        show_table((_row(item) for item in items), _COLUMNS)
        more = "; there are more, see --limit" if answer["next"] else ""
        show_line(
            f"{_counted(len(items), 'place')} in {_counted(len({one['product'] for one in items}), 'product')}{more}"
        )
    else:
        show_line(
            "Nobody is known to have used it." if ever else "Nobody is known to use it now; --ever asks about the past."
        )
    if answer.get("cut"):
        show_line("The question is too broad to be answered in full; ask for a longer name.")
    _show_doubts(answer)


_COLUMNS = ("product", "stream", "component", "owner", "since", "until", "why")


def _row(item: dict[str, Any]) -> dict[str, Any]:
    until = brief(item["last_seen_at"])
    return {
        "product": item["product"],
        "stream": _place(item),
        "component": _component(item["component"]),
        "owner": item["owner"]["team"],
        "since": brief(item["first_seen_at"]),
        "until": until or ("still" if item["in_field"] else "still, not in the field"),
        "why": "; ".join(reason["detail"] or reason["rule"] for reason in item["matched_by"]),
    }


def _place(item: dict[str, Any]) -> str:
    return " ".join(filter(None, (item["stream"], item["release"])))


def _component(component: dict[str, Any] | None) -> str:
    return f"{component['name']} {component['version']}".strip() if component else ""


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == _ONE_AT_A_TIME else f"{count} {noun}s"


def _show_doubts(answer: dict[str, Any]) -> None:
    doubtful = answer["cannot_tell"]
    if doubtful:
        show_line("")
        show_line(f"Cannot tell ({len(doubtful)}):")
        show_table(
            (
                {
                    "product": one["product"],
                    "stream": _place(one),
                    "component": _component(one["component"]),
                    "owner": one["owner"]["team"],
                    "reason": REASONS.get(one["reason"], one["reason"]),
                }
                for one in doubtful
            ),
            ("product", "stream", "component", "owner", "reason"),
        )
    excluded = answer.get("excluded", [])
    if excluded:
        show_line("")
        show_line(f"Not meant, although they look like it ({len(excluded)}):")
        rows = ({"component": _component(one["component"]), "reason": one["reason"]} for one in excluded)
        show_table(rows, ("component", "reason"))

"""How far an own advisory reaches, printed for people; lists are short here, and whole with ``--json``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.cli.instants import brief
from service.cli.showing import show_line, show_table

_MOST = 20
_LOOKS = {True: "looks affected", False: "looks clear", None: "cannot tell"}

Answer = Mapping[str, Any]


def show_reach(answer: Answer) -> None:
    """Print what is odd about a record, whom it hits and hit, and what it nearly names."""
    _show_remarks(answer["remarks"])
    _show_opens(answer)
    _section(
        "Hit now", answer["product_count"], answer["products"], _hit, ("product", "owner", "streams", "components")
    )
    _section(
        "Hit earlier", answer["earlier_count"], answer["earlier"], _earlier, ("product", "owner", "since", "until")
    )
    near = ("component", "products", "looks", "why")
    _section("Nearly named, and not matched", answer["near_miss_count"], answer["near_misses"], _near, near)
    unknown = ("product", "owner", "component", "why")
    _section("Cannot tell", answer["cannot_tell_count"], answer["cannot_tell"], _unknown, unknown)


def show_differences(answer: Answer) -> None:
    """Print what an amendment or a withdrawal has changed."""
    for name, words in (("newly_affected", "Newly affected"), ("no_longer_affected", "No longer affected")):
        change = answer[name]
        if change is not None and change["component_count"]:
            counts = f"{change['component_count']} components, in {change['product_count']} products in the field"
            show_line(f"{words}: {counts}: {_names(change['components'])}")


def _show_remarks(remarks: list[Answer]) -> None:
    for one in remarks:
        suggestion = f" Write: {one['suggestion']}" if one["suggestion"] else ""
        show_line(f"Note on {one['where']}: {one['message']}{suggestion}")


def _show_opens(answer: Answer) -> None:
    opens = answer["would_open"] or answer["opened"]
    verb = "Would open" if answer["would_open"] else "Opened"
    if opens and any(opens.values()):
        again = f", {opens['reopened']} exposures anew" if opens["reopened"] else ""
        show_line(f"{verb} {opens['incidents']} incidents, {opens['exposures']} exposures{again}.")


def _section(
    title: str, count: int, rows: list[Answer], row: Callable[[Answer], Answer], columns: Sequence[str]
) -> None:
    if not count:
        return
    show_line("")
    show_line(f"{title} ({count}):")
    show_table((row(one) for one in rows[:_MOST]), columns)
    if count > _MOST:
        show_line(f"and {count - _MOST} others; --json lists more")


def _hit(one: Answer) -> dict[str, Any]:
    possible = " (possible)" if one["certainty"] == "possible" else ""
    return {
        "product": one["product"],
        "owner": one["owner"]["team"],
        "streams": [*one["streams"], *one["releases"]],
        "components": _names(one["components"]) + possible,
    }


def _earlier(one: Answer) -> dict[str, Any]:
    since, until = brief(one["first_seen_at"]), brief(one["last_seen_at"])
    return {"product": one["product"], "owner": one["owner"]["team"], "since": since, "until": until}


def _near(one: Answer) -> dict[str, Any]:
    return {
        "component": f"{one['name']} {one['version']}".strip(),
        "products": one["product_count"],
        "looks": _LOOKS[one["looks_affected"]],
        "why": one["sentence"],
    }


def _unknown(one: Answer) -> dict[str, Any]:
    component = one["component"]
    return {
        "product": " ".join(filter(None, (one["product"], one["stream"], one["release"]))),
        "owner": one["owner"]["team"],
        "component": f"{component['name']} {component['version']}".strip() if component else "",
        "why": one["sentence"],
    }


def _names(components: list[Answer]) -> str:
    return ", ".join(f"{one['name']} {one['version']}".strip() for one in components)

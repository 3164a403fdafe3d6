"""How the story looks on a terminal: scenes, calls with their time, tables."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

T = TypeVar("T")

#: Columns that are never broken.
_WHOLE = frozenset({"product", "owner", "status", "answer in", "fix in", "when", "what", "exposure"})
_STYLES = {"open": "red", "acknowledged": "yellow", "in_progress": "blue", "resolved": "green"}


class Teller:
    """Prints the story."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def scene(self, moment: datetime, title: str) -> None:
        """Open a scene."""
        self._console.print()
        heading = Text.assemble((f"{moment:%d %B %Y, %H:%M} UTC", "bold cyan"), "  ", (title, "bold"))
        self._console.rule(heading, align="left", style="cyan")

    def say(self, text: str) -> None:
        """Say something."""
        self._console.print(Text(text, style="dim"), soft_wrap=False)

    def timed(self, command: str, act: Callable[[], T], outcome: Callable[[T], str]) -> T:
        """Do something that anybody could do with *command*, and print how long it really took."""
        began = time.perf_counter()
        result = act()
        took = time.perf_counter() - began
        line = Text.assemble(("$ ", "green"), (command, "bold"))
        self._console.print(line)
        self._console.print(Text.assemble("  ", outcome(result), ("  " + _span(took), "dim cyan")))
        return result

    def table(self, rows: Iterable[Mapping[str, Any]], *columns: str) -> None:
        """Print rows; statuses have their colours."""
        table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
        for name in columns:
            table.add_column(name, no_wrap=name in _WHOLE, overflow="fold")
        for row in rows:
            table.add_row(*(Text(str(row[column]), style=_style(column, row)) for column in columns))
        self._console.print(_indented(table))

    def waiting(self, text: str) -> Any:  # noqa: ANN401 - rich's own context manager
        """Show that something takes a moment."""
        return self._console.status(text)

    def line(self, label: str, value: str) -> None:
        """Print something to copy, whole on one line."""
        self._console.print(Text.assemble((f"{label:<10}", "bold"), value), soft_wrap=True)


def _indented(table: Table) -> Table:
    outer = Table.grid(padding=(0, 0, 0, 2))
    outer.add_row("", table)
    return outer


def _style(column: str, row: Mapping[str, Any]) -> str:
    if column in {"status", "now"}:
        return _STYLES.get(str(row[column]).split(",")[0], "")
    return "bold" if column == "product" else ""


def _span(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def left(due: str | None, now: datetime) -> str:
    """Say how much time is left until an instant of the API."""
    if due is None:
        return "–"  # noqa: RUF001 - an en dash stands for nothing
    # To the next full minute: the clocks started when the story said so, a few milliseconds ago.
    minutes_left = -((now - datetime.fromisoformat(due)) // timedelta(minutes=1))
    if minutes_left < 0:
        return f"overdue by {left(now.isoformat(), datetime.fromisoformat(due))}"
    hours, minutes = divmod(minutes_left, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:>2} h" if days else f"{hours} h {minutes:>2} min"

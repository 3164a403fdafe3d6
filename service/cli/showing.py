"""What commands print: tables for people, JSON as the API answered for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNBOUNDED = 100_000

JsonFlag = Annotated[bool, typer.Option("--json", help="print JSON as the API answers it")]


def show_json(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def show_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as a table with these of their fields."""
    table = Table(*(column.replace("_", " ") for column in columns), box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    # Lines that a program reads, or somebody greps, must not be folded to the width of a terminal that is not there.
    Console(width=None if sys.stdout.isatty() else _UNBOUNDED).print(table)


def say(message: str) -> None:
    """Tell people something, beside the output."""
    sys.stderr.write(message + "\n")


def show_line(text: str) -> None:
    """Print a line for people."""
    sys.stdout.write(clean(text) + "\n")


def clean(text: str) -> str:
    """Make a text safe to print: whoever sent an SBOM chose some of them, and the terminal obeys control characters."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list):
        return clean(", ".join(str(item) for item in value))
    return clean(str(value))

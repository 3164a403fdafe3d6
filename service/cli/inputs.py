"""A file named on the command line, or standard input where it is called ``-``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from service.errors import Unreadable

# Typer's own `exists` with `allow_dash` looks for a file called "-" when the type is a Path.
InputFile = Annotated[Path, typer.Argument(metavar="FILE", help="- is standard input")]


def read_input(file: Path) -> bytes:
    """Read all of it.

    Raises:
        Unreadable: It cannot be read, or is empty.
    """
    name = "standard input" if str(file) == "-" else str(file)
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror}.") from error
    if not data:
        raise Unreadable(f"{name} is empty.")
    return data

"""All commands in one place, and what their errors mean to the shell."""

from collections.abc import Sequence

import typer
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError

from service.cli import (
    advisories,
    audit,
    explaining,
    exporting,
    importing,
    incidents,
    keys,
    namespaces,
    ownership,
    products,
    searching,
    serving,
    structure,
    teams,
    uploading,
    vex,
    webhooks,
)
from service.cli.demo import commands as demo
from service.cli.parts import Parts
from service.cli.showing import say
from service.errors import Busy, ServiceError, UpstreamUnavailable

BAD_INPUT, UNREACHABLE = 2, 3

app = typer.Typer(name="muster", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.add_typer(serving.commands)
app.add_typer(demo)
app.add_typer(keys.commands, name="keys")
app.add_typer(audit.commands, name="audit")
app.add_typer(teams.commands, name="teams")
app.add_typer(products.commands, name="products")
app.add_typer(ownership.commands, name="ownership")
app.add_typer(namespaces.commands, name="namespaces")
app.add_typer(webhooks.commands, name="webhooks")
app.add_typer(uploading.commands)
app.add_typer(importing.commands)
app.add_typer(searching.commands)
app.add_typer(structure.commands)
app.add_typer(explaining.commands)
app.add_typer(exporting.commands, name="export")
app.add_typer(advisories.commands, name="advisories")
app.add_typer(incidents.commands, name="incidents")
app.add_typer(vex.commands, name="vex")


@app.callback()
def muster() -> None:
    """Who uses it, who owns it, is it really fixed."""


def run(parts: Parts, arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name (None: the process's own), and leave with its exit code."""
    try:
        app(arguments, obj=parts)
    except (UpstreamUnavailable, Busy) as error:
        _leave(error.detail, UNREACHABLE)
    except ServiceError as error:
        _leave(error.detail, BAD_INPUT)
    except (OperationalError, InterfaceError) as error:
        _leave(f"The database cannot be reached: {str(error.orig).strip()}", UNREACHABLE)
    except ValidationError as error:
        faults = (f"MUSTER_{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        _leave("\n".join(faults), BAD_INPUT)


def _leave(message: str, code: int) -> None:
    say(message)
    raise SystemExit(code)

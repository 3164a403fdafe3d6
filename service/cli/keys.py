"""``muster keys``: on the database itself, so that the first key needs no key."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from service.access import audit
from service.access.keys import create_key, list_keys, revoke_key
from service.access.models import ApiKey
from service.access.roles import BINDABLE, CONSOLE, Role
from service.access.teams import get_team, team_names
from service.cli.beside import at_database
from service.cli.showing import JsonFlag, say, show_json, show_table
from service.clock import utc_now
from service.db import ReadSession, reading, writing
from service.errors import Refused
from service.inventory.bindings import bind_key, bound_slugs
from service.inventory.products import ensure_product
from service.settings import Settings

commands = typer.Typer(help="API keys, on the database itself", no_args_is_help=True)


@commands.command()
def create(
    name: str,
    role: Annotated[Role, typer.Option(help="what it may do")],
    team: Annotated[str | None, typer.Option(help="whose exposures it acts on; needed for the role owner")] = None,
    product: Annotated[list[str] | None, typer.Option(help="bind it to this product; repeatable")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="how long it lives")] = 365,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Make a key and print it, alone, this once."""
    if product and role not in BINDABLE:
        raise Refused("Only a key with the role uploader or integration can be bound to products.")
    now = utc_now()
    with at_database(Settings()) as (engine, _), writing(engine) as session:
        team_id = get_team(session, team).id if team else None
        new = create_key(session, name, role, team_id=team_id, now=now, life=timedelta(days=days))
        bind_key(session, new.key.id, [ensure_product(session, slug, now=now).id for slug in product or ()])
        audit.record(session, CONSOLE, "key.create", new.key.public_id, {"name": name, "role": role}, now=now)
        shown = _shapes(session, [new.key])[0] | {"key": new.token}
    if as_json:
        show_json(shown)
    else:
        typer.echo(new.token)


@commands.command("list")
def index(*, as_json: JsonFlag = False) -> None:
    """List all keys, revoked and expired ones included."""
    with at_database(Settings()) as (engine, _), reading(engine) as session:
        rows = _shapes(session, list_keys(session, limit=100_000))
    if as_json:
        show_json({"items": rows, "next": None})
    else:
        show_table(rows, ("id", "name", "role", "team", "products", "expires_at", "last_used_at", "revoked_at"))


@commands.command()
def revoke(key: Annotated[str, typer.Argument(help="its id, as `keys list` shows it")]) -> None:
    """Revoke a key, from now on."""
    now = utc_now()
    with at_database(Settings()) as (engine, _), writing(engine) as session:
        revoke_key(session, key, now=now)
        audit.record(session, CONSOLE, "key.revoke", key, now=now)
    say(f"{key} is revoked.")


def _shapes(session: ReadSession, keys: list[ApiKey]) -> list[dict[str, Any]]:
    teams = team_names(session, [key.team_id for key in keys if key.team_id])
    products = bound_slugs(session, [key.id for key in keys])
    kept = ("name", "role", "created_at", "expires_at", "last_used_at", "revoked_at")
    return [
        {"id": key.public_id, "team": teams.get(key.team_id or 0), "products": products.get(key.id, [])}
        | {name: getattr(key, name) for name in kept}
        for key in keys
    ]

"""``muster products``: owners, tiers and tags, one by one or in bulk."""

import csv
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.addresses import product_path, segment
from service.cli.client import Client
from service.cli.showing import JsonFlag, say, show_json, show_table
from service.errors import NotFound, Unreadable
from service.inventory.products import DEFAULT_STREAM
from service.settings import Settings

commands = typer.Typer(help="products", no_args_is_help=True)

#: Columns of the file for `import`; all but the first may be missing, an empty cell leaves the field as it is.
#: `owner` may also be called `team`, as the API does.
COLUMNS = ("slug", "title", "owner", "team", "tier", "kind", "exposed", "tags")
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class Tier(StrEnum):
    """How much a product matters."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    MISSION_CRITICAL = "mission-critical"


class Kind(StrEnum):
    """Who makes it."""

    OWN = "own"
    VENDOR = "vendor"


@commands.command("list")
def index(*, archived: bool = False, as_json: JsonFlag = False) -> None:
    """List products."""
    rows = list(Client(Settings()).items("/v1/products", archived=archived, limit=500))
    if as_json:
        show_json({"items": rows, "next": None})
    else:
        show_table(rows, ("slug", "title", "team", "tier", "kind", "exposed", "tags"))


@commands.command("set")
def put(
    slug: str,
    owner: Annotated[str | None, typer.Option(help="the team that owns it")] = None,
    tier: Annotated[Tier | None, typer.Option(help="how much it matters")] = None,
    kind: Annotated[Kind | None, typer.Option(help="own, or a vendor's")] = None,
    title: Annotated[str | None, typer.Option(help="its name for people")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="repeatable; replaces the tags it has")] = None,
    built_on: Annotated[
        str | None, typer.Option(help="base image as PRODUCT or PRODUCT:STREAM; '' for none", metavar="BASE")
    ] = None,
    *,
    exposed: Annotated[bool | None, typer.Option(help="reachable from the internet")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say who owns a product and how much it matters; makes it if it is new, and leaves what is not said."""
    said = {"team": owner, "tier": tier, "kind": kind, "title": title, "tags": tag, "exposed": exposed}
    fields: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    if built_on is not None:
        fields["built_on"] = read_base(built_on)
    product = _set(Client(Settings()), slug, fields)
    if as_json:
        show_json(product)
    else:
        say(f"{slug} is set.")


def read_base(text: str) -> dict[str, str] | None:
    """Read `PRODUCT` or `PRODUCT:STREAM`; '' is none. Slugs have no colon, streams may."""
    product, _, stream = text.partition(":")
    return {"product": product, "stream": stream or DEFAULT_STREAM} if product else None


@commands.command()
def archive(slug: str, reason: Annotated[str, typer.Option(help="why it is no longer in use")]) -> None:
    """Take a product and its streams out of use."""
    Client(Settings()).call("POST", f"{product_path(slug)}:archive", json={"reason": reason})
    say(f"{slug} is archived.")


@commands.command("retire-stream")
def retire_stream(product: str, stream: str, reason: Annotated[str, typer.Option(help="why it is not built")]) -> None:
    """Take one stream out of the field; its exposures end as retired."""
    path = f"{product_path(product)}/streams/{segment(stream)}"
    Client(Settings()).call("POST", f"{path}:retire", json={"reason": reason})
    say(f"{stream} of {product} is retired.")


@commands.command("import")
def import_file(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], *, dry_run: bool = False) -> None:
    """Set owners, tiers and tags of many products from a CSV file with a head line.

    Columns: slug, title, owner or team, tier, kind, exposed (yes or no), tags (separated by spaces). The whole file is
    read before the first product is set.
    """
    rows = read_rows(file)
    client = Client(Settings())
    for slug, fields in rows:
        if dry_run:
            say(f"{slug}: {fields}")
        else:
            _set(client, slug, fields)
    say(f"{len(rows)} products {'would be set' if dry_run else 'are set'}.")


def read_rows(file: Path) -> list[tuple[str, dict[str, Any]]]:
    """Read a file for `import` into (slug, fields).

    Raises:
        Unreadable: Names every faulty line.
    """
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        unknown = set(reader.fieldnames or ()) - set(COLUMNS)
        if unknown or "slug" not in (reader.fieldnames or ()):
            raise Unreadable(f"{file}: the head line takes {', '.join(COLUMNS)}; the first is needed.")
        rows, faults = [], []
        for row in reader:
            try:
                rows.append(_fields(row))
            except ValueError as error:
                faults.append(f"line {reader.line_num}: {error}")
    if faults:
        raise Unreadable(f"{file}: " + "; ".join(faults))
    return rows


def _fields(row: dict[str, str | None]) -> tuple[str, dict[str, Any]]:
    cells = {name: (value or "").strip() for name, value in row.items() if name in COLUMNS}
    slug = cells.pop("slug")
    if not slug:
        raise ValueError("no slug")
    fields: dict[str, Any] = {name: value for name, value in cells.items() if value}
    if "owner" in fields:
        fields["team"] = fields.pop("owner")
    if "tier" in fields:
        fields["tier"] = Tier(fields["tier"].lower())
    if "kind" in fields:
        fields["kind"] = Kind(fields["kind"].lower())
    if "tags" in fields:
        fields["tags"] = fields["tags"].split()
    if "exposed" in fields:
        exposed = _YES_NO.get(fields["exposed"].lower())
        if exposed is None:
            raise ValueError(f"exposed is yes or no, not {fields['exposed']!r}")
        fields["exposed"] = exposed
    return slug, fields


def _set(client: Client, slug: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Change a product, or make it; what is not among *fields* stays as it is."""
    path = product_path(slug)
    try:
        etag = client.call("GET", path).headers["ETag"]
    except NotFound:
        made: dict[str, Any] = client.call("PUT", path, json=fields).json()
        return made
    changed: dict[str, Any] = client.call("PATCH", path, json=fields, headers={"If-Match": etag}).json()
    return changed

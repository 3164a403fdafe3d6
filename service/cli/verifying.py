"""``muster advisories verify``: a second opinion on a sample of what is in use, from OSV's API."""

import random
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from service.advisories.osv_api_client import open_osv_api
from service.cli.beside import at_database
from service.cli.showing import JsonFlag, clean, say, show_json, show_line, show_table
from service.db import reading
from service.errors import Refused
from service.flows.disagreements import EXPLANATIONS, Disagreement
from service.flows.verifying import Sampled, Sampling, Verified, by_ecosystem, choose, verify
from service.log import configure
from service.settings import Settings

DISAGREED = 1


def verify_command(
    sample: Annotated[int, typer.Option(min=1, max=100_000, help="packages to ask about")] = 200,
    ecosystem: Annotated[list[str] | None, typer.Option(help="repeatable [default: all]")] = None,
    product: Annotated[str | None, typer.Option(help="only what this product uses")] = None,
    seed: Annotated[int | None, typer.Option(help="chooses the sample; the same one again [default: another]")] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="ask without asking you first")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list what would be sent, and send nothing")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Compare our answers with those of OSV's API, for a sample of packages in use. This tells OSV what you use.

    Works on the database itself. Exit code 1: some disagreement has no explanation.
    """
    settings = Settings()
    if settings.osv_api_url is None and not dry_run:
        raise Refused("MUSTER_OSV_API_URL is not set; asking tells OSV what you use, so it is off by default.")
    configure(json=settings.log_json, level="ERROR")
    # Not for secrets: any number that can be given again will do.
    sampling = Sampling(sample, seed if seed is not None else random.randrange(10**6), tuple(ecosystem or ()), product)  # noqa: S311
    with at_database(settings) as (engine, _):
        with reading(engine) as session:
            chosen = choose(session, sampling)
        if dry_run:
            _show_chosen(chosen, as_json=as_json)
            return
        url = settings.osv_api_url or ""
        _announce(chosen, url, sampling.seed)
        _consent(yes=yes)
        with open_osv_api(url) as api:
            verified = verify(engine, api, chosen)
    if as_json:
        show_json(_values(verified, sampling.seed))
    else:
        _show(verified)
    if verified.unexplained:
        raise typer.Exit(DISAGREED)


def _announce(chosen: Sequence[Sampled], url: str, seed: int) -> None:
    counts = ", ".join(f"{count} of {clean(name)}" for name, count in by_ecosystem(chosen).items())
    say(f"Ecosystem, name and version of {len(chosen)} packages in use go to {_host(url)}: {counts or 'none'}.")
    say(f"Nothing else is sent, and nothing of internal names. --dry-run lists them; --seed {seed} is this sample.")


def _host(url: str) -> str:
    return clean(url.partition("://")[2].partition("/")[0].rpartition("@")[2])


def _consent(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("Say --yes to send this; nobody is here to be asked.")
    typer.confirm("Send it?", abort=True, err=True)


def _show_chosen(chosen: Sequence[Sampled], *, as_json: bool) -> None:
    rows = [one.package._asdict() for one in chosen]
    if as_json:
        show_json({"items": rows, "next": None})
    elif rows:
        show_table(rows, ("ecosystem", "name", "version"))
    else:
        show_line("There is nothing to ask about.")


def _show(verified: Verified) -> None:
    alone = len(verified.disagreements)
    show_line(f"{verified.packages} packages: {verified.agreed} matches agree, {alone} do not.")
    for package, why in verified.refused:
        show_line(f"OSV does not take {' '.join(package)}: {why}")
    if not alone:
        return
    show_table((_row(one) for one in verified.disagreements), ("package", "advisory", "only", "because", "explanation"))
    for name in sorted({one.explanation for one in verified.disagreements} - {""}):
        show_line(f"{name}: {EXPLANATIONS[name]}.")
    if verified.unexplained:
        show_line(f"{verified.unexplained} have no explanation.")


def _row(one: Disagreement) -> dict[str, Any]:
    values = one._asdict() | {"package": " ".join(one.package), "explanation": one.explanation or "none"}
    return {name: clean(value) for name, value in values.items()}


def _values(verified: Verified, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "packages": verified.packages,
        "agreed": verified.agreed,
        "unexplained": verified.unexplained,
        "disagreements": [
            one._asdict() | {"package": one.package._asdict(), "explanation": one.explanation or None}
            for one in verified.disagreements
        ],
        "refused": [{"package": package._asdict(), "why": why} for package, why in verified.refused],
    }

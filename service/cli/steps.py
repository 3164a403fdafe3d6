"""``muster incidents ack`` and the other steps: what people do with exposures, one by one or a whole incident's.

Each exposure is its own request with the version that was read: what somebody changed meanwhile is reported, never
overwritten.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from service.cli.client import Client
from service.cli.instants import end_of_day, written
from service.cli.showing import JsonFlag, say, show_json, show_line
from service.errors import NotFound, Refused
from service.settings import Settings

Target = Annotated[str, typer.Argument(help="INC-7 for its exposures, or EXP-41")]
ProductOption = Annotated[str | None, typer.Option(help="only this product's exposure")]
ReasonOption = Annotated[str, typer.Option(help="why")]

_EXPOSURE = re.compile(r"EXP-\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """What is sent for each exposure; `status` is where it leads, if it is a step to a status.

    `on_proposals`: only exposures with a proposal are meant.
    """

    method: str
    path: str
    body: dict[str, Any]
    said: str
    status: str | None = None
    on_proposals: bool = False


def add_to(commands: typer.Typer) -> None:
    """Register the steps among the commands of ``muster incidents``."""
    commands.command("ack")(acknowledge)
    commands.command("start")(start)
    commands.command("claim-fixed")(claim_fixed)
    commands.command("accept")(accept)
    commands.command("not-affected")(not_affected)
    commands.command("override-resolved")(override_resolved)
    commands.command("approve")(approve)
    commands.command("decline")(decline)
    commands.command("reopen")(reopen)
    commands.command("assign")(assign)
    commands.command("comment")(comment)


def is_exposure(target: str) -> bool:
    """Tell `EXP-41` from `INC-7`."""
    return _EXPOSURE.fullmatch(target) is not None


def acknowledge(
    target: Target, product: ProductOption = None, reason: ReasonOption = "", *, as_json: JsonFlag = False
) -> None:
    """Say that its owner has seen it."""
    act(target, product, _transition("acknowledged", reason), as_json=as_json)


def start(
    target: Target,
    reason: Annotated[str, typer.Option(help="what will be done, in words")] = "",
    plan: Annotated[str | None, typer.Option(help="update, rollback, workaround or removal")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="DATE", help="the day by which it is done; needed with --plan")
    ] = None,
    product: ProductOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Say that work on it has begun, and what will be done."""
    call = _transition("in_progress", reason, plan=plan, planned_for=by)
    act(target, product, call, as_json=as_json)


def claim_fixed(
    target: Target, product: ProductOption = None, reason: ReasonOption = "", *, as_json: JsonFlag = False
) -> None:
    """Claim that it is fixed; the next SBOM proves it or does not."""
    act(target, product, _transition("fix_claimed", reason), as_json=as_json)


def accept(
    target: Target,
    reason: ReasonOption,
    until: Annotated[str, typer.Option(metavar="DATE", help="the last day on which the risk is accepted")],
    product: ProductOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Accept the risk until a day."""
    call = _transition("risk_accepted", reason, expires_at=written(end_of_day(until)))
    act(target, product, call, as_json=as_json)


def not_affected(
    target: Target,
    reason: ReasonOption,
    justification: Annotated[str, typer.Option(help="one of CycloneDX's, such as code_not_reachable")],
    versions: Annotated[str | None, typer.Option(help="only for these: '>=4.17.0,<4.17.21', or vers")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="the last day on which that holds")] = None,
    product: ProductOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Propose that it does not matter here, and why; another person approves."""
    expires_at = written(end_of_day(until)) if until else None
    justification = justification.replace("-", "_")
    call = _transition("not_affected", reason, justification=justification, versions=versions, expires_at=expires_at)
    act(target, product, call, as_json=as_json)


def override_resolved(
    target: Target,
    reason: ReasonOption,
    evidence: Annotated[str, typer.Option(help="what shows it: a commit, a build, an address")],
    product: ProductOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Propose, as the CERT, that it is resolved although no SBOM proves it; another person of the CERT approves."""
    call = _transition("resolved", reason)
    call.body["evidence"] = {"seen": evidence}
    act(target, product, call, as_json=as_json)


def approve(target: Target, product: ProductOption = None, *, as_json: JsonFlag = False) -> None:
    """Approve what somebody else proposed about it."""
    act(target, product, Call("POST", ":approve", {}, "approved", on_proposals=True), as_json=as_json)


def decline(target: Target, reason: ReasonOption, product: ProductOption = None, *, as_json: JsonFlag = False) -> None:
    """Turn down what was proposed about it, or take back what one has proposed."""
    call = Call("POST", ":decline", {"reason": reason}, "declined", on_proposals=True)
    act(target, product, call, as_json=as_json)


def reopen(target: Target, reason: ReasonOption, product: ProductOption = None, *, as_json: JsonFlag = False) -> None:
    """Take back what was decided about it."""
    act(target, product, _transition("open", reason), as_json=as_json)


def assign(
    target: Target,
    team: Annotated[str, typer.Option(help="who owns it from now on")],
    reason: ReasonOption = "",
    product: ProductOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Give it to another team."""
    call = Call("PUT", "owner", {"team": team, "reason": reason}, f"assigned to {team}")
    act(target, product, call, as_json=as_json)


def comment(
    target: Target,
    text: Annotated[list[str], typer.Argument(help="what there is to say")],
    product: ProductOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Add a sentence to its timeline."""
    act(target, product, Call("POST", "comments", {"text": " ".join(text)}, "commented"), as_json=as_json)


def _transition(status: str, reason: str, **more: str | None) -> Call:
    body = {"to": status, "reason": reason} | {name: value for name, value in more.items() if value is not None}
    return Call("POST", "transitions", body, status.replace("_", " "), status)


def act(target: str, product: str | None, call: Call, *, as_json: bool) -> None:
    """Send a call for every exposure that it may fit, and say what became of each.

    Raises:
        Refused: Not one exposure took it, or one was refused for another reason than where it stands.
    """
    client = Client(Settings())
    exposures = [one for one in _exposures(client, target, product) if _fits(one, call, by_name=is_exposure(target))]
    if not exposures:
        raise Refused(f"{target} has no exposure that is still to be {call.said}.")
    taken, refused = [], []
    for exposure in exposures:
        try:
            taken.append(_send(client, exposure, call))
        except Refused as problem:
            refused.append(_Refusal(exposure, problem))
    _show(taken, refused, call, as_json=as_json)
    if not taken or not all(refusal.stands_elsewhere for refusal in refused):
        raise Refused(f"{len(refused)} of {len(exposures)} exposures were refused.")


@dataclass(frozen=True)
class _Refusal:
    exposure: dict[str, Any]
    problem: Refused

    @property
    def stands_elsewhere(self) -> bool:
        """Tell whether the step did not fit, which of a whole incident's exposures is to be expected."""
        kind = self.as_values().get("type")
        return isinstance(kind, str) and kind.endswith("/step-refused")

    def as_values(self) -> dict[str, Any]:
        problem = self.problem.members.get("problem")
        return problem if isinstance(problem, dict) else {"detail": self.problem.detail}


def _exposures(client: Client, target: str, product: str | None) -> Iterator[dict[str, Any]]:
    """Give the exposures that are meant.

    Raises:
        NotFound: There are none.
    """
    if is_exposure(target):
        found = [client.get(f"/v1/exposures/{target}")]
    else:
        found = list(client.items(f"/v1/incidents/{target}/exposures", limit=500))
    meant = [one for one in found if product is None or one["product"] == product]
    if not meant:
        raise NotFound(f"{target} has no exposure{f' of {product}' if product else ''}.")
    yield from meant


def _fits(exposure: dict[str, Any], call: Call, *, by_name: bool) -> bool:
    """Leave out what has ended or stands there already, unless it was named; the service judges what is left."""
    if call.on_proposals and not by_name:
        return exposure["proposal"] is not None
    if call.status == "open" and not by_name:
        return exposure["status"] in ("not_affected", "risk_accepted")
    return by_name or (exposure["ended_at"] is None and exposure["status"] not in {call.status, "merged"})


def _send(client: Client, exposure: dict[str, Any], call: Call) -> dict[str, Any]:
    path = f"/v1/exposures/{exposure['id']}{'' if call.path.startswith(':') else '/'}{call.path}"
    answer: dict[str, Any] = client.call(
        call.method, path, json=call.body or None, headers={"If-Match": f'"{exposure["version"]}"'}
    ).json()
    return answer


def _show(taken: list[dict[str, Any]], refused: list[_Refusal], call: Call, *, as_json: bool) -> None:
    if as_json:
        problems = [refusal.as_values() | {"exposure": refusal.exposure["id"]} for refusal in refused]
        show_json({"items": taken, "next": None, "refused": problems})
        return
    for exposure in taken:
        show_line(f"{exposure['id']} {exposure['product']}: {_became(exposure, call)}")
    for refusal in refused:
        say(f"{refusal.exposure['id']} {refusal.exposure['product']}: {refusal.problem.detail}")


def _became(exposure: dict[str, Any], call: Call) -> str:
    """Say what became of it; what takes two people waits for the second."""
    if call.status in (None, exposure["status"]):
        return call.said
    return f"proposed; another person approves with `muster incidents approve {exposure['id']}`"

"""``muster demo``: the story, then the service that it happened on."""

from contextlib import suppress
from datetime import datetime
from threading import Event
from typing import Annotated, Any

import typer
from rich.console import Console

from service.access.keys import NewKey
from service.access.roles import Role
from service.access.teams import get_team
from service.cli.client import Client
from service.cli.demo.house import House, house
from service.cli.demo.story import ECOSYSTEMS, PRODUCTS, TEAMS, Cast, at, sbom, write_feed
from service.cli.demo.telling import Teller, left
from service.cli.parts import parts
from service.cli.serving import end_on_sigterm
from service.db import reading
from service.flows.applying import apply_feed
from service.log import configure
from service.settings import Settings

commands = typer.Typer()


@commands.command()
def demo(
    context: typer.Context,
    *,
    leave: Annotated[bool, typer.Option("--exit", help="end after the story instead of serving it")] = False,
) -> None:
    """Tell the story of xz, end to end, on a fresh database of its own; then serve it."""
    configure(level="ERROR")
    end_on_sigterm()
    console = Console()
    teller = Teller(console)
    waiting = teller.waiting("Starting a PostgreSQL of our own ...")
    waiting.start()
    try:
        with house(Settings(), parts(context), start=at(28, 7, 45)) as scene:
            waiting.stop()
            admin = scene.key("admin of the demo", Role.ADMIN)
            _Story(scene, teller, admin).tell()
            if not leave:
                _serve(scene, teller, admin)
    finally:
        waiting.stop()


def _serve(scene: House, teller: Teller, admin: NewKey) -> None:
    url = scene.settings.url
    teller.scene(scene.clock(), "now look around")
    teller.line("pages", scene.address_with_ticket(admin))
    teller.line("", "(opens once, within the hour; later sign in with the key)")
    teller.line("key", admin.token)
    teller.line("search", f"curl -H 'Authorization: Bearer {admin.token}' '{url}/v1/search?q=liblzma+5.6'")
    teller.line("upload", f"curl -H 'Authorization: Bearer {admin.token}' --data-binary @sbom.json "
                f"{url}/v1/products/my-app/sboms")  # fmt: skip
    teller.line("end", "Ctrl-C; the next demo starts anew")
    with suppress(KeyboardInterrupt):
        Event().wait()


class _Story:
    """The acts, in order. Everything goes through the service's own doors, as anybody's calls would."""

    def __init__(self, scene: House, teller: Teller, admin: NewKey) -> None:
        self.scene, self.teller = scene, teller
        self.admin = scene.client(admin)
        self.builds = scene.client(scene.key("build system", Role.UPLOADER))

    def tell(self) -> None:
        """Tell the whole story."""
        self._set_the_stage()
        self._builds_send_their_sboms()
        self._somebody_asks()
        incident = self._the_advisory_comes()
        self._the_owner_acts(incident)
        self._a_fix_is_proved()
        self._half_an_sbom_proves_nothing()
        self._what_stands_in_the_end(incident)

    def _set_the_stage(self) -> None:
        for team in TEAMS:
            self.admin.call("PUT", f"/v1/teams/{team}", json={"email": f"{team}@example.org"})
        for one in PRODUCTS:
            self.admin.call("PUT", f"/v1/products/{one.slug}", json={"team": one.team, **one.fields})

    def _scene(self, moment: datetime, title: str) -> None:
        self.scene.clock.move_to(moment)
        self.teller.scene(moment, title)

    # --- 28 March ----------------------------------------------------------------------------------------------------

    def _builds_send_their_sboms(self) -> None:
        self._scene(at(28, 8, 0), "builds send their SBOMs; nobody knows anything yet")
        for one in PRODUCTS:
            if one.file is not None:
                self._first_upload(one, one.file)

    def _first_upload(self, one: Cast, file: str) -> None:
        self.scene.clock.move_to(one.at)
        self.teller.timed(
            f"muster upload {file} --product {one.slug}",
            lambda: _upload(self.builds, one.slug, file),
            lambda answer: f"{answer['components']['total']} components, {one.what}; {_affected(answer)}",
        )

    def _somebody_asks(self) -> None:
        self._scene(at(28, 16, 20), "a rumour: something is odd about liblzma 5.6")
        answer = self.teller.timed(
            "muster who-uses liblzma 5.6",
            lambda: self.admin.get("/v1/search", q="liblzma 5.6"),
            lambda found: f"{len(found['items'])} uses, before any advisory exists",
        )
        self.teller.table(
            (
                {
                    "product": item["product"],
                    "component": f"{item['component']['name']} {item['component']['version']}",
                    "owner": item["owner"]["team"],
                    "through": " > ".join(item["path"]),
                }
                for item in answer["items"]
            ),
            "product",
            "component",
            "owner",
            "through",
        )
        for one in answer["cannot_tell"]:
            named = f" ({one['component']['name']})" if one["component"] else ""
            self.teller.say(f"  cannot tell: {one['product']}{named}, {one['reason'].replace('_', ' ')}; "
                            f"ask {one['owner']['team']}")  # fmt: skip
        for one in answer["excluded"]:
            self.teller.say(f"  looks like it and is not: {one['component']['name']} {one['component']['version']}")

    # --- 29 March ----------------------------------------------------------------------------------------------------

    def _the_advisory_comes(self) -> str:
        self._scene(at(29, 18, 45), "CVE-2024-3094 is published")
        feed = self.scene.folder / "feed"
        count = write_feed(feed)
        self.teller.timed(
            f"muster advisories sync --from {feed.name}",
            lambda: apply_feed(self.scene.engine, feed.as_uri(), ECOSYSTEMS, now=self.scene.clock()),
            lambda _: f"{count} records of {', '.join(ECOSYSTEMS)}, matched against everything at once",
        )
        incident = self.admin.get("/v1/incidents")["items"][0]
        name = str(incident["id"])
        exposures = self._exposures(name)
        self.teller.say(f"  ONE incident, {name}, {incident['severity']}: {incident['title']}.")
        self.teller.say(f"  {len(exposures)} exposed products, each with an owner and two clocks:")
        self._table_of(exposures)
        self.teller.say("  build-runner is not among them: no feed speaks for Fedora. Asking by name did.")
        return name

    def _the_owner_acts(self, incident: str) -> None:
        self._scene(at(29, 18, 57), "the owner of payments-api has seen it")
        with reading(self.scene.engine) as session:
            team_id = get_team(session, "payments").id
        owner = self.scene.client(self.scene.key("Ada of payments", Role.OWNER, team_id=team_id))
        exposure = next(one for one in self._exposures(incident) if one["product"] == "payments-api")
        for minute, command, step in (
            (57, "ack", {"to": "acknowledged"}),
            (59, "start", {"to": "in_progress", "reason": "rebuild on 5.6.1+really5.4.5-1, rotate host keys"}),
        ):
            self.scene.clock.move_to(at(29, 18, minute))
            self.teller.timed(
                f"muster incidents {command} {incident} --product payments-api",
                lambda step=step: _take(owner, exposure["id"], step),  # type: ignore[misc]
                lambda taken: f"{taken['id']} is {taken['status'].replace('_', ' ')}",
            )

    def _a_fix_is_proved(self) -> None:
        self._scene(at(29, 20, 21), "a new build of payments-api arrives: nobody has to close anything")
        answer = self.teller.timed(
            "muster upload payments-api.fixed.cdx.json --product payments-api",
            lambda: _upload(self.builds, "payments-api", "payments-api.fixed.cdx.json"),
            lambda sent: f"+{sent['components']['added']} -{sent['components']['removed']} components",
        )
        for one in answer["resolved"]:
            self.teller.say(f"  {one['exposure']} resolved: {one['reason']} (evidence: SBOM {answer['sbom']['id']})")

    def _half_an_sbom_proves_nothing(self) -> None:
        self._scene(at(29, 21, 6), "edge-firmware sends an SBOM with most of it missing")
        answer = self.teller.timed(
            "muster upload edge-firmware.half.spdx.json --product edge-firmware",
            lambda: _upload(self.builds, "edge-firmware", "edge-firmware.half.spdx.json"),
            lambda sent: f"{sent['components']['total']} components, {sent['components']['removed']} gone",
        )
        for one in answer["held"]:
            self.teller.say(f"  {one['exposure']} stays open: {one['reason']}")

    def _what_stands_in_the_end(self, incident: str) -> None:
        self._scene(at(29, 21, 15), f"{incident}, as it stands")
        self._table_of(self._exposures(incident))
        self.teller.say("\n  and how it came to that:")
        self.teller.table(
            (
                {
                    "when": step["at"][5:16].replace("T", " "),
                    "who": step["actor"],
                    "what": step["step"].replace("_", " "),
                    "exposure": step["exposure"] or "",
                    "because": step["reason"],
                }
                for step in self.admin.items(f"/v1/incidents/{incident}/timeline")
            ),
            "when",
            "who",
            "what",
            "exposure",
            "because",
        )

    # --- calls -------------------------------------------------------------------------------------------------------

    def _exposures(self, incident: str) -> list[dict[str, Any]]:
        return list(self.admin.items(f"/v1/incidents/{incident}/exposures"))

    def _table_of(self, exposures: list[dict[str, Any]]) -> None:
        now = self.scene.clock()
        self.teller.table(
            (
                {
                    "product": one["product"],
                    "owner": one["owner"]["team"],
                    "status": one["status"] + (", held" if one["hold_reason"] else ""),
                    "answer in": left(one["acknowledge_due_at"], now) if one["status"] == "open" else "",
                    "fix in": "" if one["ended_at"] else left(one["remediate_due_at"], now),
                    "fixed by": ", ".join(
                        sorted({fix for use in one["occurrences"] if (fix := use["fixes"]["nearest"])})
                    ),
                }
                for one in exposures
            ),
            "product",
            "owner",
            "status",
            "answer in",
            "fix in",
            "fixed by",
        )


def _upload(client: Client, product: str, file: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.call("POST", f"/v1/products/{product}/sboms", content=sbom(file)).json()
    return answer


def _take(client: Client, exposure: str, step: dict[str, str]) -> dict[str, Any]:
    etag = client.call("GET", f"/v1/exposures/{exposure}").headers["ETag"]
    path = f"/v1/exposures/{exposure}/transitions"
    taken: dict[str, Any] = client.call("POST", path, json=step, headers={"If-Match": etag}).json()
    return taken


def _affected(answer: dict[str, Any]) -> str:
    return f"{len(answer['findings'])} findings" if answer["findings"] else "nothing known"

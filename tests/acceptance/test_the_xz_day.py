"""The xz day, minute by minute, over the public API: from "who uses it" before any advisory to the report.

The clock is moved by hand. Mail goes to a mail server on loopback, tickets to a server that behaves like GitHub, the
CVE comes from a feed on loopback. ``pytest -s`` prints the transcript.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from incident_room import Room, instant, links_in, serving_app
from mail_sink import mail_sink
from osv_bucket import serve_bucket
from pydantic import SecretStr
from sboms import make_sbom
from sqlalchemy import Engine, select
from stopped_clock import StoppedClock
from ticket_servers import serving_tracker
from trackers import GitHubServer

from service.access.models import Team
from service.access.roles import Role
from service.cli.demo.story import PRODUCTS, TEAMS, sbom, write_feed
from service.db import reading
from service.log import configure
from service.main import create_app
from service.settings import Settings

#: The mail to oss-security was sent at 15:51; the CVE was reserved at 15:38 and published at 16:51 UTC.
MORNING, ALARM = datetime(2024, 3, 28, 8, tzinfo=UTC), datetime(2024, 3, 29, 15, 51, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TITLE = "Backdoor in xz 5.6.0 and 5.6.1"
CLEAN = "pkg:deb/debian/liblzma5@5.4.5-0.3?arch=amd64&distro=debian-13&upstream=xz-utils"
CARELESS = "pkg:deb/debian/liblzma5@5.6.1-1?arch=amd64&distro=debian-13&upstream=xz-utils"


@pytest.fixture
def day(fresh_engine: Engine, tmp_path: Path) -> Iterator["Day"]:
    configure(level="CRITICAL")
    clock, bucket_folder = StoppedClock(MORNING), tmp_path / "feed"
    bucket_folder.mkdir()
    with mail_sink() as sink, serve_bucket(bucket_folder) as bucket:
        settings = Settings(
            secret_key=SecretStr("a secret of the tests"),
            public_url="https://muster.example",
            osv_url=bucket.url,
            osv_ecosystems="used",
            kev_url="none",
            epss_url="none",
            smtp_url=SecretStr(sink.url),
            webhook_allow_private=True,
        )
        app = create_app(settings, engine=fresh_engine, clock=clock)
        github = GitHubServer(clock)
        with serving_app(app) as url, serving_tracker(github):
            room = Room(fresh_engine, settings, clock, url, sink)
            yield Day(room, bucket_folder, github)
            room.close()


def test_the_xz_day(day: "Day") -> None:
    started = time.perf_counter()
    try:
        day.play()
    finally:
        print("\n" + "\n".join(day.room.transcript))
    print(f"{len(day.room.transcript)} lines in {time.perf_counter() - started:.1f} s")


class Day:
    """The day, told in the order in which it happened."""

    def __init__(self, room: Room, feed: Path, github: GitHubServer) -> None:
        self.room, self.feed, self.github = room, feed, github
        self.admin = room.client("admin", Role.ADMIN)
        self.cert = room.client("Ada of the CERT", Role.CERT)
        self.deputy = room.client("Grace of the CERT", Role.CERT)
        self.incident = ""

    def play(self) -> None:
        self.before()
        self.who_uses_it()
        self.dry_run()
        self.declare()
        self.broadcast()
        self.board()
        self.silence()
        self.question()
        self.cve()
        self.narrow()
        self.clean_sbom()
        self.handover()
        self.containment()
        self.all_clear()
        self.report()

    # --- helpers -----------------------------------------------------------------------------------------------------

    def exposures(self) -> dict[str, dict[str, Any]]:
        items = self.cert.http.get(f"/v1/incidents/{self.incident}/exposures", params={"limit": 500}).json()["items"]
        return {one["product"]: one for one in items}

    def board_now(self) -> dict[str, Any]:
        board: dict[str, Any] = self.cert.call("GET", f"/v1/incidents/{self.incident}/situation")
        counts = {name: board[name] for name in ("affected", "suspected", "cannot_tell", "clear")}
        self.cert.tell(f"{counts}, acknowledged {board['acknowledged_percent']} %, silent {board['oldest_silence']}")
        return board

    def steps(self) -> list[dict[str, Any]]:
        answer = self.cert.http.get(f"/v1/incidents/{self.incident}/timeline", params={"limit": 500})
        steps: list[dict[str, Any]] = answer.json()["items"]
        return steps

    def changes(self, after: str | None = None) -> tuple[list[dict[str, Any]], str]:
        params = {"limit": 500} | ({"after": after} if after else {})
        answer = self.cert.http.get("/v1/changes", params=params).json()
        return answer["items"], answer["next"]

    # --- the day -----------------------------------------------------------------------------------------------------

    def before(self) -> None:
        """Teams, products and their SBOMs are there, as on any other day."""
        for team in TEAMS:
            reach = {"email": f"{team}@acme.example", "on_call": f"{team}-on-call@acme.example"}
            self.admin.http.put(f"/v1/teams/{team}", json={**reach, "manager": f"{team}-manager@acme.example"})
        self.admin.http.put("/v1/teams/cert-triage", json={"email": "cert@acme.example"})
        for cast in PRODUCTS:
            said = {"title": cast.what, "team": cast.team, **cast.fields}
            assert self.admin.http.put(f"/v1/products/{cast.slug}", json=said).is_success
            if cast.file:
                self.room.clock.now = cast.at
                answer = self.admin.http.post(f"/v1/products/{cast.slug}/sboms", content=sbom(cast.file))
                assert answer.status_code == 201, answer.text
        github = {"kind": "github", "url": self.github.url, "place": "acme/payments", "secret": "right"}
        assert self.admin.http.put("/v1/ticket-systems/github", json=github).is_success
        self.room.began = ALARM
        self.room.move_to(timedelta())

    def who_uses_it(self) -> None:
        """T+0: product, release, owner, path, age of the SBOM, and what nobody can tell; under two seconds."""
        began = time.perf_counter()
        found = self.cert.call("GET", "/v1/search", name="liblzma", range=">=5.6.0,<5.6.2", ever=True)
        assert time.perf_counter() - began < 2
        uses = {one["product"]: one for one in found["items"]}
        unknown = sorted({(one["product"], one["reason"]) for one in found["cannot_tell"]})
        self.cert.tell(f"{sorted(uses)}; cannot tell: {unknown}")
        assert {"payments-api", "edge-firmware", "build-runner", "data-lab"} <= uses.keys()
        assert uses["payments-api"]["owner"]["team"] == "payments"
        assert uses["payments-api"]["path"]
        assert instant(uses["payments-api"]["first_seen_at"]) == datetime(2024, 3, 28, 8, 4, tzinfo=UTC)
        assert ("partner-app", "no_sbom") in unknown
        assert any("5.6.1+really5.4.5" in one["reason"] for one in found["excluded"])
        self.uses = set(uses)

    #: In haste, the CERT adds Debian's own numbers to upstream's, to be on the safe side.
    HASTY = (">=5.6.0,<5.6.2", "vers:deb/>=5.6.0|<5.6.2")

    def declaration(self, **said: object) -> dict[str, Any]:
        return {
            "title": TITLE,
            "class_": "malicious_code",
            "summary": "sshd may let strangers in; see the mail to oss-security",
            "names": ["liblzma"],
            "ranges": list(self.HASTY),
            **said,
        }

    def dry_run(self) -> None:
        """3 min: the same counts, the recipients, duplicates; and nothing is kept."""
        self.room.move_to(3 * MINUTE)
        self.dry = self.cert.call("POST", "/v1/incidents:declare", **self.declaration(dry_run=True))
        self.tell_declared(self.dry)
        assert self.dry["duplicates"] == []
        assert self.cert.http.get("/v1/incidents").json()["items"] == []

    def tell_declared(self, told: dict[str, Any]) -> None:
        names = {word: [one["product"] for one in told[word]] for word in ("affected", "suspected", "cannot_tell")}
        self.cert.tell(f"{names}; recipients {[one['team'] for one in told['recipients']]}")

    def declare(self) -> None:
        """4 min: exposures open as Act; a new upload is refused by its gate."""
        self.room.move_to(4 * MINUTE)
        told = self.cert.call("POST", "/v1/incidents:declare", expect=201, **self.declaration())
        self.incident = told["incident"]
        self.tell_declared(told)
        for part in ("affected_count", "suspected_count", "cannot_tell_count", "recipients", "near_misses"):
            assert told[part] == self.dry[part]
        affected = {one["product"] for one in told["affected"]}
        assert self.uses <= affected
        assert affected - self.uses == {"web-shop"}, "what the haste added"
        exposures = self.exposures()
        assert {one["priority"] for one in exposures.values()} == {"act"}
        assert {one["status"] for one in exposures.values()} == {"open"}
        opened = instant(exposures["payments-api"]["opened_at"])
        assert instant(exposures["payments-api"]["acknowledge_due_at"]) - opened == 15 * MINUTE

        self.room.work()
        build = self.admin.call(
            "POST",
            "/v1/products/nightly/sboms",
            expect=409,
            gate="high",
            on_fail="409",
            content=make_sbom(CARELESS, system=("debian", "13")),
        )
        assert build["verdict"] == "fail"
        self.cert.tell(f"a new build is blocked: {build['title']}")
        assert self.exposures()["nightly"]["status"] == "open"

    def broadcast(self) -> None:
        """5 min: three audiences, one mail a team; links that acknowledge with one click."""
        self.room.move_to(5 * MINUTE)
        message = "xz 5.6.0 and 5.6.1 carry a backdoor. Stop rollouts, go back to 5.4."
        dry = self.cert.call("POST", f"/v1/incidents/{self.incident}/broadcasts", message=message, dry_run=True)
        sent = self.cert.call("POST", f"/v1/incidents/{self.incident}/broadcasts", message=message, expect=201)
        assert sent["teams"] == dry["teams"]
        audiences = {one["team"]: one["audience"] for one in sent["teams"]}
        self.cert.tell(f"{audiences}")
        assert {audiences[team] for team in ("payments", "devices", "platform")} == {"act"}
        assert set(audiences.values()) <= {"act", "confirm", "clear"}
        shares = {one["team"]: one["products"] for one in sent["teams"]}
        assert "partner-app" in shares["web"]["confirm"]
        self.room.move_to(6 * MINUTE, "tickets")
        told, _ = self.changes()
        per_team = [one for one in told if one["type"] == "incident.broadcast"]
        assert {one["data"]["team"] for one in per_team} == set(audiences)
        assert all("/acknowledge/" not in str(one) for one in per_team)
        for team in ("payments", "devices", "platform"):
            assert any(message in mail and links_in(mail) for mail in self.room.mails_to(f"{team}@acme.example"))
        self.cert.tell(f"{len(self.room.sink.mails)} mails have left, each with a link for its team")

    def board(self) -> None:
        """10 min: two teams acknowledge, one by the link and one with its key; the board shows who is silent."""
        self.room.move_to(8 * MINUTE)
        link = links_in("".join(self.room.mails_to("payments@acme.example")))[0]
        with httpx.Client(base_url=self.room.url, follow_redirects=True) as browser:
            scanned = browser.get(link)
            assert "payments has seen this" in scanned.text
            assert self.exposures()["payments-api"]["status"] == "open", "a scanner's look changes nothing"
            clicked = browser.post(link)
            assert "has acknowledged this" in clicked.text
        self.room.say("payments: POST /acknowledge/… -> one click, no key")
        devices = self.owner("devices")
        devices.call("POST", f"/v1/incidents/{self.incident}/acknowledgements", reason="on it")
        self.room.move_to(10 * MINUTE)
        board = self.board_now()
        exposures = self.exposures()
        assert {exposures[one]["status"] for one in ("payments-api", "edge-firmware")} == {"acknowledged"}
        assert 0 < board["acknowledged_percent"] < 100
        assert instant(board["oldest_silence"]["since"]) == self.room.began + 4 * MINUTE
        heard = {one["team"]: one["heard_at"] for one in board["teams"]}
        assert heard["payments"]
        assert not heard["platform"]

    def owner(self, team: str) -> Any:  # noqa: ANN401 - a caller
        with reading(self.room.engine) as session:
            team_id = session.scalars(select(Team.id).where(Team.name == team)).one()
        return self.room.client(team, Role.OWNER, team_id=team_id)

    def silence(self) -> None:
        """20 min: on-call of those who are silent; 35 min: their manager. Those who have answered are left alone."""
        self.room.move_to(20 * MINUTE)
        on_call = [step for step in self.steps() if step["step"] == "escalated"]
        self.cert.tell(f"escalated: {sorted({(step['exposure'], step['reason']) for step in on_call})}")
        assert on_call
        self.room.move_to(21 * MINUTE)
        assert self.room.mails_to("platform-on-call@acme.example")
        assert not self.room.mails_to("payments-on-call@acme.example")
        assert not self.room.mails_to("platform-manager@acme.example")
        self.room.move_to(35 * MINUTE)
        self.room.move_to(36 * MINUTE)
        assert self.room.mails_to("platform-manager@acme.example")
        assert not self.room.mails_to("payments-manager@acme.example")
        self.cert.tell("platform's on-call was paged, then its manager; payments and devices were left alone")

    def question(self) -> None:
        """30 min and on: owners answer what nobody can tell; an answer is a draft that a second person agrees to."""
        web = self.owner("web")
        answered = web.call(
            "POST",
            f"/v1/incidents/{self.incident}/answers",
            product="partner-app",
            affected=False,
            sentence="The partner runs RHEL 9 with xz 5.2.5; see their letter of today",
        )
        assert answered["became"] == "answered"
        assert "partner-app" not in {one["product"] for one in self.board_now()["unknown"]}

    def cve(self) -> None:
        """75 min: the CVE comes by the feed; it joins the same incident, and nobody is alarmed a second time."""
        self.room.move_to(50 * MINUTE)
        self.cert.call(
            "PATCH",
            f"/v1/incidents/{self.incident}/declaration",
            reason="Red Hat has reserved a CVE",
            aliases=["CVE-2024-3094"],
        )
        _, cursor = self.changes()
        write_feed(self.feed)
        self.room.move_to(75 * MINUTE)
        self.admin.call("POST", "/v1/feeds:sync", expect=202)
        self.room.work()
        incidents = self.cert.http.get("/v1/incidents").json()["items"]
        assert [one["id"] for one in incidents] == [self.incident]
        (shown,) = incidents
        assert shown["vulnerability"] == "CVE-2024-3094"
        assert (shown["kind"], shown["title"], shown["priority"]) == (
            "declared",
            "Backdoor in xz 5.6.0 and 5.6.1",
            "act",
        )
        news, _ = self.changes(cursor)
        self.cert.tell(
            f"{shown['id']} is {shown['vulnerability']} now; changes since: {sorted({one['type'] for one in news})}"
        )
        assert not [one for one in news if one["type"] == "incident.opened"]

    def narrow(self) -> None:
        """2 h: the distributions' advisories name what is fixed; what is 5.4.5 inside is withdrawn, with the reason."""
        self.room.move_to(2 * HOUR)
        amended = self.cert.call(
            "PATCH",
            f"/v1/incidents/{self.incident}/declaration",
            reason="Debian's fix is numbered 5.6.1+really5.4.5",
            ranges=[">=5.6.0,<5.6.2"],
        )
        self.tell_declared(amended)
        shop = self.exposures()["web-shop"]
        assert (shop["status"], shop["presence"]) == ("withdrawn", "absent")
        last = [step for step in self.steps() if step["exposure"] == shop["id"]][-1]
        self.cert.tell(f"web-shop: {last['reason']}")
        assert "is 5.4.5" in last["reason"]
        assert not [one for one in amended["affected"] if one["product"] == "web-shop"]

    def clean_sbom(self) -> None:
        """3 h: the first clean SBOM resolves, verified; its ticket says so. A claim alone resolves nothing."""
        self.room.move_to(3 * HOUR)
        exposure = self.exposures()["payments-api"]
        payments = self.owner("payments")
        etag = {"If-Match": f'"{exposure["version"]}"'}
        claim = payments.call("POST", f"/v1/exposures/{exposure['id']}/transitions", headers=etag, to="fix_claimed")
        assert claim["status"] == "fix_claimed"
        answer = self.admin.call("POST", "/v1/products/payments-api/sboms", content=sbom("payments-api.fixed.cdx.json"))
        exposure = self.exposures()["payments-api"]
        assert exposure["status"] == "resolved"
        self.cert.tell(f"payments-api: SBOM {answer['sbom']['id']} resolves {exposure['id']}, verified")
        self.room.move_to(3 * HOUR + MINUTE, "tickets")
        self.room.move_to(3 * HOUR + 2 * MINUTE, "tickets")
        issues = self.github.issues
        mine = [issue for issue in issues.values() if exposure["id"] in issue.title + issue.body + str(issue.labels)]
        assert mine
        assert mine[0].comments or mine[0].state == "closed"
        self.cert.tell(f"its ticket: {mine[0].state}, {[comment.splitlines()[0] for comment in mine[0].comments][-1:]}")
        self.shift_cursor = self.changes()[1]

    def handover(self) -> None:
        """8 h: what has changed since the last shift."""
        self.room.move_to(7 * HOUR)
        fixed = make_sbom(CLEAN, system=("debian", "13"))
        self.admin.call("POST", "/v1/products/nightly/sboms", content=fixed)
        self.room.move_to(8 * HOUR)
        news, _ = self.changes(self.shift_cursor)
        mine = [one for one in news if one["incident"] == self.incident]
        self.cert.tell(f"since the last shift: {[(one['type'], one['exposure']) for one in mine]}")
        assert "exposure.resolved" in {one["type"] for one in mine}

    def containment(self) -> None:
        """24 h: nothing is unacknowledged, or the exceptions have names."""
        self.room.move_to(DAY)
        board = self.board_now()
        silent = {one["team"] for one in board["teams"] if one["silent_since"]}
        self.cert.tell(f"the exceptions: {sorted(silent)}")
        assert silent
        for team in sorted(silent):
            self.cert.call("POST", f"/v1/incidents/{self.incident}/acknowledgements", team=team, reason="by phone")
        board = self.board_now()
        assert board["acknowledged_percent"] == 100.0
        assert board["oldest_silence"] is None

    def all_clear(self) -> None:
        """D3: refused with the list; with a reason, and a second person, it is given. A regression opens it again."""
        self.room.move_to(3 * DAY)
        close = f"/v1/incidents/{self.incident}:all-clear"
        refused = self.cert.call("POST", close, expect=409)
        left = {(one["product"], one["reason"]) for one in refused["obstacles"]}
        self.cert.tell(f"refused: {sorted(left)}")
        assert ("edge-firmware", "affected") in left
        assert "payments-api" not in {product for product, _ in left}
        proposed = self.cert.call("POST", close, expect=202, override=True, reason="Cut off the network until rebuilt")
        assert not proposed["closed"]
        assert self.cert.call("POST", close, expect=409, override=True, reason="Now")["type"].endswith("needs-another")
        closed = self.deputy.call("POST", close, override=True, reason="Seen on site")
        assert closed["incident"]["status"] == "closed"

    def report(self) -> None:
        """D5: the report in three formats; what was ever in use since the backdoor came, for forensics."""
        self.room.move_to(5 * DAY)
        path = f"/v1/incidents/{self.incident}/report"
        since = "2024-02-24T00:00:00Z"
        told = self.cert.call("GET", path, format="json", since=since)
        again = self.deputy.call("GET", path, format="json", since=since)
        assert again == told, "the same state, the same report"
        markdown = self.cert.call("GET", path, format="md", since=since)
        page = self.cert.call("GET", path, format="html", since=since)
        assert told["digest"] in page
        assert markdown.startswith("# INC-")
        for word in ("Timeline", "Clocks", "Who was told", "Exposures", "Ever in the field", "Closed in spite of"):
            assert f"## {word}" in markdown
            assert f"<h2>{word}</h2>" in page
        ever = {one["product"] for one in told["ever_in_use"]}
        assert {"payments-api", "edge-firmware", "build-runner", "nightly"} <= ever, (
            "what is fixed was in use all the same"
        )
        assert "legacy-portal" not in ever
        proved = {one["product"]: one["proof"] for one in told["exposures"]}
        assert proved["payments-api"]["sha256"]
        clocks = told["numbers"]["clocks_held"], told["numbers"]["clocks_breached"]
        self.cert.tell(f"held {clocks[0]}, breached {clocks[1]}; forensics for {sorted(ever)}")
        assert clocks[0]["acknowledge"]
        assert clocks[1]["acknowledge"]
        acts = self.admin.http.get("/v1/audit", params={"limit": 500}).json()["items"]
        assert [act for act in acts if act["action"] == "report.export"]

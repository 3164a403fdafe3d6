"""Declared incidents over HTTP: declare, broadcast, acknowledge, answer, close."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sboms import Part, listed, make_sbom
from sqlalchemy import Engine, select
from stopped_clock import StoppedClock

from service.access.models import Audit, Team
from service.changes.models import Change
from service.db import reading
from service.incidents.acknowledging import LINK_LIFE, acknowledge_path

BAD = "pkg:deb/debian/liblzma5@5.6.1-1?arch=amd64&distro=debian-13&upstream=xz-utils"
GOOD = "pkg:deb/debian/liblzma5@5.4.5-1?arch=amd64&distro=debian-13&upstream=xz-utils"
XZ: dict[str, Any] = {
    "title": "Backdoor in xz",
    "class": "malicious_code",
    "names": ["liblzma"],
    "ranges": [">=5.6.0,<5.6.2"],
}

Fleet = Callable[..., None]


@pytest.fixture
def cert(client_as: Callable[..., TestClient]) -> TestClient:
    return client_as("cert")


@pytest.fixture
def fleet(admin: TestClient) -> Fleet:
    """Give products to teams: `fleet(shop=("payments", BAD))`; None is a product without an SBOM."""

    def make(**products: tuple[str, str | Part | None]) -> None:
        for team in {team for team, _ in products.values()}:
            admin.put(f"/v1/teams/{team}", json={"email": f"{team}@example.org"})
        for product, (team, component) in products.items():
            admin.put(f"/v1/products/{product}", json={"title": product, "team": team})
            if component is not None:
                admin.post(f"/v1/products/{product}/sboms", content=make_sbom(component))

    return make


def declare(cert: TestClient, **said: object) -> dict[str, Any]:
    answer = cert.post("/v1/incidents:declare", json={**XZ, **said})
    assert answer.status_code in (200, 201), answer.text
    values: dict[str, Any] = answer.json()
    return values


def team_id(engine: Engine, name: str) -> int:
    with reading(engine) as session:
        return session.scalars(select(Team.id).where(Team.name == name)).one()


def test_who_declares_is_told_whom_it_concerns(cert: TestClient, fleet: Fleet) -> None:
    fleet(
        shop=("payments", BAD),
        firmware=("edge", listed(name="liblzma.so.5")),
        silent=("edge", None),
        fine=("payments", GOOD),
    )

    dry = declare(cert, dry_run=True)
    again = cert.get("/v1/incidents").json()["items"]
    real = cert.post("/v1/incidents:declare", json=XZ)

    assert again == []
    assert real.status_code == 201
    told = real.json()
    assert [one["product"] for one in told["affected"]] == ["shop"]
    assert [one["product"] for one in told["suspected"]] == ["firmware"]
    assert [(one["product"], one["owner"]["team"], one["reason"]) for one in told["cannot_tell"]] == [
        ("silent", "edge", "no_sbom")
    ]
    assert told["recipients"] == [
        {"team": "edge", "reachable": True, "act": 0, "confirm": 1, "cannot_tell": 1},
        {"team": "payments", "reachable": True, "act": 1, "confirm": 0, "cannot_tell": 0},
    ]
    same = ("affected_count", "suspected_count", "cannot_tell_count", "recipients", "near_misses", "cannot_tell")
    assert {name: dry[name] for name in same} == {name: told[name] for name in same}
    assert cert.post("/v1/incidents:declare", json=XZ).status_code == 200
    shown = cert.get(f"/v1/incidents/{told['incident']}").json()
    assert (shown["kind"], shown["priority"], shown["title"]) == ("declared", "act", "Backdoor in xz")


def test_only_the_cert_declares_broadcasts_and_closes(client_as: Callable[..., TestClient], cert: TestClient) -> None:
    incident = declare(cert)["incident"]
    for role in ("uploader", "reader", "integration"):
        other = client_as(role)
        assert other.post("/v1/incidents:declare", json=XZ).status_code == 403
        assert other.post(f"/v1/incidents/{incident}/broadcasts", json={"message": "x"}).status_code == 403
        assert other.post(f"/v1/incidents/{incident}:close", json={}).status_code == 403
        assert other.patch(f"/v1/incidents/{incident}/declaration", json={"reason": "x"}).status_code == 403


def test_what_is_no_declaration_is_a_problem(cert: TestClient) -> None:
    for body, status, kind in (
        ({"title": "x"}, 422, "nothing-declared"),
        ({**XZ, "ranges": ["five"]}, 422, "bad-version-range"),
        ({**XZ, "families": ["nothing-of-the-kind"]}, 422, "unreadable"),
        ({**XZ, "class": "worse"}, 422, None),
        ({**XZ, "names": ["x"] * 501}, 422, None),
    ):
        answer = cert.post("/v1/incidents:declare", json=body)
        assert answer.status_code == status
        assert kind is None or answer.json()["type"].endswith(kind)
    assert cert.patch("/v1/incidents/INC-999/declaration", json={"reason": "x"}).status_code == 404


def test_every_team_is_told_once_by_what_is_asked_of_it(cert: TestClient, fleet: Fleet, own_engine: Engine) -> None:
    fleet(
        shop=("payments", BAD),
        firmware=("edge", listed(name="liblzma.so.5")),
        silent=("edge", None),
        fine=("web", GOOD),
    )
    incident = declare(cert)["incident"]

    dry = cert.post(f"/v1/incidents/{incident}/broadcasts", json={"message": "Look now", "dry_run": True})
    sent = cert.post(
        f"/v1/incidents/{incident}/broadcasts", json={"message": "Look now"}, headers={"Idempotency-Key": "1"}
    )
    again = cert.post(
        f"/v1/incidents/{incident}/broadcasts", json={"message": "Look now"}, headers={"Idempotency-Key": "1"}
    )

    assert (dry.status_code, dry.json()["id"]) == (200, None)
    assert sent.status_code == 201
    assert sent.json()["teams"] == dry.json()["teams"] == again.json()["teams"]
    assert [(one["team"], one["audience"], one["products"]) for one in sent.json()["teams"]] == [
        ("payments", "act", {"act": ["shop"], "confirm": [], "clear": 0}),
        ("edge", "confirm", {"act": [], "confirm": ["firmware", "silent"], "clear": 0}),
        ("web", "clear", {"act": [], "confirm": [], "clear": 1}),
    ]
    with reading(own_engine) as session:
        changes = session.scalars(select(Change).where(Change.type == "incident.broadcast").order_by(Change.id)).all()
        assert [change.team for change in changes] == ["payments", "edge", "web"]
        assert changes[0].data["message"] == "Look now"
        assert "acknowledge/" not in str(changes[0].data)
    kept = cert.get(f"/v1/incidents/{incident}/broadcasts").json()["items"]
    assert len(kept) == 1
    assert {one["team"] for one in kept[0]["teams"]} == {"payments", "edge", "web"}


def test_under_embargo_those_who_are_clear_hear_nothing(cert: TestClient, fleet: Fleet) -> None:
    fleet(shop=("payments", BAD), fine=("web", GOOD))
    incident = declare(cert, restricted=True)["incident"]

    sent = cert.post(f"/v1/incidents/{incident}/broadcasts", json={"message": "Hush"}).json()

    assert [one["team"] for one in sent["teams"]] == ["payments"]


def test_an_embargoed_declaration_is_there_for_those_who_need_to_know(
    client_as: Callable[..., TestClient], cert: TestClient, fleet: Fleet
) -> None:
    fleet(shop=("payments", BAD))
    incident = declare(cert, restricted=True)["incident"]
    reader = client_as("reader")

    assert reader.get(f"/v1/incidents/{incident}").status_code == 404
    assert reader.get(f"/v1/incidents/{incident}/situation").status_code == 404
    assert reader.get(f"/v1/incidents/{incident}/broadcasts").status_code == 404
    assert reader.get("/v1/advisories").json()["items"] == []
    assert cert.get(f"/v1/incidents/{incident}/situation").status_code == 200


def test_one_click_acknowledges_for_the_team_and_looking_does_not(
    app: FastAPI, cert: TestClient, nobody: TestClient, fleet: Fleet, own_engine: Engine, clock: StoppedClock
) -> None:
    fleet(shop=("payments", BAD), till=("payments", BAD), other=("web", BAD))
    incident = declare(cert)["incident"]
    sent = cert.post(f"/v1/incidents/{incident}/broadcasts", json={"message": "Look <now>"}).json()
    until = clock.now + LINK_LIFE
    number = int(incident.removeprefix("INC-"))
    path = acknowledge_path(app.state.seals, number, team_id(own_engine, "payments"), sent["id"], until)

    page = nobody.get(path)
    statuses = [one["status"] for one in cert.get(f"/v1/incidents/{incident}/exposures").json()["items"]]
    assert page.status_code == 200
    assert "Look &lt;now&gt;" in page.text
    assert "shop, till" in page.text
    assert statuses == ["open"] * 3

    done = nobody.post(path, follow_redirects=True)
    again = nobody.post(path, follow_redirects=True)

    assert "has acknowledged this" in done.text
    assert "has acknowledged this" in again.text
    exposures = cert.get(f"/v1/incidents/{incident}/exposures").json()["items"]
    assert {one["product"]: one["status"] for one in exposures} == {
        "shop": "acknowledged",
        "till": "acknowledged",
        "other": "open",
    }
    with reading(own_engine) as session:
        acts = session.scalars(select(Audit).where(Audit.action == "incident.acknowledge").order_by(Audit.id)).all()
        assert [(act.actor, act.detail["count"]) for act in acts] == [
            ("link for payments", 2),
            ("link for payments", 0),
        ]
    assert nobody.post(path, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert cert.post(f"/v1/incidents/{incident}:restrict", json={"reason": "a vendor asks"}).is_success
    veiled = nobody.get(path).text  # whoever holds the mail need not be who may know
    assert incident in veiled
    assert [
        word for word in ("Look", "shop", cert.get(f"/v1/incidents/{incident}").json()["title"]) if word in veiled
    ] == []
    clock.advance(LINK_LIFE + timedelta(seconds=1))
    assert nobody.get(path).status_code == 404
    assert nobody.get("/acknowledge/nonsense").status_code == 404


def test_a_key_acknowledges_for_its_own_team(
    client_as: Callable[..., TestClient], cert: TestClient, fleet: Fleet, own_engine: Engine
) -> None:
    fleet(shop=("payments", BAD), other=("web", BAD))
    incident = declare(cert)["incident"]
    owner = client_as("owner", team_id=team_id(own_engine, "payments"))

    done = owner.post(f"/v1/incidents/{incident}/acknowledgements", json={})
    theirs = owner.post(f"/v1/incidents/{incident}/acknowledgements", json={"team": "web"})
    by_cert = cert.post(f"/v1/incidents/{incident}/acknowledgements", json={"team": "web", "reason": "on the phone"})

    assert (done.status_code, done.json()["team"], len(done.json()["now"])) == (200, "payments", 1)
    assert theirs.status_code == 403
    assert len(by_cert.json()["now"]) == 1
    situation = cert.get(f"/v1/incidents/{incident}/situation").json()
    assert situation["acknowledged_percent"] == 100.0
    assert situation["oldest_silence"] is None


def test_the_board_counts_each_product_once(cert: TestClient, fleet: Fleet, clock: StoppedClock) -> None:
    fleet(
        shop=("payments", BAD),
        till=("payments", BAD),
        firmware=("edge", listed(name="liblzma.so.5")),
        silent=("edge", None),
        fine=("web", GOOD),
    )
    opened_at = clock.now
    incident = declare(cert)["incident"]
    clock.advance(timedelta(minutes=5))
    cert.post(f"/v1/incidents/{incident}/acknowledgements", json={"team": "payments"})

    board = cert.get(f"/v1/incidents/{incident}/situation").json()

    counts = {name: board[name] for name in ("products", "affected", "suspected", "cannot_tell", "clear")}
    assert counts == {"products": 5, "affected": 2, "suspected": 1, "cannot_tell": 1, "clear": 1}
    assert board["acknowledged_percent"] == 66.7
    assert board["oldest_silence"]["team"] == "edge"
    assert board["oldest_silence"]["since"].startswith(opened_at.isoformat()[:19])
    assert [team["team"] for team in board["teams"]][:2] == ["payments", "edge"]


def test_owners_answer_what_nobody_can_tell(cert: TestClient, fleet: Fleet) -> None:
    fleet(firmware=("edge", listed(name="liblzma.so.5")), silent=("edge", None), lost=("edge", None))
    incident = declare(cert)["incident"]

    def answer(product: str, *, affected: bool) -> dict[str, Any]:
        said = {"product": product, "affected": affected, "sentence": "We link it by hand"}
        values: dict[str, Any] = cert.post(f"/v1/incidents/{incident}/answers", json=said).json()
        return values

    assert answer("firmware", affected=False)["became"] == "proposed"
    assert answer("silent", affected=False)["became"] == "answered"
    assert answer("lost", affected=True)["became"] == "answered"
    board = cert.get(f"/v1/incidents/{incident}/situation").json()
    assert [one["product"] for one in board["unknown"]] == ["lost"]
    assert (
        cert.post(
            f"/v1/incidents/{incident}/answers", json={"product": "none", "affected": True, "sentence": "x"}
        ).status_code
        == 404
    )


def test_the_all_clear_is_refused_with_the_list_and_given_by_two(
    client_as: Callable[..., TestClient], cert: TestClient, admin: TestClient, fleet: Fleet
) -> None:
    fleet(shop=("payments", BAD), firmware=("edge", listed(name="liblzma.so.5")), silent=("edge", None))
    incident = declare(cert)["incident"]
    close = f"/v1/incidents/{incident}:all-clear"

    refused = cert.post(close, json={})
    bare = cert.post(close, json={"override": True})
    proposed = cert.post(close, json={"override": True, "reason": "The plant is cut off"})
    alone = cert.post(close, json={"override": True, "reason": "Really"})

    assert refused.status_code == 409
    assert refused.json()["count"] == 3
    assert [(one["product"], one["reason"]) for one in refused.json()["obstacles"]] == [
        ("shop", "affected"),
        ("firmware", "unknown"),
        ("silent", "no_sbom"),
    ]
    assert bare.status_code == 422
    assert proposed.status_code == 202
    assert (alone.status_code, alone.json()["type"].rsplit("/", 1)[-1]) == (409, "needs-another")

    admin.post("/v1/products/later/sboms", content=make_sbom(BAD))
    second = client_as("cert")
    outdated = second.post(close, json={"override": True, "reason": "Agreed"})
    assert outdated.status_code == 202, "something came since: it is proposed anew"

    agreed = admin.post(close, json={"override": True, "reason": "Agreed"})
    assert (agreed.status_code, agreed.json()["closed"], agreed.json()["incident"]["status"]) == (200, True, "closed")
    assert admin.post(close, json={}).status_code == 409

    admin.post("/v1/products/newcomer/sboms", content=make_sbom(BAD))
    assert cert.get(f"/v1/incidents/{incident}").json()["status"] == "open"


def test_what_is_clear_is_closed_by_one_and_stays_so(cert: TestClient, admin: TestClient, fleet: Fleet) -> None:
    fleet(shop=("payments", BAD))
    incident = declare(cert)["incident"]
    admin.post("/v1/products/shop/sboms", content=make_sbom(GOOD))

    closed = cert.post(f"/v1/incidents/{incident}:close", json={})

    assert (closed.status_code, closed.json()["incident"]["status"]) == (200, "closed")
    admin.post("/v1/products/shop/sboms", content=make_sbom(GOOD, "pkg:npm/left-pad@1.0.0"))
    assert cert.get(f"/v1/incidents/{incident}").json()["status"] == "closed"
    admin.post("/v1/products/shop/sboms", content=make_sbom(BAD))
    assert cert.get(f"/v1/incidents/{incident}").json()["status"] == "open"


def test_scanners_are_told_of_declared_packages_that_no_sbom_lists(cert: TestClient) -> None:
    said = {"title": "Malware", "class": "malicious_code", "purls": ["pkg:npm/%40evil/pad", "pkg:pypi/wrong@1.2"]}
    advisory = cert.post("/v1/incidents:declare", json=said).json()["advisory"]

    def told(purl: str) -> list[str]:
        answer = cert.post("/osv/v1/query", json={"package": {"purl": purl}}).json()
        return [one["id"] for one in answer.get("vulns", [])]

    assert told("pkg:npm/%40evil/pad@7.0.0") == [advisory]
    assert told("pkg:pypi/wrong@1.2") == [advisory]
    assert told("pkg:pypi/wrong@1.3") == []


def report(client: TestClient, incident: str, form: str) -> Any:  # noqa: ANN401 - a response
    return client.get(f"/v1/incidents/{incident}/report", params={"format": form})


def test_a_report_says_it_all_and_says_the_same_again(
    cert: TestClient, admin: TestClient, fleet: Fleet, clock: StoppedClock
) -> None:
    fleet(shop=("payments", BAD), till=("payments", BAD))
    incident = declare(cert, summary="See the mail")["incident"]
    cert.post(f"/v1/incidents/{incident}/broadcasts", json={"message": "Look now"})
    cert.post(f"/v1/incidents/{incident}/acknowledgements", json={"team": "payments"})
    clock.advance(timedelta(hours=2))
    proof = admin.post("/v1/products/shop/sboms", content=make_sbom(GOOD)).json()["sbom"]

    first = report(cert, incident, "json")
    clock.advance(timedelta(days=40))
    again = report(cert, incident, "json")

    assert first.content == again.content
    assert first.headers["ETag"] == f'"{first.json()["digest"].removeprefix("sha256:")}"'
    told = first.json()
    by_product = {one["product"]: one for one in told["exposures"]}
    assert by_product["shop"]["proof"]["sha256"] == proof["sha256"]
    assert by_product["till"]["proof"] is None
    assert told["numbers"]["by_status"] == {"acknowledged": 1, "resolved": 1}
    assert told["numbers"]["median_minutes_to_resolve"] == 120.0
    assert {one["product"]: one["last_seen_at"] is None for one in told["ever_in_use"]} == {"shop": False, "till": True}
    assert told["declarations"][0]["families"] == ["xz"]
    assert told["broadcasts"][0]["teams"][0]["acknowledged_by"] == "the cert"
    steps = [one["step"] for one in told["timeline"]]
    assert {"declared", "opened", "announced", "acknowledged", "resolved"} <= set(steps)
    acts = admin.get("/v1/audit").json()["items"]
    assert sum(act["action"] == "report.export" for act in acts) == 2
    later = cert.get(f"/v1/incidents/{incident}/report", params={"since": "2026-03-02T00:00:00Z"}).json()
    assert [one["product"] for one in later["ever_in_use"]] == ["till"]


def test_nothing_in_a_report_can_break_out(cert: TestClient, fleet: Fleet) -> None:
    fleet(shop=("payments", BAD))
    title = "<script>alert(1)</script> | [x](javascript:alert(1)) \u202egnp.exe"
    incident = declare(cert, title=title)["incident"]
    cert.post(f"/v1/incidents/{incident}/broadcasts", json={"message": "a | b\n\n# no heading\n<img src=x>"})

    page, markdown = report(cert, incident, "html"), report(cert, incident, "md")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "\u202e" not in page.text + markdown.text
    assert "\n# no" not in markdown.text
    rows = [line for line in markdown.text.splitlines() if line.startswith("| ") and "announced" in line]
    assert len(re.split(r"(?<!\\)\|", rows[0])) == 7, "five cells, whatever is in them"
    assert "](javascript" not in markdown.text.replace("\\]", "")  # what stands there opens no link


def test_the_report_on_an_embargo_is_for_the_cert(
    client_as: Callable[..., TestClient], cert: TestClient, fleet: Fleet, own_engine: Engine
) -> None:
    fleet(shop=("payments", BAD))
    incident = declare(cert, restricted=True)["incident"]
    owner = client_as("owner", team_id=team_id(own_engine, "payments"))
    assert report(owner, incident, "md").status_code == 403
    assert report(client_as("reader"), incident, "md").status_code == 404
    assert report(cert, incident, "md").status_code == 200
    assert report(cert, incident, "pdf").status_code == 422

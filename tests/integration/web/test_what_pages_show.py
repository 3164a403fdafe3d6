"""What people read: the search, incidents and products, whoever chose the names."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from markupsafe import escape
from osv_bucket import make_record, write_ecosystem
from sqlalchemy import Engine
from stopped_clock import EVENING, StoppedClock

from service.access.keys import NewKey
from service.flows.applying import apply_feed
from service.flows.checking import check_next
from service.sbom.conformance import Conformance, Verdict

BAD = "pkg:deb/debian/liblzma5@5.6.1-1?distro=debian-13&upstream=xz-utils"
GOOD = "pkg:deb/debian/liblzma5@5.6.1%2Breally5.4.5-1?distro=debian-13&upstream=xz-utils"
HOSTILE = '<script>alert("1")</script>\u202e"\'>&'


@pytest.fixture
def admin(app: FastAPI, new_key: Callable[..., NewKey]) -> TestClient:
    key = new_key("admin")
    return TestClient(app, headers={"Authorization": f"Bearer {key.token}"})


def upload(admin: TestClient, product: str, *purls: str, name: str = "image") -> None:
    components = [
        {"type": "library", "bom-ref": purl, "name": purl.split("/")[-1].split("@")[0], "purl": purl,
         "version": purl.split("@")[1].split("?")[0].replace("%2B", "+")}
        for purl in purls
    ]  # fmt: skip
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "metadata": {"component": {"type": "container", "name": name, "bom-ref": "root"}},
        "components": components,
        "dependencies": [{"ref": "root", "dependsOn": list(purls)}],
    }
    answer = admin.post(f"/v1/products/{product}/sboms", content=json.dumps(document))
    assert answer.status_code == 201, answer.text


def publish(
    engine: Engine, folder: Path, title: str = "Backdoor in xz", packages: tuple[str, ...] = ("xz-utils",)
) -> None:
    records = [
        make_record(
            f"CVE-2024-{3094 + number}",
            f"Debian:13/{package}",
            "introduced 5.6.0-0",
            "fixed 5.6.1+really5.4.5-1",
            summary=title,
            severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"}],
        )
        for number, package in enumerate(packages)
    ]
    write_ecosystem(folder, "Debian", records)
    apply_feed(engine, folder.as_uri(), "all", now=EVENING)


def test_before_anything_is_here_the_pages_say_so(reader: TestClient) -> None:
    first = reader.get("/").text
    assert "Nothing is open" in first
    assert "nothing can be called clean" in first
    assert "No product yet" in reader.get("/products").text
    assert "as far as can be told" in reader.get("/search?q=liblzma").text


def test_a_search_shows_use_owner_reason_and_way(reader: TestClient, admin: TestClient) -> None:
    admin.put("/v1/teams/payments", json={"email": "payments@example.org"})
    admin.put("/v1/products/payments-api", json={"team": "payments"})
    upload(admin, "payments-api", BAD)
    page = reader.get("/search", params={"q": "liblzma 5.6"}).text
    assert "1 use in 1 product in the field" in page
    for word in ("payments-api", "5.6.1-1", "<b>payments</b>", 'datetime="2024-03-29T18:45:00Z"'):
        assert word in page


def test_what_was_there_is_found_with_ever_only(reader: TestClient, admin: TestClient, clock: StoppedClock) -> None:
    upload(admin, "shop", BAD)
    clock.advance(timedelta(hours=1))
    upload(admin, "shop", GOOD)
    now = reader.get("/search", params={"q": "liblzma 5.6"}).text
    assert "Nobody uses it now" in now
    assert "5.6.1+really5.4.5-1 is 5.4.5" in now
    ever = reader.get("/search", params={"q": "liblzma 5.6", "ever": "on"}).text
    assert 'datetime="2024-03-29T19:45:00Z"' in ever
    assert "checked" in ever


def test_what_cannot_be_told_is_listed_with_whom_to_ask(reader: TestClient, admin: TestClient) -> None:
    admin.put("/v1/products/partner-app", json={})
    page = reader.get("/search", params={"q": "liblzma"}).text
    assert "1 cannot be told" in page
    assert "no SBOM was ever uploaded" in page
    assert "ask cert-triage" in page


@pytest.mark.parametrize("question", ['"', "pkg:", "pkg:npm", "cpe:/", "a >=1,<", "x" * 400, "\u202e", "%00"])
def test_a_question_that_cannot_be_read_is_answered_on_the_page(reader: TestClient, question: str) -> None:
    answer = reader.get("/search", params={"q": question})
    assert answer.status_code in {200, 422}
    assert "Who uses" in answer.text


def test_a_long_answer_goes_on_where_it_stopped(reader: TestClient, admin: TestClient) -> None:
    for number in range(51):
        upload(admin, f"shop-{number:02}", BAD)
    page = reader.get("/search", params={"q": "liblzma 5.6"}).text
    assert "50 and more uses" in page
    following = page.split('" rel="next"')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    assert "shop-50" not in page
    assert "shop-50" in reader.get(following).text
    assert reader.get(following.replace("after=", "after=x")).status_code == 422


def test_an_incident_shows_owners_clocks_fixes_and_what_happened(
    reader: TestClient, admin: TestClient, own_engine: Engine, clock: StoppedClock, tmp_path: Path
) -> None:
    admin.put("/v1/teams/payments", json={"email": "payments@example.org"})
    admin.put("/v1/products/payments-api", json={"team": "payments", "exposed": True, "tier": "high"})
    upload(admin, "payments-api", GOOD)
    publish(own_engine, tmp_path)
    clock.advance(timedelta(minutes=1))
    upload(admin, "payments-api", BAD)
    clock.advance(timedelta(hours=9))

    first = reader.get("/").text
    assert "Backdoor in xz" in first
    assert "1 overdue" in first
    name = first.split('href="/incidents/')[1].split('"')[0]
    page = reader.get(f"/incidents/{name}").text
    for word in (
        "payments-api",
        "<b>payments</b>",
        "5.6.1+really5.4.5-1",
        "overdue by 1 h",
        "critical",
        "What happened",
    ):
        assert word in page, word

    upload(admin, "payments-api", GOOD)
    page = reader.get(f"/incidents/{name}").text
    assert "every upload in the field is clean" in page
    assert "gone from the field" in page
    assert name in reader.get("/incidents?show=ended").text
    assert "None." in reader.get("/incidents").text


def test_a_product_shows_its_streams_uploads_and_exposures(
    reader: TestClient, admin: TestClient, own_engine: Engine, tmp_path: Path
) -> None:
    upload(admin, "payments-api", BAD)
    publish(own_engine, tmp_path)
    page = reader.get("/products/payments-api").text
    for word in ("Backdoor in xz", "<b>cert-triage</b>", "main", "1</b> <small>+1 −0"):  # noqa: RUF001
        assert word in page, word


def test_a_product_shows_how_complete_its_sboms_are_and_what_would_raise_that(
    reader: TestClient, admin: TestClient, own_engine: Engine
) -> None:
    upload(admin, "payments-api", BAD)
    (sbom,) = admin.get("/v1/products/payments-api/sboms").json()["items"]
    quality = admin.get(f"/v1/sboms/{sbom['sbom']['id']}").json()["quality"]
    assert check_next(own_engine) == "valid"
    page = reader.get("/products/payments-api").text
    for word in (f"{quality['score']} of 100", "keeps to its schema", quality["advice"][0]["change"]):
        assert escape(word) in page, word


def test_incidents_are_walked_from_page_to_page(
    reader: TestClient, admin: TestClient, own_engine: Engine, tmp_path: Path
) -> None:
    names = tuple(f"lib-{number}" for number in range(52))
    upload(admin, "shop", *(f"pkg:deb/debian/{name}@5.6.1-1?distro=debian-13" for name in names))
    publish(own_engine, tmp_path, packages=names)
    page = reader.get("/incidents").text
    assert page.count('rel="next"') == 1
    following = page.split('" rel="next"')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    rest = reader.get(following).text
    assert (page.count('scope="row"'), rest.count('scope="row"'), rest.count('rel="next"')) == (50, 2, 0)


def test_nothing_that_others_wrote_becomes_markup_or_turns_lines_around(
    reader: TestClient, admin: TestClient, own_engine: Engine, tmp_path: Path
) -> None:
    admin.put("/v1/products/shop", json={"title": HOSTILE, "tags": [HOSTILE]})
    upload(admin, "shop", BAD, name=HOSTILE)
    publish(own_engine, tmp_path, title=HOSTILE)
    listed = reader.get("/incidents").text
    name = listed.split('href="/incidents/INC')[1].split('"')[0]
    for page in (f"/incidents/INC{name}", "/incidents", "/", "/products", "/products/shop"):
        text = reader.get(page).text
        assert "<script" not in text, page
        assert "\u202e" not in text, page
        assert "&lt;script&gt;" in text, page
        assert "⟨U+202E⟩" in text, page
    asked = reader.get("/search", params={"q": HOSTILE}).text
    assert "<script" not in asked
    assert "\u202e" not in asked


@pytest.mark.parametrize("page", ["/incidents/INC-99", "/incidents/x", "/incidents/INC-" + "9" * 40, "/products/none"])
def test_what_is_not_here_is_a_page_that_leads_back(reader: TestClient, page: str) -> None:
    answer = reader.get(page)
    assert answer.status_code == 404
    assert 'href="/"' in answer.text


@pytest.mark.parametrize("after", ["x", "-1", "9" * 60, "٣"])
def test_an_unknown_place_in_a_list_is_its_beginning(reader: TestClient, after: str) -> None:
    assert reader.get("/incidents", params={"after": after}).status_code == 200
    assert reader.get("/products", params={"after": after}).status_code == 200


def test_every_page_is_one_document_with_landmarks_labels_and_heads(reader: TestClient, admin: TestClient) -> None:
    upload(admin, "shop", BAD)
    for page in ("/", "/search?q=liblzma", "/incidents", "/products", "/products/shop", "/login"):
        text = reader.get(page).text
        assert text.count("<h1") == 1, page
        assert '<html lang="en">' in text
        assert text.count("<main") == 1
        assert 'class="skip" href="#content"' in text
        for field in text.split("<input ")[1:]:
            tag = field.split(">")[0]
            if 'type="checkbox"' not in tag and "hidden" not in tag:
                assert f'<label for="{tag.split(chr(34))[1]}"' in text, tag
        heads = [head.split(">")[0] for head in text.split("<th ")[1:]]
        assert all("scope=" in head for head in heads), page


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 fault against its schema"), (2, "2 faults against its schema"), (None, "breaks its schema")],
)
def test_faults_are_counted_where_anybody_could(
    reader: TestClient, admin: TestClient, own_engine: Engine, count: int | None, words: str
) -> None:
    upload(admin, "shop", GOOD)
    check_next(own_engine, lambda _data, _version: Conformance(verdict=Verdict.INVALID, error_count=count))
    assert f">{words}<" in reader.get("/products/shop").text


def test_the_page_of_feeds_says_what_is_held_and_what_to_do(
    reader: TestClient, own_engine: Engine, tmp_path: Path
) -> None:
    for count in (20, 5):
        records = [make_record(f"GHSA-{n}", "npm/x", "introduced 0") for n in range(count)]
        write_ecosystem(tmp_path, "GitHub Actions", records)
        apply_feed(own_engine, tmp_path.as_uri(), "all", now=EVENING)

    page = reader.get("/feeds").text

    assert '<b class="late">held</b>' in page
    assert "15 of them held" in page
    assert "muster advisories sync --accept-shrink &#39;GitHub Actions&#39;" in page
    assert '<span class="late">GitHub Actions' in reader.get("/").text

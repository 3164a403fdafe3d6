"""The recipes for CIs keep what their page says: each script is run as it stands there, against a real server."""

import itertools
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pipelines
import pytest
from osv_bucket import make_record, write_ecosystem
from pipelines import CURL, GITLAB, JENKINS, MUSTER, RECIPES, SCRIPTS, Build, Ran, Recipe, Service
from sboms import listed, make_sbom
from serving import Served, serving

from service.access.keys import create_key
from service.access.roles import Role
from service.clock import utc_now
from service.db import connect, writing

pytestmark = pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("bash", "curl", "jq")), reason="bash, curl and jq are not installed"
)
each_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=str)
#: What happens after a build has its names is the same in all scripts; a test below holds that.
ANY = GITLAB
each_kind = pytest.mark.parametrize(
    "recipe",
    [one if one in (ANY, CURL, MUSTER) else pytest.param(one, marks=pytest.mark.soak) for one in RECIPES],
    ids=str,
)

CLEAN, BAD = "pkg:npm/left-pad@1.3.0", "pkg:npm/lodash@4.17.20"
CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
NOBODY = "http://127.0.0.1:1"
#: As git allows it; every sign of it means something in an address, a shell or both.
BRANCH = "release/2.x#1&gate=low;$(id)+ü%41'"


@pytest.fixture(scope="module")
def served(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with fresh advisories for npm, one of them our own."""
    bucket = tmp_path_factory.mktemp("bucket")
    write_ecosystem(bucket, "npm", [make_record("GHSA-2222-3333-4444", "npm/other", "introduced 0")])
    with serving(module_database, {"MUSTER_OSV_URL": f"file://{bucket}", "MUSTER_OSV_ECOSYSTEMS": "npm"}) as server:
        events = ("introduced 0", "fixed 4.17.21")
        record = make_record("OWN-2026-7", "npm/lodash", *events, severity=CRITICAL, summary="Prototype pollution")
        server.client.put(f"/v1/advisories/{record['id']}", json=record).raise_for_status()
        server.client.post("/v1/feeds:sync").raise_for_status()
        too_late = time.monotonic() + 30
        while not any(feed["ecosystem"] == "npm" and feed["succeeded_at"] for feed in items(server, "/v1/feeds")):
            assert time.monotonic() < too_late, server.log()
            time.sleep(0.05)
        yield server


@pytest.fixture(scope="module")
def muster(served: Served) -> Service:
    """Give address and key as a CI gets them."""
    engine = connect(served.database)
    with writing(engine) as session:
        token = create_key(session, "build system", Role.UPLOADER, now=utc_now()).token
    engine.dispose()
    return Service(f"http://127.0.0.1:{served.port}", token)


def items(served: Served, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = served.client.get(path).raise_for_status().json()["items"]
    return found


def streams(served: Served, recipe: Recipe, build: Build) -> list[tuple[str, str]]:
    """Give name and kind of the product's streams."""
    found = items(served, f"/v1/products/{recipe.product(build)}/streams")
    return [(stream["name"], stream["kind"]) for stream in found]


def write_sbom(folder: Path, *components: str | dict[str, Any]) -> None:
    (folder / "sbom.json").write_bytes(make_sbom(*components))


def answer(folder: Path) -> dict[str, Any]:
    """Give what the script kept of the answer."""
    kept: dict[str, Any] = json.loads((folder / "muster.json").read_text())
    return kept


# --- what builds meet ------------------------------------------------------------------------------------------------


@each_recipe
def test_a_clean_build_passes_again_too_and_nobody_sees_the_key(
    recipe: Recipe, served: Served, muster: Service, tmp_path: Path
) -> None:
    build = recipe.build("clean")
    write_sbom(tmp_path, CLEAN)

    first, second = (recipe.run(tmp_path, build, muster) for _ in range(2))

    assert (first.code, second.code) == (0, 0), first.log + second.log
    assert muster.key not in first.log + first.arguments
    assert ("/sboms?" in first.arguments) == (recipe is not MUSTER)
    assert streams(served, recipe, build) == [("main", "tracked")]
    (upload,) = items(served, f"/v1/products/{recipe.product(build)}/sboms")
    assert upload["version"] is None
    if recipe is not MUSTER:
        assert (answer(tmp_path)["verdict"], answer(tmp_path)["duplicate"]) == ("pass", True)
    if recipe is not CURL:
        assert re.search("(muster|verdict): pass", first.log)


@each_kind
def test_a_vulnerable_build_fails_and_is_in_the_field_all_the_same(
    recipe: Recipe, served: Served, muster: Service, tmp_path: Path
) -> None:
    build = recipe.build("vulnerable")
    write_sbom(tmp_path, CLEAN, BAD)

    ran = recipe.run(tmp_path, build, muster)

    assert ran.code == recipe.codes[0], ran.log
    (exposure,) = items(served, f"/v1/exposures?product={recipe.product(build)}")
    assert exposure["status"] == "open"
    if recipe is not MUSTER:
        assert answer(tmp_path)["type"].endswith("gate-failed")
        assert answer(tmp_path)["findings"][0]["exposure"] == exposure["id"]
    if recipe is not CURL:
        assert re.search(r"critical\s+lodash\s4\.17\.20\s+OWN-2026-7\s.*4\.17\.21", ran.log)


@each_recipe
def test_a_pull_request_is_gated_in_a_preview_of_its_own_and_opens_nothing(
    recipe: Recipe, served: Served, muster: Service, tmp_path: Path
) -> None:
    build = recipe.build("proposal", branch="feature/foo", pull=12)
    write_sbom(tmp_path, BAD)

    ran = recipe.run(tmp_path, build, muster)

    assert ran.code == recipe.codes[0], ran.log
    assert streams(served, recipe, build) == [(f"{recipe.pulls}/12", "preview")]
    assert items(served, f"/v1/exposures?product={recipe.product(build)}") == []


@each_recipe
def test_a_tag_is_a_release_in_the_stream_of_its_line(
    recipe: Recipe, served: Served, muster: Service, tmp_path: Path
) -> None:
    builds = [recipe.build("tagged", tag=tag) for tag in ("v1.4.0", "v1.3.7")]
    for build in builds:
        write_sbom(tmp_path, CLEAN)
        ran = recipe.run(tmp_path, build, muster)
        assert ran.code == 0, ran.log

    releases = items(served, f"/v1/products/{recipe.product(builds[0])}/releases")
    assert [(one["version"], one["stream"]) for one in releases] == [("v1.4.0", "v1.4"), ("v1.3.7", "v1.3")]


@each_recipe
def test_a_branch_with_a_difficult_name_is_a_stream_of_just_that_name(
    recipe: Recipe, served: Served, muster: Service, tmp_path: Path
) -> None:
    build = recipe.build("branched", branch=BRANCH)
    write_sbom(tmp_path, CLEAN)

    ran = recipe.run(tmp_path, build, muster)

    assert ran.code == 0, ran.log
    assert streams(served, recipe, build) == [(BRANCH, "tracked")]


@each_kind
def test_a_build_that_cannot_be_judged_goes_on_and_says_why(recipe: Recipe, muster: Service, tmp_path: Path) -> None:
    write_sbom(tmp_path, CLEAN, listed(name="vendored", version="1"))

    ran = recipe.run(tmp_path, recipe.build("unknown"), muster)

    assert ran.code == 0, ran.log
    if recipe is not CURL:
        assert re.search("(muster|verdict): unknown", ran.log)
        assert re.search("1 components cannot be evaluated|1\tnot evaluated:", ran.log)


def test_a_build_that_cannot_be_judged_stops_where_that_is_wanted(muster: Service, tmp_path: Path) -> None:
    write_sbom(tmp_path, listed(name="vendored", version="1"))

    assert ANY.run(tmp_path, ANY.build("strict"), muster, WHEN_UNKNOWN="4").code == 4


@each_kind
def test_a_wrong_key_and_a_damaged_sbom_are_refused(recipe: Recipe, muster: Service, tmp_path: Path) -> None:
    write_sbom(tmp_path, CLEAN)
    stranger = recipe.run(tmp_path, recipe.build("refused"), muster._replace(key="mst_nobody"), WHEN_DOWN="0")

    (tmp_path / "sbom.json").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [')
    damaged = recipe.run(tmp_path, recipe.build("refused"), muster, WHEN_DOWN="0")

    assert (stranger.code, damaged.code) == (recipe.codes[1],) * 2, stranger.log + damaged.log


# --- when the service does not answer as it should -------------------------------------------------------------------


def test_a_service_that_is_down_is_asked_four_times_and_then_stops_the_build_or_not_as_wanted(
    tmp_path: Path, muster: Service
) -> None:
    cases = [*itertools.product(SCRIPTS, ("3", "0")), (CURL, "3")]

    def run(recipe: Recipe, decision: str) -> Ran:
        folder = tmp_path / f"{recipe}-{decision}"
        folder.mkdir()
        write_sbom(folder, CLEAN)
        (folder / "muster.json").write_text('{"verdict": "pass"}')  # left by another build
        return recipe.run(folder, recipe.build("down"), muster._replace(url=NOBODY), WHEN_DOWN=decision)

    with ThreadPoolExecutor(len(cases)) as at_once:
        for (recipe, decision), ran in zip(cases, at_once.map(run, *zip(*cases, strict=True)), strict=True):
            assert ran.code == (0 if decision == "0" else recipe.codes[2]), ran.log
            assert ran.log.count("(7)") == 4, ran.log


def test_the_command_says_that_nobody_could_be_asked(tmp_path: Path, muster: Service) -> None:
    write_sbom(tmp_path, CLEAN)

    assert MUSTER.run(tmp_path, MUSTER.build("down"), muster._replace(url=NOBODY)).code == MUSTER.codes[2]


def test_a_service_that_is_busy_is_asked_again(muster: Service, tmp_path: Path) -> None:
    write_sbom(tmp_path, CLEAN)
    busy, taken = (503, b'{"detail": "busy", "and": "so on and on"}'), (201, b'{"verdict": "pass"}')
    with answering(busy, taken) as url:
        ran = ANY.run(tmp_path, ANY.build("busy"), muster._replace(url=url))

    assert ran.code == 0, ran.log
    assert answer(tmp_path) == {"verdict": "pass"}


@pytest.mark.parametrize("said", [(200, b"<p>Sign in, please.</p>"), (302, b""), (200, b'{"verdict": null}')], ids=str)
def test_somebody_else_who_answers_is_never_taken_for_a_yes(
    said: tuple[int, bytes], muster: Service, tmp_path: Path
) -> None:
    write_sbom(tmp_path, CLEAN)
    with answering(said) as url:
        ran = ANY.run(tmp_path, ANY.build("elsewhere"), muster._replace(url=url), WHEN_DOWN="0", WHEN_UNKNOWN="0")

    assert ran.code == 2, ran.log


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[str]:
    """Serve these answers, one a request."""
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = waiting.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --- what the page shows is what the CIs take ------------------------------------------------------------------------


def test_the_scripts_differ_only_in_how_they_name_a_build() -> None:
    words = [recipe.script().replace("\\\n", "").split() for recipe in SCRIPTS]
    assert len({tuple(each[each.index("uri()") :]) for each in words}) == 1


def test_nothing_that_others_may_name_is_put_into_the_text_of_a_script() -> None:
    assert not any(re.search(r"\$\{\{|\$\((params|workspaces)\.", recipe.script()) for recipe in RECIPES)


def test_the_github_workflow_is_one() -> None:
    workflow = pipelines.github_workflow()
    assert set(workflow) == {"name", True, "permissions", "jobs"}
    assert set(workflow[True]) == {"push", "pull_request"}
    for step in workflow["jobs"]["sbom"]["steps"]:
        assert ("uses" in step) != ("run" in step)
        assert set(step) <= {"name", "uses", "with", "if", "env", "run"}
    kept = workflow["jobs"]["sbom"]["steps"][-1]
    assert (kept["if"], kept["with"]["path"].split()) == ("always()", ["sbom.json", "muster.json"])


def test_the_gitlab_jobs_are_some() -> None:
    jobs = pipelines.gitlab_jobs()
    known = {"extends", "stage", "image", "script", "artifacts", "needs", "variables", "before_script"}
    assert set(jobs[".sbom"]) == {"rules"}
    assert all(set(jobs[name]) <= known and jobs[name]["extends"] == ".sbom" for name in ("sbom", "muster"))
    assert all(isinstance(value, str) for value in jobs["muster"]["variables"].values())
    assert jobs["muster"]["artifacts"] == {"when": "always", "paths": ["muster.json"]}


def test_the_jenkins_pipeline_is_balanced_and_its_quotes_hold() -> None:
    around, script, rest = pipelines.jenkins_pipeline().split("'''")
    assert script.startswith("#!"), "else Jenkins runs it with -x, which prints the key"
    assert "\\" not in script.replace("\\\n", ""), "Groovy would take a backslash for its own"
    groovy = re.sub(r"'[^'\n]*'", "", around + rest)
    assert '"' not in groovy
    for opening, closing in ("{}", "()", "[]"):
        assert groovy.count(opening) == groovy.count(closing) > 0
    assert JENKINS.told(JENKINS.build("any"), Service("", ""))["WHEN_DOWN"] == "3"


def test_the_tekton_task_declares_what_it_uses() -> None:
    task = pipelines.tekton_task()
    assert (task["apiVersion"], task["kind"]) == ("tekton.dev/v1", "Task")
    used = set(re.findall(r"\$\(params\.(.*?)\)", pipelines.fenced("Tekton")[0]))
    assert used == {param["name"] for param in task["spec"]["params"]}
    assert [set(step) & {"args", "script"} for step in task["spec"]["steps"]] == [{"args"}, {"script"}]


def test_a_stream_whose_branch_ended_is_retired_with_the_command_of_the_page(
    served: Served, muster: Service, tmp_path: Path
) -> None:
    build = Build("payments-api", "release/2.x", None, "")
    write_sbom(tmp_path, CLEAN)
    retire = Recipe("the end", lambda: pipelines.fenced("When a branch ends")[0], CURL.told)
    assert CURL.run(tmp_path, build, muster).code == 0

    assert retire.run(tmp_path, build, muster).code == 2  # this is not for a build system
    ran = retire.run(tmp_path, build, muster._replace(key=served.token))

    assert ran.code == 0, ran.log
    (stream,) = items(served, "/v1/products/payments-api/streams")
    assert stream["retired_reason"] == "2.x is out of support"

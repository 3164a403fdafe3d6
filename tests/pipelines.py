"""The recipes of ``openapi/PIPELINES.md``: read from the page, and run as each CI would run them.

Whatever a CI does before a script runs (filling in its expressions, variables, secrets) is done here and written down
here; the script itself is run as it stands on the page.
"""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any, NamedTuple

import yaml  # type: ignore[import-untyped]
from command_line import run_muster

PAGE = Path(__file__).parents[1] / "openapi" / "PIPELINES.md"
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Environment = dict[str, str]


@dataclass(frozen=True)
class Build:
    """What is built: a branch, a pull request, or a tag, of a repository of the organisation acme."""

    repository: str
    branch: str
    pull: int | None
    tag: str


class Service(NamedTuple):
    """What a CI is told by whoever sets it up."""

    url: str
    key: str


class Ran(NamedTuple):
    """How a script ended. `arguments` are those of every curl it started."""

    code: int
    log: str
    arguments: str


@cache
def fenced(heading: str) -> list[str]:
    """Give the fenced blocks of the section with this heading."""
    _, _, after = PAGE.read_text().partition(f"\n## {heading}\n")
    return [body for _, body in _FENCED.findall(after.partition("\n## ")[0])]


# --- GitHub Actions --------------------------------------------------------------------------------------------------


def github_workflow() -> dict[Any, Any]:
    """Give the workflow; its `on` is True, as YAML 1.1 has it."""
    return _mapping(fenced("GitHub Actions")[0])


def github_step() -> dict[str, Any]:
    """Give the step that sends."""
    return next(step for step in github_workflow()["jobs"]["sbom"]["steps"] if step.get("name") == "muster")


def _github(build: Build, service: Service) -> Environment:
    expressions = {"vars.MUSTER_URL": service.url, "secrets.MUSTER_API_KEY": service.key}
    own = {
        name: re.sub(r"\$\{\{ (.*?) }}", lambda found: expressions[found[1]], str(value))
        for name, value in github_step()["env"].items()
    }
    kind, name, event = "heads", build.branch, "push"
    if build.pull is not None:
        kind, name, event = "pull", f"{build.pull}/merge", "pull_request"
    elif build.tag:
        kind, name = "tags", build.tag
    return own | {
        "GITHUB_REPOSITORY": f"acme/{build.repository}",
        "GITHUB_REF": f"refs/{kind}/{name}",
        "GITHUB_REF_NAME": name,
        "GITHUB_EVENT_NAME": event,
    }


# --- GitLab CI -------------------------------------------------------------------------------------------------------


def gitlab_jobs() -> dict[str, Any]:
    """Give the jobs."""
    return _mapping(fenced("GitLab CI")[0])


def _gitlab_script() -> str:
    return "\n".join(gitlab_jobs()["muster"]["script"])


def _gitlab(build: Build, service: Service) -> Environment:
    own = dict(gitlab_jobs()["muster"]["variables"]) | {"MUSTER_URL": service.url, "MUSTER_API_KEY": service.key}
    own |= {"CI_PROJECT_PATH": f"acme/{build.repository}", "CI_COMMIT_REF_NAME": build.tag or build.branch}
    if build.pull is not None:
        return own | {"CI_MERGE_REQUEST_IID": str(build.pull)}
    return own | ({"CI_COMMIT_TAG": build.tag} if build.tag else {"CI_COMMIT_BRANCH": build.branch})


# --- Jenkins ---------------------------------------------------------------------------------------------------------


def jenkins_pipeline() -> str:
    """Give the pipeline's text."""
    return fenced("Jenkins")[0]


def _jenkins_script() -> str:
    """Give the script as Groovy reads its quotes: a backslash at a line's end goes, with the end."""
    return jenkins_pipeline().split("'''")[1].replace("\\\n", "")


def _jenkins(build: Build, service: Service) -> Environment:
    own = dict(re.findall(r"^ +(\w+) = '(.*)'$", jenkins_pipeline(), re.MULTILINE))
    own |= {"MUSTER_URL": service.url, "MUSTER_API_KEY": service.key}
    own |= {"GIT_URL": f"https://git.example/acme/{build.repository}.git", "BRANCH_NAME": build.tag or build.branch}
    if build.pull is not None:
        return own | {"CHANGE_ID": str(build.pull), "BRANCH_NAME": f"PR-{build.pull}"}
    return own | ({"TAG_NAME": build.tag} if build.tag else {})


# --- Tekton ----------------------------------------------------------------------------------------------------------


def tekton_task() -> dict[str, Any]:
    """Give the task."""
    return _mapping(fenced("Tekton")[0])


def tekton_step() -> dict[str, Any]:
    """Give the step that sends."""
    return next(step for step in tekton_task()["spec"]["steps"] if step["name"] == "muster")


def _tekton(build: Build, service: Service) -> Environment:
    params = {param["name"]: param.get("default") for param in tekton_task()["spec"]["params"]}
    params |= {"muster-url": service.url, "product": build.repository, "branch": build.branch, "tag": build.tag}
    params["pull-request"] = "" if build.pull is None else str(build.pull)
    secrets = {("muster", "api-key"): service.key}
    environment = {}
    for variable in tekton_step()["env"]:
        if "valueFrom" in variable:
            secret = variable["valueFrom"]["secretKeyRef"]
            environment[variable["name"]] = secrets[secret["name"], secret["key"]]
        else:
            value = re.sub(r"\$\(params\.(.*?)\)", lambda found: params[found[1]], variable["value"])
            environment[variable["name"]] = value
    return environment


# --- any other -------------------------------------------------------------------------------------------------------


def _by_hand(build: Build, service: Service) -> Environment:
    stream, version, preview = build.branch, "", ""
    if build.pull is not None:
        stream, preview = f"pull/{build.pull}", "true"
    elif build.tag:
        stream, version = build.tag.rpartition(".")[0], build.tag
    names = {"PRODUCT": build.repository, "STREAM": stream, "VERSION": version, "PREVIEW": preview}
    return names | {"MUSTER_URL": service.url, "MUSTER_API_KEY": service.key}


@dataclass(frozen=True)
class Recipe:
    """One way to send, and what it makes of a build.

    Attributes:
        name: The CI's.
        script: Gives the shell script.
        told: The environment it runs in.
        run_by: What the CI runs it with; a script that begins with ``#!`` chooses for itself.
        pulls: How its streams of pull requests begin.
        prefix: How its products' names begin.
        codes: How it leaves when the gate says no, when it is refused, when nobody answers.
    """

    name: str
    script: Callable[[], str]
    told: Callable[[Build, Service], Environment]
    run_by: tuple[str, ...] = ("sh", "-e")
    pulls: str = "pull"
    prefix: str = ""
    codes: tuple[int, int, int] = (1, 2, 3)

    def __str__(self) -> str:
        return self.name

    def build(self, repository: str, branch: str = "main", pull: int | None = None, tag: str = "") -> Build:
        """Give a build of a repository that no other recipe builds."""
        return Build(f"{repository}-{self.name.replace(' ', '-').lower()}", branch, pull, tag)

    def product(self, build: Build) -> str:
        """Name the product that the build goes to."""
        return self.prefix + build.repository

    def run(self, folder: Path, build: Build, service: Service, **more: str) -> Ran:
        """Run the script in a folder that holds `sbom.json`; *more* are further variables, or other values of them."""
        home = _make_home(folder)
        file, text = home / "script", self.script()
        file.write_text(text)
        file.chmod(0o700)
        command = [str(file)] if text.startswith("#!") else [*self.run_by, str(file)]
        path = {"PATH": f"{home}:{os.environ['PATH']}", "HOME": str(home)}
        environment = path | self.told(build, service) | more
        ended = subprocess.run(
            command, cwd=folder, env=environment, text=True, stdout=PIPE, stderr=STDOUT, timeout=60, check=False
        )
        if (home / "typed").exists():
            return _run_typed(folder, environment)
        spied = home / "arguments"
        return Ran(ended.returncode, ended.stdout, spied.read_text() if spied.exists() else "")


def _make_home(folder: Path) -> Path:
    """Make a home for the CI's user: curl notes its arguments there and waits a second between attempts."""
    home = folder / ".home"
    home.mkdir(exist_ok=True)
    (home / ".curlrc").write_text("retry-delay = 1\n")
    spy = home / "curl"
    spy.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> "$HOME/arguments"\nPATH=${PATH#*:}\nexec curl "$@"\n')
    spy.chmod(0o700)
    stand_in = home / "muster"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\0" "$@" > "$HOME/typed"\n')
    stand_in.chmod(0o700)
    return home


def _run_typed(folder: Path, environment: Mapping[str, str]) -> Ran:
    """Run what the script typed after `muster`, in this process: another Python would take a second to start."""
    typed = (folder / ".home" / "typed").read_text().split("\0")[:-1]
    with chdir(folder):
        ran = run_muster(*typed, environment={k: v for k, v in environment.items() if k.startswith("MUSTER_")})
    return Ran(ran.code, ran.out + ran.err, "")


def _mapping(text: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(text)
    return loaded


GITHUB = Recipe("GitHub Actions", lambda: github_step()["run"], _github, run_by=("bash", "-e"))
GITLAB = Recipe("GitLab CI", _gitlab_script, _gitlab, pulls="merge-requests", prefix="acme-")
JENKINS = Recipe("Jenkins", _jenkins_script, _jenkins)
TEKTON = Recipe("Tekton", lambda: tekton_step()["script"], _tekton)
SCRIPTS = (GITHUB, GITLAB, JENKINS, TEKTON)
CURL = Recipe("Plain curl", lambda: fenced("Plain curl")[1], _by_hand, codes=(22, 22, 7))
MUSTER = Recipe("muster upload", lambda: fenced("muster upload")[0], _by_hand)
RECIPES = (*SCRIPTS, CURL, MUSTER)

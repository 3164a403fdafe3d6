"""Independent judges of versions: programs and libraries that own an order, each asked for many pairs at once.

Programs are our own few lines (`oracles/`) around a foreign comparator. They read pairs, two versions and a tab between
them, and answer one sign a line: ``<``, ``=``, ``>``, or ``?`` for what they cannot read. What is under the GPL (dpkg,
rpm, R) is only ever a process beside us. Where a judge is not to be had here, `Missing` says what it would take.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path

from packaging.version import InvalidVersion, Version

PROGRAMS = Path(__file__).parent / "oracles"
#: Pairs a process is asked at once.
_AT_ONCE = 100_000

Pair = tuple[str, str]


class Missing(Exception):  # noqa: N818 - no error: the judge is not to be had here
    """What has to be installed before this judge can be asked."""


@dataclass(frozen=True)
class Oracle:
    """A judge; `ask` gives one sign a pair, `version` says whose opinion it is."""

    version: str
    ask: Callable[[Sequence[Pair]], str]


Builder = Callable[[Path], Oracle]


def packaging(_: Path) -> Oracle:
    """PyPA's library in this process, a dependency of ours."""

    def parsed(version: str) -> Version | None:
        try:
            return Version(version)
        except InvalidVersion:
            return None

    def sign(pair: Pair) -> str:
        left, right = map(parsed, pair)
        return "?" if left is None or right is None else "=><"[(left > right) - (left < right)]

    return Oracle(f"packaging {installed_version('packaging')}", lambda pairs: "".join(map(sign, pairs)))


def packaging_legacy(folder: Path) -> Oracle:
    """The last packaging that ordered what PEP 440 cannot read."""
    run([sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), "packaging==21.3", "pyparsing"])
    return _process("packaging 21.3", [sys.executable, str(PROGRAMS / "legacy.py")], PYTHONPATH=str(folder))


def dpkg(_: Path) -> Oracle:
    """Debian's own, by its Perl module: dpkg itself takes one pair a process."""
    command = [_program("perl"), str(PROGRAMS / "dpkg.pl")]
    return _process(run([*command, "version"]), command)


def rpm(_: Path) -> Oracle:
    """rpm's comparison of epoch, version and release, from its embedded Lua."""
    program = (PROGRAMS / "rpm.lua").read_text(encoding="utf-8")
    command = [_program("rpm"), "--eval", "%{lua:" + program.partition("\n")[2] + "}"]
    return _process(run([command[0], "--version"]), command)


def gem(_: Path) -> Oracle:
    """RubyGems, within Ruby."""
    command = [_program("ruby"), str(PROGRAMS / "gem.rb")]
    return _process(run([*command, "version"]), command)


def php(_: Path) -> Oracle:
    """PHP's version_compare, by which Packagist's versions are ordered once normalised."""
    command = [_program("php", "php-cli"), str(PROGRAMS / "packagist.php")]
    return _process(run([*command, "version"]), command)


def cran(_: Path) -> Oracle:
    """R's package_version."""
    command = [_program("Rscript", "r-base-core"), "--vanilla", str(PROGRAMS / "cran.R")]
    return _process(run([*command, "version"]), command)


def npm(folder: Path) -> Oracle:
    """npm's semver."""
    run([_program("npm"), "install", "--silent", "--prefix", str(folder), "semver@7"])
    command = [_program("node", "nodejs"), str(PROGRAMS / "semver.js")]
    modules = {"NODE_PATH": str(folder / "node_modules")}
    return _process(run([*command, "version"], environment=modules), command, **modules)


def maven(folder: Path) -> Oracle:
    """ComparableVersion of the Maven that our order is pinned to."""
    _program("javac", "default-jdk-headless")
    run(
        [
            _program("mvn", "maven"),
            "-q",
            "dependency:copy",
            "-Dartifact=org.apache.maven:maven-artifact:3.9.9",
            f"-DoutputDirectory={folder}",
        ]
    )
    classpath = os.pathsep.join([str(folder), str(folder / "maven-artifact-3.9.9.jar")])
    run(["javac", "-cp", classpath, "-d", str(folder), str(PROGRAMS / "Maven.java")])
    return _process("maven-artifact 3.9.9", [_program("java"), "-cp", classpath, "Maven"])


def cargo(folder: Path) -> Oracle:
    """The crate by which Cargo orders."""
    shutil.copytree(PROGRAMS / "rust", folder, dirs_exist_ok=True)
    run([_program("cargo"), "build", "--quiet", "--release"], folder=folder)
    lock = (folder / "Cargo.lock").read_text(encoding="utf-8").partition('name = "semver"\nversion = "')[2]
    return _process(f"crate semver {lock.partition(chr(34))[0]}", [str(folder / "target" / "release" / "oracle")])


def golang(comparator: str) -> Builder:
    """Name one of the comparators that are Go modules: Go's own, Google's for NuGet and Alpine, and others."""

    def build(folder: Path) -> Oracle:
        shutil.copytree(PROGRAMS / "go", folder, dirs_exist_ok=True)
        run([_program("go"), "build", "-mod=mod", "-o", "oracle", "."], folder=folder)
        names = {
            "x/mod": "golang.org/x/mod",
            "NuGet": "deps.dev/util/semver",
            "apk": "github.com/knqyf263/go-apk-version",
        }
        module = names.get(comparator, "github.com/google/osv-scalibr")
        version = run(["go", "list", "-mod=mod", "-m", module], folder=folder)
        return _process(version, [str(folder / "oracle"), comparator])

    return build


def run(command: Sequence[str], *, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end; gives what it printed.

    Raises:
        Missing: It failed, as installing does where no registry can be reached.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise Missing(f"{' '.join(command)[:200]}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout.strip()


def _process(version: str, command: Sequence[str], **environment: str) -> Oracle:
    def ask(pairs: Sequence[Pair]) -> str:
        return "".join(
            _ask(command, pairs[start : start + _AT_ONCE], environment) for start in range(0, len(pairs), _AT_ONCE)
        )

    return Oracle(version, ask)


def _ask(command: Sequence[str], pairs: Sequence[Pair], environment: Mapping[str, str]) -> str:
    lines = "".join(f"{a}\t{b}\n" for a, b in pairs)
    answered = subprocess.run(
        command,
        input=lines.encode(),
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
        stdout=subprocess.PIPE,
        check=True,
        timeout=1800,
    )
    signs = answered.stdout.decode().split()
    assert len(signs) == len(pairs), f"{command[0]} answered {len(signs)} of {len(pairs)} pairs"
    return "".join(signs)


def _program(name: str, package: str = "") -> str:
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not installed; on Debian: apt-get install {package or name}")
    return found

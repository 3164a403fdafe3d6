"""Other people's clients, as their users install them: pinned, in a folder of their own, once a machine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import platformdirs
import pytest

_CLIENTS = Path(__file__).parent / "data" / "clients"
DTRACK_AUDITOR = _CLIENTS / "dtrack-auditor.txt"
PIP_AUDIT = _CLIENTS / "pip-audit.txt"
CDXGEN = "@cyclonedx/cdxgen@12.8.4"

#: What installers say when they cannot reach where they install from, as opposed to being told no.
_UNREACHABLE = (
    "NewConnectionError",
    "ConnectTimeout",
    "Max retries exceeded",
    "ENOTFOUND",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "EAI_AGAIN",
    # A mirror whose certificate this account's npm or pip does not trust is out of reach, too.
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT",
    "CERTIFICATE_VERIFY_FAILED",
)


class Ran(NamedTuple):
    """How a client ended, and all it said."""

    status: int
    said: str


def install_dtrack_auditor() -> Path:
    """Give the program; skips where it cannot be had."""
    return _from_requirements(DTRACK_AUDITOR) / "dtrackauditor"


def install_pip_audit() -> Path:
    """Give the program; skips where it cannot be had."""
    return _from_requirements(PIP_AUDIT) / "pip-audit"


def _from_requirements(pinned: Path) -> Path:
    """Give the programs' folder of a virtual environment that has what a file of requirements pins."""

    def install(folder: Path) -> None:
        _install([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _install([*pip, "--require-hashes", "--requirement", str(pinned)])

    return _cached(pinned.read_text(), install) / "bin"


def install_cdxgen() -> Path:
    """Give the program, without the large ones that it uses for other languages; skips where it cannot be had."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("cdxgen is not run: there is no npm here")

    def install(folder: Path) -> None:
        small = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"]
        _install([npm, "install", "--prefix", str(folder), *small, CDXGEN])

    return _cached(CDXGEN, install) / "node_modules" / ".bin" / "cdxgen"


def run_client(
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    patience: float = 120,
) -> Ran:
    """Run a client to its end, and print what it says, for whoever asks pytest for it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MUSTER_", "DTRACK_"))}
    ended = subprocess.run(
        [str(part) for part in command],
        env=own | dict(environment or {}),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=patience,
        check=False,
    )
    said = ended.stdout.decode(errors="replace")
    print(f"$ {' '.join(str(part) for part in command)}\n{said}[{ended.returncode}]")
    return Ran(ended.returncode, said)


def _cached(pinned: str, install: Callable[[Path], None]) -> Path:
    """Give the folder of an installation; only a finished one is ever there."""
    folder = platformdirs.user_cache_path("muster-tests") / sha256(f"{sys.version} {pinned}".encode()).hexdigest()[:16]
    if not (folder / ".installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        (folder / ".installed").touch()
    return folder


def _install(command: Sequence[str]) -> None:
    ended = subprocess.run(command, capture_output=True, timeout=600, check=False)
    if ended.returncode == 0:
        return
    said = (ended.stdout + ended.stderr).decode(errors="replace")
    for line in said.splitlines():
        if any(sign in line for sign in _UNREACHABLE):
            pytest.skip(f"not run: {Path(command[0]).name} cannot reach its registry: {line[:200]}")
    pytest.fail(f"{' '.join(command)}: {said[-2000:]}")

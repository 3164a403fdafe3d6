"""The data folder: a cluster, the password and port it is reached by, the log, and the locks.

::

    DATA/            0700; 0711 when another account has to pass through to the cluster
        lock users alive
        password     0600
        port
        log          what the server says; the one before is log.old
        cluster/     PostgreSQL's own folder, or a link to it where DATA is out of the server's reach
"""

import os
import secrets
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from service.embedded import account, binaries
from service.embedded.account import Account
from service.embedded.binaries import Binaries
from service.embedded.failures import CannotStart, FolderUnusable, OtherVersion, tail

#: Where root keeps what the server's account cannot reach elsewhere.
STATE = Path("/var/lib/muster")
#: A file beside a cluster there, naming the data folder it belongs to.
BELONGS_TO = "belongs-to"
USER = "muster"

_BUILTIN_LOCALE_SINCE = 17
_PORTS = range(15432, 32768)  # below the range that outgoing connections are given on Linux
_LARGEST_LOG_BYTES = 10_000_000


@dataclass(frozen=True)
class Cluster:
    """A data folder that has been opened: its cluster exists, and these programs and this account serve it."""

    data: Path
    binaries: Binaries
    account: Account

    @property
    def folder(self) -> Path:
        """PostgreSQL's own folder, links followed, since the account may not be able to follow them."""
        return (self.data / "cluster").resolve()

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.data / "log"

    def write_log(self) -> IO[bytes]:
        """Open the log to add to it. It is for us alone, since it may quote data."""
        return os.fdopen(os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")

    @property
    def password(self) -> str:
        """The password of the one role there is."""
        return (self.data / "password").read_text()

    @property
    def port(self) -> int:
        """The port that it was reached by last; 0 if it never was."""
        file = self.data / "port"
        text = file.read_text() if file.exists() else ""
        return int(text) if text.isdigit() else 0

    def remember_port(self, port: int) -> None:
        """Keep the port, for other processes and for the next start."""
        if port != self.port:
            _write_private(self.data / "port", str(port))


def prepare(data: Path) -> None:
    """Make the data folder, for us alone.

    Raises:
        FolderUnusable: it cannot be made, or is somebody else's.
    """
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        data.chmod(0o711 if os.geteuid() == 0 else 0o700)
        (data / "lock").touch(mode=0o600)
    except OSError as failure:
        raise FolderUnusable(
            f"{data} cannot be used by this user ({failure}). Choose another folder with MUSTER_DATA."
        ) from failure


def open_cluster(data: Path, programs: Binaries, *, state: Path) -> Cluster:
    """Open the cluster in a prepared data folder, making it the first time. Call it under the lock.

    Raises:
        OtherVersion: it was made by another major version.
        FolderUnusable: part of the folder is missing.
        CannotStart: initdb failed.
        NoAccount: root, and no account to serve it.
    """
    server_account = account.for_cluster(data / "cluster")
    if not server_account.executes(programs.postgres) or not server_account.reaches(data):
        _make_state(state, server_account)
        programs = binaries.reachable(programs, server_account, state)
    cluster = Cluster(data, programs, server_account)
    if not (data / "cluster").exists():
        _initialise(cluster, state)
    _check(cluster)
    return cluster


def _make_state(state: Path, server_account: Account) -> None:
    try:
        if not state.exists():
            state.mkdir(parents=True)
            state.chmod(0o755)  # whatever the umask
        if server_account.reaches(state):
            return
        reason: object = "it may not be entered"
    except OSError as failure:
        reason = failure
    raise FolderUnusable(
        f"PostgreSQL does not run as root, and no other account can run it in {state} ({reason}). "
        f"Start as an ordinary user, or let MUSTER_DATA name a folder that others may pass through."
    )


def _check(cluster: Cluster) -> None:
    if not (cluster.data / "password").exists():
        raise FolderUnusable(f"{cluster.data} has lost its file 'password'. Restore it from a backup.")
    if cluster.folder.stat().st_uid == 0:  # restored by root from a backup, perhaps
        cluster.account.own_tree(cluster.folder)
    made_by = int((cluster.folder / "PG_VERSION").read_text())
    if made_by == cluster.binaries.version:
        return
    raise OtherVersion(
        f"{cluster.data} was made by PostgreSQL {made_by}, and this is {cluster.binaries.version}. "
        f"Dump it with PostgreSQL {made_by} (pg_dump) and restore it into a new folder, or choose another folder "
        f"with MUSTER_DATA."
    )


def _initialise(cluster: Cluster, state: Path) -> None:
    """Make the cluster beside its final name, so that a half-made one is never taken for one."""
    link = cluster.data / "cluster"
    if link.is_symlink():
        raise FolderUnusable(
            f"{link} leads to {link.readlink()}, which is not there. "
            "Mount or restore it; to begin anew, remove the link."
        )
    draft = _home(cluster, state) / "cluster.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    cluster.account.own(draft)
    with cluster.write_log() as log, tempfile.TemporaryFile() as password:
        password.write(_new_password(cluster.data).encode() + b"\n")
        password.seek(0)
        cluster.account.own(password.fileno())
        command: list[str | Path] = [cluster.binaries.initdb, *_initdb_options(cluster.binaries.version), "-D", draft]
        status = cluster.account.run(command, output=log, stdin=password.fileno())
    if status != 0:
        raise CannotStart(f"initdb failed in {draft}:\n{tail(cluster.log)}")
    final = draft.with_name("cluster")
    draft.rename(final)
    if final != link:
        link.symlink_to(final)


def _initdb_options(version: int) -> list[str]:
    # The order of text must not depend on the machine. Sockets are not used, so nobody may come in by one.
    locale = ["--locale=C", "--lc-ctype=C.UTF-8"]
    if version >= _BUILTIN_LOCALE_SINCE:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = ["--auth-local=reject", "--auth-host=scram-sha-256", f"--username={USER}", "--pwfile=/dev/stdin"]
    return ["--encoding=UTF8", *locale, *access, "--no-instructions"]


def _home(cluster: Cluster, state: Path) -> Path:
    """Give the folder that the cluster is to lie in: the data folder, if the server's account can get there."""
    if cluster.account.reaches(cluster.data):
        return cluster.data
    # A new name each time: a folder we find there may be the database of a volume that is not mounted just now.
    home = Path(tempfile.mkdtemp(prefix="postgres-", dir=state))
    home.chmod(0o711)
    (home / BELONGS_TO).write_text(f"{cluster.data}\n")
    return home


def _new_password(data: Path) -> str:
    """Write the password before the cluster, so that there is never a cluster without one."""
    password = secrets.token_urlsafe(24)
    _write_private(data / "password", password)
    return password


def _write_private(path: Path, text: str) -> None:
    """Replace a file whole, readable by us alone."""
    draft = path.with_name(path.name + ".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def choose_port(cluster: Cluster) -> int:
    """Keep the port of last time if it is free, for addresses that others wrote down; else take another."""
    port = cluster.port
    while not port or not _is_free(port):
        port = secrets.choice(_PORTS)
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def begin_log(cluster: Cluster) -> int:
    """Put a long log aside and give the byte where the next lines will begin."""
    if not cluster.log.exists():
        return 0
    if cluster.log.stat().st_size > _LARGEST_LOG_BYTES:
        cluster.log.replace(cluster.log.with_name("log.old"))
        return 0
    return cluster.log.stat().st_size

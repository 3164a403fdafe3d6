"""Starting, asking and stopping the server of one cluster. Everything here is called under the lock.

Whether the server lives is told by the lock ``alive`` alone. Its process id, read from PostgreSQL's own file, only says
where to send the signal, and only while that lock is held.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg

from service.embedded.cluster import USER, Cluster, begin_log, choose_port
from service.embedded.failures import CannotStart, tail
from service.embedded.locks import Reminder, is_held, open_lock, try_lock

_POLL_SECONDS = 0.05
_ATTEMPTS = 3
#: The lines of postmaster.pid that we read (PostgreSQL's pidfile.h counts them from one).
_PORT, _STATUS = 3, 7

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "cluster_name": "muster",
    "max_connections": "100",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "pglz",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
}
_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def settings(*, port: int, shared_buffers: str, durable: bool) -> dict[str, str]:
    """Give the server's settings. They go on its command line, so an upgrade of ours brings new ones with it."""
    chosen = {"port": str(port), "shared_buffers": shared_buffers, "fsync": "on"}
    return _SETTINGS | chosen | ({} if durable else _CARELESS)


def bring_up(
    cluster: Cluster, *, shared_buffers: str, durable: bool, cancelled: Callable[[], bool] = lambda: False
) -> None:
    """See to it that the server runs and answers, however long its recovery takes.

    Orphans of a killed server hold its memory for a moment; while one of them lives, no new server is started.

    Raises:
        CannotStart: the server we started gave up.
    """
    waiting = Reminder("waiting for the database to start")
    attempts = 0
    log_start = 0
    while not cancelled():
        descriptor = open_lock(cluster.data / "alive")
        try:
            if try_lock(descriptor):
                if attempts and not _may_try_again(cluster, log_start, attempts):
                    said = tail(cluster.log, log_start)
                    raise CannotStart(f"PostgreSQL could not be started in {cluster.data}:\n{said}")
                attempts += 1
                log_start = _launch(cluster, descriptor, shared_buffers=shared_buffers, durable=durable)
        finally:
            os.close(descriptor)
        if answers(cluster):
            return
        waiting.again(says=tail(cluster.log).splitlines()[-1])
        time.sleep(_POLL_SECONDS)


def _may_try_again(cluster: Cluster, log_start: int, attempts: int) -> bool:
    # Somebody took the port between our look and the server's: look again.
    return attempts < _ATTEMPTS and "could not bind" in tail(cluster.log, log_start)


def _launch(cluster: Cluster, alive: int, *, shared_buffers: str, durable: bool) -> int:
    """Start the server, which inherits the lock *alive*; gives the byte its log begins at."""
    _forget_dead_predecessor(cluster)
    log_start = begin_log(cluster)
    options = settings(port=choose_port(cluster), shared_buffers=shared_buffers, durable=durable)
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    # The shell leaves at once, so that the server is nobody's child: it may outlive us if others use it.
    detached: list[str | Path] = [
        "/bin/sh",
        "-c",
        '"$@" &',
        "sh",
        cluster.binaries.postgres,
        "-D",
        cluster.folder,
        *flags,
    ]
    with cluster.write_log() as log:
        cluster.account.run(detached, output=log, keep=[alive])
    return log_start


def _forget_dead_predecessor(cluster: Cluster) -> None:
    """Remove the process id of a dead server where PostgreSQL would take it for a living one.

    PostgreSQL looks no further than whether the id exists. In a container it may be a zombie that nobody collects, or
    after a restart, ids being few, some other program.
    """
    pid = _pid(cluster)
    if pid and not _may_serve(pid, cluster.folder):
        (cluster.folder / "postmaster.pid").unlink(missing_ok=True)


def _may_serve(pid: int, folder: Path) -> bool:
    """Tell whether a process may be the server of this folder; True where that cannot be known."""
    try:
        program, *arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True
    if Path(os.fsdecode(program)).name != "postgres":  # a zombie has no command line
        return False
    return b"-D" not in arguments or os.fsencode(folder) in arguments


def answers(cluster: Cluster) -> bool:
    """Tell whether the server says it is ready and lets us in.

    Raises:
        CannotStart: it is ready, but our password is not its password.
    """
    lines = _pid_file(cluster)
    if len(lines) <= _STATUS or lines[_STATUS].strip() != "ready":
        return False
    try:
        with connect(cluster, int(lines[_PORT])):
            cluster.remember_port(int(lines[_PORT]))
            return True
    except psycopg.OperationalError as refusal:
        if "password authentication failed" not in str(refusal):
            return False
        raise CannotStart(
            f"{cluster.data / 'password'} is not the password of the cluster beside it. Restore the file from a backup."
        ) from refusal


def connect(cluster: Cluster, port: int, dbname: str = "postgres") -> psycopg.Connection:
    """Connect as the one role there is, outside any transaction."""
    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user=USER,
        password=cluster.password,
        dbname=dbname,
        sslmode="disable",
        connect_timeout=10,
        autocommit=True,
    )


def stop(cluster: Cluster) -> None:
    """Stop the server: connections are cut, work in progress is rolled back. Waits until the last process has gone."""
    waiting = Reminder("waiting for the database to stop")
    told: set[int] = set()
    while is_held(cluster.data / "alive"):
        pid = _pid(cluster)  # a server that begins has not written it yet
        if pid and pid not in told and _may_serve(pid, cluster.folder):
            told.add(pid)
            with suppress(ProcessLookupError):  # killed; what is left of it leaves by itself
                os.kill(pid, signal.SIGINT)
        waiting.again(says=tail(cluster.log).splitlines()[-1])
        time.sleep(_POLL_SECONDS)


def _pid(cluster: Cluster) -> int:
    """Give the process id that the server wrote down; 0 if there is none."""
    first = next(iter(_pid_file(cluster)), "").strip()
    return int(first) if first.isdigit() else 0


def _pid_file(cluster: Cluster) -> list[str]:
    try:
        return (cluster.folder / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from service.embedded import Server
from service.embedded.locks import is_held

from .conftest import kill_postmaster, url_of

Start = Callable[..., Server]
User = Callable[..., subprocess.Popen[str]]


def works(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def runs(data: Path) -> bool:
    return is_held(data / "alive")


def eventually(holds: Callable[[], bool], seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def burn_two_seconds(connection: psycopg.Connection) -> None:
    """Keep a backend busy without a moment at which it would notice that its server was killed.

    Whether it still gives its answer before it leaves is a matter of luck.
    """
    loop = "WHILE clock_timestamp() < until LOOP END LOOP"
    with suppress(psycopg.OperationalError):
        connection.execute(f"DO $$ DECLARE until timestamptz := clock_timestamp() + '2 s'; BEGIN {loop}; END $$")


def test_the_last_user_stops_it(start: Start) -> None:
    first, second = start(), start()
    assert first.url == second.url
    first.close()
    first.close()
    assert works(second.url)
    second.close()
    assert not runs(second.data)


def test_processes_share_it_whoever_started_it(data: Path, start: Start, user: User) -> None:
    starter = user(data)
    url = url_of(starter)
    joined = start()
    assert joined.url == url
    starter.communicate(timeout=30)
    assert works(url)
    joined.close()
    assert not works(url)


def test_eight_processes_that_start_at_once_all_connect(place: Path, user: User) -> None:
    data = place / "postgres"
    processes = [user(data) for _ in range(8)]
    urls = {url_of(process) for process in processes}
    assert len(urls) == 1
    assert works(urls.pop())
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert not runs(data)


def test_threads_that_start_and_leave_in_any_order_leave_nothing(data: Path, start: Start) -> None:
    def visit(_: int) -> bool:
        with start() as server:
            return works(server.url)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(visit, range(12)))
    assert not runs(data)


def test_a_killed_server_comes_back_when_asked_for(start: Start) -> None:
    server = start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept_over_a_kill AS SELECT 1 AS n")
    url = server.url
    kill_postmaster(server)
    server.ensure_running()
    assert server.url == url
    assert works(url)


def test_a_killed_server_comes_back_by_itself(start: Start) -> None:
    server = start()
    kill_postmaster(server)
    assert eventually(lambda: not works(server.url), 5)
    assert eventually(lambda: works(server.url))


def test_a_new_server_waits_for_the_orphans_of_the_old_one(start: Start) -> None:
    server = start()
    busy = psycopg.connect(server.url, autocommit=True)
    query = threading.Thread(target=burn_two_seconds, args=(busy,))
    query.start()
    time.sleep(0.3)
    kill_postmaster(server)
    server.ensure_running()
    assert works(server.url)
    query.join()
    busy.close()


def test_a_server_left_by_killed_users_is_adopted_and_stopped_by_the_next(data: Path, start: Start, user: User) -> None:
    killed = user(data)
    url = url_of(killed)
    killed.kill()
    killed.wait()
    assert works(url)
    adopting = start()
    assert adopting.url == url
    adopting.close()
    assert not runs(data)


def test_a_killed_user_does_not_keep_the_server_from_stopping(data: Path, start: Start, user: User) -> None:
    server = start()
    killed = user(data)
    url_of(killed)
    killed.kill()
    killed.wait()
    server.close()
    assert not runs(data)


def test_a_stale_process_id_of_somebody_else_is_no_obstacle(start: Start) -> None:
    server = start()
    file = server.data / "cluster" / "postmaster.pid"
    lines = file.read_text().splitlines()
    server.close()
    owner = (server.data / "cluster").stat()
    identity: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["/bin/sleep", "60"], cwd="/", **identity) as bystander:
        file.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
        assert works(start().url)
        assert bystander.poll() is None
        bystander.kill()


def test_a_stale_process_id_of_nobody_is_no_obstacle(start: Start) -> None:
    server = start()
    kill_postmaster(server)
    server.close()
    assert (server.data / "cluster" / "postmaster.pid").exists()
    assert works(start().url)


def test_ctrl_c_reaches_its_users_but_not_the_server(data: Path, start: Start, user: User) -> None:
    starter = user(data, start_new_session=True, stderr=subprocess.DEVNULL)
    url = url_of(starter)
    start()
    os.killpg(starter.pid, signal.SIGINT)
    starter.wait(timeout=30)
    assert works(url)


def test_a_forked_child_that_ends_does_not_stop_it(start: Start) -> None:
    server = start()
    child = os.fork()
    if child == 0:
        server.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert works(server.url)


def test_a_taken_port_makes_it_choose_another(start: Start) -> None:
    server = start()
    former = server.url
    server.close()
    with socket.create_server(("127.0.0.1", int(former.rpartition(":")[2].partition("/")[0]))):
        again = start()
        assert again.url != former
        assert works(again.url)


@pytest.mark.soak
def test_a_long_recovery_is_waited_for(own_data: Path, start: Start) -> None:
    server = start(own_data, durable=True)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE big AS SELECT n, repeat('x', 100) AS text FROM generate_series(1, 4000000) n")
        connection.execute("UPDATE big SET n = n + 1")
    kill_postmaster(server)
    server.ensure_running()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT count(*), max(n) FROM big").fetchone() == (4_000_000, 4_000_001)

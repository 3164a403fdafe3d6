"""A function in a process of its own: answers come back, and nothing it does reaches further than an error of ours."""

import os
import threading
import time
from pathlib import Path

import pytest

from service.errors import Busy, TooLarge, Unreadable
from service.sbom import apart
from service.sbom.apart import Failed, TookTooLong, TookTooMuchMemory, run_apart
from service.sbom.refusals import Malformed


def ask(function: str, data: bytes = b"", *, seconds: float = 20.0, megabytes: int = 256) -> bytes:
    return run_apart("targets_apart", function, data, seconds=seconds, megabytes=megabytes)


def test_bytes_go_in_and_bytes_come_out() -> None:
    data = bytes(range(256)) * 40_000

    assert ask("reversed_bytes", data) == data[::-1]
    assert ask("reversed_bytes") == b""


def test_what_a_library_prints_is_not_part_of_the_answer() -> None:
    assert ask("chatty", b"the answer") == b"the answer"


def test_it_runs_in_another_process_without_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_DATABASE_URL", "postgresql://muster:secret@localhost/muster")
    monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")

    assert int(ask("process_id")) != os.getpid()
    assert not {"MUSTER_DATABASE_URL", "HTTPS_PROXY"} & set(ask("environment").decode().split("\n"))


def test_a_refusal_of_ours_arrives_as_it_was_raised() -> None:
    with pytest.raises(Malformed, match=r"^The third line is torn\. Send it again\.$"):
        ask("refuses")


@pytest.mark.parametrize(
    ("function", "said"),
    [("raises", "KeyError"), ("exits", "SystemExit: 1"), ("recurses", "RecursionError"), ("crashes", "ended with -6")],
)
def test_whatever_it_raises_is_a_failure(function: str, said: str) -> None:
    with pytest.raises(Failed, match=said) as failure:
        ask(function)
    assert isinstance(failure.value, Unreadable)
    failure.value.detail.encode()


@pytest.mark.parametrize("function", ["sleeps", "spins"])
def test_what_never_ends_is_ended(function: str) -> None:
    began = time.monotonic()

    with pytest.raises(TookTooLong, match="more than 1 seconds") as late:
        ask(function, seconds=1.0)

    assert time.monotonic() - began < 3
    assert isinstance(late.value, TooLarge)


@pytest.mark.parametrize("function", ["swells", "swells_at_once"])
def test_what_swells_is_ended_at_its_bound(function: str) -> None:
    with pytest.raises(TookTooMuchMemory, match="256 MB") as greedy:
        ask(function)
    assert isinstance(greedy.value, TooLarge)


@pytest.mark.parametrize("function", ["calls_home", "connects", "starts_a_process"])
def test_it_has_no_network_and_starts_nothing(function: str) -> None:
    with pytest.raises(Failed, match="not for a process that reads a document"):
        ask(function, b"http://127.0.0.1:9/")


def test_it_writes_no_files(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="File too large"):
        ask("writes_a_file", bytes(tmp_path / "leak"))


def test_a_function_that_is_not_there_is_a_failure_that_says_so() -> None:
    with pytest.raises(Failed, match="no attribute 'nothing'"):
        ask("nothing")


def test_many_threads_wait_for_their_turns() -> None:
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(ask("reversed_bytes", b"ab"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [b"ba"] * 6


def test_who_would_wait_behind_many_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_PLACES", threading.BoundedSemaphore(1))
    with apart._turn(1), pytest.raises(Busy, match="waiting") as busy:
        ask("reversed_bytes")
    assert busy.value.members == {"retry_after": 30}
    assert ask("reversed_bytes", b"12") == b"21"

"""What `test_apart` lets run in a process of its own: well-behaved, hostile and broken functions on bytes."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

from service.sbom.refusals import Malformed


def reversed_bytes(data: bytes) -> bytes:
    return data[::-1]


def chatty(data: bytes) -> bytes:
    print("x" * 1_000_000)
    print("y" * 1_000_000, file=sys.stderr)
    os.write(1, b"z" * 100_000)
    return data


def environment(_: bytes) -> bytes:
    return "\n".join(os.environ).encode()


def process_id(_: bytes) -> bytes:
    return str(os.getpid()).encode()


def refuses(_: bytes) -> bytes:
    raise Malformed("The third line is torn. Send it again.")


def raises(_: bytes) -> bytes:
    raise KeyError("surprise \ud800 \0")


def exits(_: bytes) -> bytes:
    sys.exit(1)


def crashes(_: bytes) -> bytes:
    os.abort()


def sleeps(_: bytes) -> bytes:
    time.sleep(60)
    return b""


def spins(_: bytes) -> bytes:
    while True:
        pass


def swells(_: bytes) -> bytes:
    held = []
    while True:
        held.append(bytearray(10_000_000))


def swells_at_once(_: bytes) -> bytes:
    return bytes(1 << 40)


def recurses(data: bytes) -> bytes:
    return recurses(data)


def calls_home(data: bytes) -> bytes:
    with urllib.request.urlopen(data.decode()) as answer:  # noqa: S310 - it never gets there
        content: bytes = answer.read()
        return content


def connects(_: bytes) -> bytes:
    socket.create_connection(("127.0.0.1", 9))
    return b""


def starts_a_process(_: bytes) -> bytes:
    return subprocess.run(["true"], check=True, capture_output=True).stdout


def writes_a_file(data: bytes) -> bytes:
    with open(data.decode(), "wb") as file:  # noqa: PTH123 - as a library would
        file.write(b"x" * 100_000)
    return b"written"

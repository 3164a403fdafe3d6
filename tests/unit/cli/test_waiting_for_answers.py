"""A command waits as long as its request may take, and says so when it gives up."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from pydantic import SecretStr

from service.cli.client import Client
from service.errors import UpstreamUnavailable
from service.settings import Settings


class _Slow(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(0.3)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library wants it
        pass


@pytest.fixture
def client() -> Iterator[Client]:
    with HTTPServer(("127.0.0.1", 0), _Slow) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield Client(Settings(url=url, secret_key=SecretStr("x"), api_key=SecretStr("x")))
        server.shutdown()


def test_a_slow_answer_is_waited_for(client: Client) -> None:
    assert client.call("GET", "/", patience_seconds=10).status_code == 200


def test_patience_ends_and_it_is_said(client: Client) -> None:
    with pytest.raises(UpstreamUnavailable, match=r"has not answered in 0 s\."):
        client.call("GET", "/", patience_seconds=0.1)

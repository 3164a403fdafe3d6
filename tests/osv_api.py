"""A small honest api.osv.dev on loopback, over records that a test gives it: its ways, its oddities, its bad days."""

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from osv_bucket import Record
from packaging.utils import canonicalize_name

from service.versions import ECOSYSTEMS, UnparsableVersion, compare

Query = dict[str, Any]

#: It has no order for these, and compares listed versions as text.
UNORDERED_THERE = frozenset({"GitHub Actions", "ConanCenter"})
#: Asked about without a release, it reads listed versions only.
NO_RANGES_WHEN_BARE = frozenset({"Alpine", "Ubuntu"})


@dataclass(frozen=True)
class Fault:
    """How one request goes wrong: a status, a body cut after a share (0: nothing at all), an answer that waits."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    share: float = 1.0
    body: bytes | None = None
    seconds: float = 0.0


class MalformedError(ValueError):
    """The API calls a question malformed; the whole batch fails."""


@dataclass
class OsvApiServer:
    """A running server. `faults` are used up, one a request.

    `page` advisories fit into one page of a question, `most` into a batch before its pages have one each. With
    `token_only` the first page of what has several is nothing but the token of the next.
    """

    records: list[Record]
    url: str = ""
    page: int = 1_000
    most: int = 3_000
    most_queries: int = 1_000
    token_only: bool = False
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, int, int]] = field(default_factory=list)
    asked: list[Query] = field(default_factory=list)

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Answer a request as the API does: (status, JSON)."""
        if path.startswith("/v1/vulns/"):
            wanted = unquote(path.removeprefix("/v1/vulns/"))
            found = next((record for record in self.records if record["id"] == wanted), None)
            return (200, found) if found else (404, {"code": 5, "message": "Bug not found."})
        try:
            asked = json.loads(body)
            if path == "/v1/query":
                return 200, self._paged(asked, self._affecting(asked), self.page, whole=True)
            return self._batch(asked.get("queries", []))
        except MalformedError as error:
            return 400, {"code": 3, "message": str(error)}

    def _batch(self, queries: list[Query]) -> tuple[int, dict[str, Any]]:
        if len(queries) > self.most_queries:
            raise MalformedError("Too many queries.")
        results, given = [], 0
        for query, found in [(query, self._affecting(query)) for query in queries]:
            result = self._paged(query, found, self.page if given < self.most else 1, whole=False)
            given += len(result.get("vulns", []))
            results.append(result)
        return 200, {"results": results}

    def _paged(self, query: Query, found: list[Record], size: int, *, whole: bool) -> dict[str, Any]:
        token = query.get("page_token", "")
        if token == "" and self.token_only and len(found) > size:
            return {"next_page_token": "0"}
        start = int(token or 0)
        page = found[start : start + size]
        vulns = page if whole else [{"id": record["id"], "modified": record["modified"]} for record in page]
        more = {"next_page_token": str(start + size)} if start + size < len(found) else {}
        return ({"vulns": vulns} if vulns else {}) | more

    def _affecting(self, query: Query) -> list[Record]:
        self.asked.append(query)
        package = query.get("package", {})
        ecosystem, name, version = package.get("ecosystem", ""), package.get("name", ""), query.get("version", "")
        if not ecosystem or not name:
            raise MalformedError("Invalid query.")
        if ecosystem.partition(":")[0] not in ECOSYSTEMS:
            raise MalformedError("Invalid ecosystem.")
        return [
            record
            for record in self.records
            if "withdrawn" not in record
            and any(
                _is_meant(entry["package"], ecosystem, name) and _is_affected(entry, ecosystem, version)
                for entry in record.get("affected", [])
            )
        ]


def _is_meant(package: Mapping[str, str], ecosystem: str, name: str) -> bool:
    return ecosystem in _indexed_under(package["ecosystem"]) and _named(
        package["ecosystem"], package["name"]
    ) == _named(ecosystem, name)


def _indexed_under(ecosystem: str) -> set[str]:
    under = {ecosystem, ecosystem.partition(":")[0]}
    if ecosystem.startswith("Ubuntu:"):
        under.add(ecosystem.replace(":Pro", "").removesuffix(":LTS"))
    return under


def _named(ecosystem: str, name: str) -> str:
    return canonicalize_name(name) if ecosystem in ("PyPI", "Echo:PyPI") else name


def _is_affected(entry: Mapping[str, Any], ecosystem: str, version: str) -> bool:
    listed, ranges = entry.get("versions", []), entry.get("ranges", [])
    if not version:
        return True
    if ecosystem in UNORDERED_THERE or not _is_ordered(ecosystem, version):
        return version in listed
    if any(_is_ordered(ecosystem, each) and compare(ecosystem, version, each) == 0 for each in listed):
        return True
    if ecosystem in NO_RANGES_WHEN_BARE:
        return False
    return any(_in_range(each["events"], ecosystem, version) for each in ranges if each["type"] != "GIT")


def _is_ordered(ecosystem: str, version: str) -> bool:
    try:
        compare(ecosystem, version, version)
    except UnparsableVersion:
        return False
    return True


def _in_range(events: Iterable[Mapping[str, str]], ecosystem: str, version: str) -> bool:
    """Walk a range's events as the schema says: the last one at or below the version decides."""
    affected = False
    for event in events:  # the records of these tests have them in order
        ((kind, bound),) = event.items()
        order = 1 if bound == "0" else compare(ecosystem, version, bound)
        if kind == "introduced" and order >= 0:
            affected = True
        if (kind == "fixed" and order >= 0) or (kind == "last_affected" and order > 0):
            affected = False
    return affected


@contextmanager
def serve_osv_api(*records: Record, **settings: Any) -> Iterator[OsvApiServer]:  # noqa: ANN401
    """Serve records on loopback."""
    api = OsvApiServer(list(records), **settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _serve(self, body: bytes) -> None:
            fault = api.faults.pop(0) if api.faults else Fault()
            status, said = (fault.status, {}) if fault.status != 200 else api.answer(self.path, body)
            number = len(json.loads(body).get("queries", [])) if body else 0
            api.requests.append((self.path, number, status))
            time.sleep(fault.seconds)
            sent = json.dumps(said).encode() if fault.body is None else fault.body
            self.close_connection = fault.share < 1
            if fault.share == 0:
                return
            with suppress(ConnectionError):  # who has waited long enough is gone
                self.send_response(status)
                for name, value in {"Content-Length": str(len(sent)), **fault.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sent[: int(len(sent) * fault.share)])

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

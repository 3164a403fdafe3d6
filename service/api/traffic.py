"""Every request gets an id, a line in the log and a place in the counters. Query strings are not logged."""

import re
import time
from collections import defaultdict
from secrets import token_hex
from threading import Lock

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from service.log import logger

log = logger("api")

#: An id that a proxy gave is kept when it is harmless.
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
#: Seconds; a request counts in every bucket at or above its duration.
BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)

Labels = tuple[str, str, int]


class Counters:
    """Requests of this process by method, route and status, and how long they took."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: dict[Labels, int] = defaultdict(int)
        self._buckets = [0] * len(BUCKETS)
        self._seconds = 0.0

    def count(self, labels: Labels, seconds: float) -> None:
        """Count one request."""
        with self._lock:
            self._requests[labels] += 1
            self._seconds += seconds
            for position, bound in enumerate(BUCKETS):
                self._buckets[position] += seconds <= bound

    def lines(self) -> list[str]:
        """Write the counters in Prometheus' text format."""
        with self._lock:
            requests, buckets, seconds = dict(self._requests), list(self._buckets), self._seconds
        total = sum(requests.values())
        lines = ["# TYPE muster_http_requests_total counter"]
        for (method, route, status), count in sorted(requests.items()):
            named = f'method="{method}",route="{route}",status="{status}"'
            lines.append(f"muster_http_requests_total{{{named}}} {count}")
        lines.append("# TYPE muster_http_request_seconds histogram")
        pairs = zip(BUCKETS, buckets, strict=True)
        lines += [f'muster_http_request_seconds_bucket{{le="{bound}"}} {count}' for bound, count in pairs]
        lines.append(f'muster_http_request_seconds_bucket{{le="+Inf"}} {total}')
        return [*lines, f"muster_http_request_seconds_sum {seconds:.6f}", f"muster_http_request_seconds_count {total}"]


class Traffic:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, counters: Counters) -> None:
        self._app, self._counters = app, counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on under its id, and count how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else token_hex(8)
        scope["request_id"] = request_id
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        started = time.perf_counter()
        try:
            with bound_contextvars(request_id=request_id):
                await self._app(scope, receive, send_with_id)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's template, never the path: paths would make as many counters as there are products.
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if route != "none" else "ANY"
        self._counters.count((method, route, status), seconds)
        if route not in {"/healthz", "/readyz", "/metrics"}:
            milliseconds = round(seconds * 1000, 1)
            log.info("request", method=scope["method"], path=scope["path"], status=status, ms=milliseconds)

"""What no client of good will sends, in every place the description of the API has: answers it names, and no crash."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from made_up_calls import furnish
from serving import Served, serving

#: As they stand in an address.
VALUES = [
    *("%00", "a%00b", "%FF", "%ED%A0%80", "%F0%9F%92%A9", "%E2%80%AE", "%0A%0D", "%20", "%zz", "%2F%2F", "%D9%A1"),
    *("-1", "9" * 30, "9" * 5000, "1e400", "NaN", "A" * 5000, "(((((", "%5B%5D", "%27%3B--", "true%00"),
    *("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "0000-00-00T00:00:00Z", "2024-02-30", "1e10"),
    *("pkg:", "pkg:npm/%00", "vers:npm/*", "cpe:2.3:a:%00", "sha256:zz", "INC-%D9%A1", "EXP-" + "9" * 30),
    *("sbom:" + "9" * 30, "release:%00", "stream:main@0001-01-01T00:00:00Z", "stream:%FF", "%00/stream:x"),
]
_DEEP = (b'{"x":' * 900 + b"1" + b"}" * 900, b"[" * 900 + b"]" * 900)
BODIES = [
    *(b"", b"null", b"[]", b"{}", b'"x"', b"1e999", b'{"a":NaN}', b"\xff\xfe", b"\0", b"9" * 5000),
    *(b"[" * 100_000, b'{"x":' * 3000, *_DEEP, b'{"to":"fix_claimed","evidence":%s}' % _DEEP[0]),
    *(b'{"life_days":%s}' % (b"9" * 5000), b'{"affected":%s}' % _DEEP[1], b'{"database_specific":{"x":1e999}}'),
    *(
        body.replace(b"?", odd)
        for odd in (rb"\u0000", rb"\ud800")
        for body in (
            b'{"reason":"?","text":"?","team":"?","name":"?","to":"acknowledged"}',
            b'{"title":"?","tags":["?"]}',
            b'{"team":"?"}',
            b'{"reason":"?"}',
            b'{"name":"?","role":"reader"}',
            b'{"name":"?","version":"?"}',
            b'{"active":true,"tags":[{"name":"?"}]}',
            b'{"projectName":"?","bom":"e30="}',
            b'{"stream":"?"}',
            b'{"release":"?"}',
            b'{"email":"?@x"}',
            b'{"to":"fix_claimed","evidence":{"?":"?"}}',
            b'{"summary":"?","affected":[{"package":{"name":"?","ecosystem":"npm"},"versions":["?"]}]}',
        )
    ),
    *(
        body.replace(b"?", at)
        for at in (b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00")
        for body in (b'{"as_of":"?"}', b'{"to":"risk_accepted","reason":"x","expires_at":"?"}', b'{"modified":"?"}')
    ),
]
HEADERS = [
    *(("Content-Type", kind) for kind in ("text/plain", "application/json; charset=utf-16", "a" * 3000, "\xff")),
    *(("Content-Type", f"multipart/form-data{rest}") for rest in ("", "; boundary=", '; boundary="\xe9"')),
    *(("Content-Encoding", packing) for packing in ("gzip", "br", "gzip,gzip,gzip", "\xff", "zstd")),
    *(("If-Match", tag) for tag in ("", "\xff", '"', '"\xe9"')),
    *(("Authorization", key) for key in ("\xff", "Bearer", "Bearer \xe9", "Basic eDp4", "Bearer mst_a_b")),
    *(("X-Request-Id", "\xff"), ("X-Big", "a" * 30_000), ("Accept", "nonsense"), ("Range", "bytes=0-1")),
]
WITH_BODY = ("post", "put", "patch")

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def served(module_database: str) -> Iterator[Served]:
    with serving(module_database) as server:
        yield server


def test_odd_requests_are_answered_as_described(served: Served) -> None:
    known = furnish(served.client)
    usual = {name: str(values[0]) for name, values in known.items()} | {"token": "x"}
    wrong = []
    for path, methods in served.client.get("/openapi.json").json()["paths"].items():
        for method, call in methods.items():
            for target, headers, body in odd(path, method, call, usual):
                url = httpx.URL(f"{served.client.base_url}{target}")
                answer = served.client.request(method, url, content=body, headers=headers)
                led_elsewhere = answer.status_code == 404 and not target.startswith(filled(path, usual))
                if str(answer.status_code) not in call["responses"] and not led_elsewhere:
                    wrong.append((method, target[:200], headers, body and body[:80], answer.status_code))
                assert answer.status_code != 500, (wrong[-1], served.log()[-3000:])
    assert wrong == []


Sent = tuple[str, list[tuple[bytes, bytes]], bytes | None]


def odd(path: str, method: str, call: dict[str, Any], usual: dict[str, str]) -> Iterator[Sent]:
    """Give addresses, headers and bodies with one oddity each."""
    target, body = filled(path, usual), (b"{}" if method in WITH_BODY else None)
    json = [(b"Content-Type", b"application/json"), (b"If-Match", b"*")]
    for parameter in call.get("parameters", []):
        for value in VALUES:
            if parameter["in"] == "path":
                yield filled(path, usual | {parameter["name"]: value}), json, body
            elif parameter["in"] == "query" and parameter["name"] != "wait":
                yield f"{target}?{parameter['name']}={value}", json, body
                yield f"{target}?{parameter['name']}={value}&{parameter['name']}=main&stream=main", json, body
    for name, said in HEADERS:
        yield target, [(name.encode(), said.encode("latin-1"))], body
    for sent in BODIES if method in WITH_BODY else []:
        yield target, json, sent


def filled(path: str, usual: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: usual[match[1]], path)

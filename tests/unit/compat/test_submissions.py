"""Bodies as real clients write them, and as nobody should."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from fastapi import Request

from service.compat.dependency_track.submissions import Submission, receive_submission
from service.errors import TooLarge, Unreadable

BOM = b'{"bomFormat": "CycloneDX"}\xff\x00 bytes of any kind'
MAX_BYTES = 1_000


def receive(
    chunks: Iterable[bytes], content_type: str, *, max_bytes: int = MAX_BYTES, announced: str = ""
) -> Submission:
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def take() -> dict[str, Any]:
        return messages.pop(0)

    given = {"content-type": content_type, "content-length": announced}
    scope = {"type": "http", "headers": [(name.encode(), value.encode()) for name, value in given.items()]}
    return asyncio.run(receive_submission(Request(scope, take), max_bytes=max_bytes))


def receive_json(values: dict[str, Any], **more: Any) -> Submission:  # noqa: ANN401
    return receive([json.dumps(values).encode()], "application/json", **more)


def receive_form(parts: list[tuple[str, Any]], **more: Any) -> Submission:  # noqa: ANN401
    request = httpx.Request("POST", "http://here", files=parts)
    body = request.read()
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    return receive(pieces, request.headers["content-type"], **more)


def test_json_with_everything() -> None:
    sent = receive_json(
        {
            "projectName": " Acme  Shop ",
            "projectVersion": "1.4.2",
            "autoCreate": True,
            "projectTags": [{"name": "pci"}],
            "parentName": "Acme",
            "parentVersion": "1",
            "isLatest": True,
            "bom": b64encode(BOM).decode(),
        }
    )
    assert sent == Submission(
        bom=BOM,
        project="",
        name="Acme Shop",
        version="1.4.2",
        auto_create=True,
        tags=("pci",),
        unkept=("parentName", "parentVersion", "isLatest"),
    )


@pytest.mark.parametrize(("said", "meant"), [("true", True), ("false", False), (True, True), (None, False)])
def test_true_may_be_a_word_as_some_clients_write_it(said: object, meant: bool) -> None:  # noqa: FBT001
    assert receive_json({"project": "x", "autoCreate": said, "bom": b64encode(BOM).decode()}).auto_create is meant


@pytest.mark.parametrize(
    "encoded",
    [
        b64encode(BOM).decode().rstrip("="),
        "\n".join(b64encode(BOM).decode()[start : start + 10] for start in range(0, 80, 10)),
    ],
    ids=["without padding", "in lines"],
)
def test_base64_as_encoders_write_it(encoded: str) -> None:
    assert receive_json({"project": "x", "bom": encoded}).bom == BOM


def test_base64_whose_signs_are_escaped() -> None:
    encoded = b64encode(b"\xff\xef\xbe?>\xff").decode()
    assert {"/", "+"} & set(encoded)
    escaped = encoded.replace("/", r"\/").replace("=", r"\u003d").replace("+", r"\u002b")
    body = f'{{"project": "x", "bom": "{escaped}"}}'
    assert receive([body.encode()], "application/json").bom == b"\xff\xef\xbe?>\xff"


@pytest.mark.parametrize("filename", ["bom.xml", None], ids=["a file", "a field"])
def test_a_form_keeps_every_byte_with_and_without_file_name(filename: str | None) -> None:
    sent = receive_form(
        [
            ("projectName", (None, "Grüße")),
            ("projectVersion", (None, "1.0")),
            ("autoCreate", (None, "true")),
            ("projectTags", (None, "pci, web")),
            ("parentUUID", (None, "u")),
            ("bom", (filename, BOM)),
        ]
    )
    assert (sent.bom, sent.name, sent.version, sent.auto_create) == (BOM, "Grüße", "1.0", True)
    assert (sent.tags, sent.unkept) == (("pci", "web"), ("parentUUID",))


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"project": "x"}, "missing"),
        ({"project": "x", "bom": ""}, "missing"),
        ({"project": "x", "bom": None}, "missing"),
        ({"project": "x", "bom": {"a": 1}}, "missing"),
        ({"project": "x", "bom": "!!!!"}, "Base64"),
        ({"bom": "AAAA"}, "projectName"),
        ({"projectVersion": "1", "bom": "AAAA"}, "projectName"),
        ({"project": 7, "bom": "AAAA"}, "project"),
        ({"project": "x", "autoCreate": "perhaps", "bom": "AAAA"}, "autoCreate"),
        ({"project": "x", "projectTags": ["pci"], "bom": "AAAA"}, "projectTags"),
    ],
)
def test_json_that_lacks_something_says_what(values: dict[str, Any], word: str) -> None:
    with pytest.raises(Unreadable, match=word):
        receive_json(values)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"bom": "\xff"}', b"[" * 5_000, b'{"x":' * 5_000]
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        receive([body], "application/json")


@pytest.mark.parametrize(
    "parts",
    [
        [("project", (None, "x"))],
        [("project", (None, "x")), ("bom", (None, b""))],
        [("project", (None, "x")), ("bom", ("a", BOM)), ("bom", ("b", BOM))],
        [("bom", ("a", BOM))],
        [(f"field{number}", (None, "x")) for number in range(100)],
    ],
    ids=["no bom", "an empty bom", "two boms", "no project", "too many parts"],
)
def test_a_form_needs_one_bom_and_a_project(parts: list[tuple[str, Any]]) -> None:
    with pytest.raises(Unreadable):
        receive_form(parts)


@pytest.mark.parametrize("boundary", ["", "; boundary=" + "x" * 300])
def test_a_form_needs_a_boundary_of_some_length(boundary: str) -> None:
    with pytest.raises(Unreadable):
        receive([], f"multipart/form-data{boundary}")


def test_half_a_form_is_refused() -> None:
    disposition = b"--x\r\nContent-Disposition: form-data; name="
    body = disposition + b'"project"\r\n\r\np\r\n' + disposition + b'"bom"'
    for content in (body, body + b"\r\n\r\n<bom", b"", b"no form at all"):
        with pytest.raises(Unreadable):
            receive([content], "multipart/form-data; boundary=x")
    with pytest.raises(Unreadable, match="boundary"):
        receive([body], "multipart/form-data")


def test_the_limit_is_that_of_the_sbom_and_not_of_its_wrapping() -> None:
    largest = b"x" * MAX_BYTES
    assert len(receive_json({"project": "x", "bom": b64encode(largest).decode()}).bom) == MAX_BYTES
    assert len(receive_form([("project", (None, "x")), ("bom", ("f", largest))]).bom) == MAX_BYTES
    with pytest.raises(TooLarge):
        receive_json({"project": "x", "bom": b64encode(largest + b"x").decode()})
    with pytest.raises(TooLarge):
        receive_form([("project", (None, "x")), ("bom", ("f", largest + b"x"))])


def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    def endless() -> Iterable[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    with pytest.raises(TooLarge):
        receive(endless(), "application/json")
    with pytest.raises(TooLarge):
        receive([], "application/json", announced="99999999999")

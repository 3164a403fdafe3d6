"""What clients send with an SBOM: JSON with Base64 in it, or a form. Both come by PUT and by POST in the wild."""

import binascii
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from fastapi import Request
from msgspec import structs
from starlette.concurrency import run_in_threadpool

from service.compat.dependency_track.forms import Form
from service.errors import TooLarge, Unreadable

#: What a request may have beside its SBOM.
_REST_BYTES = 256 * 1024
_TagName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Tag(msgspec.Struct):
    """A tag as projects have it."""

    name: _TagName


class _Sent(msgspec.Struct, rename="camel"):
    bom: msgspec.Raw = msgspec.Raw()
    project: str | None = None
    project_name: str | None = None
    project_version: str | None = None
    auto_create: bool | None = None
    project_tags: Annotated[list[Tag], msgspec.Meta(max_length=100)] | None = None
    # What has no place here, whatever it is: a product has no parent, and every version's newest build counts.
    parent_uuid: Any = msgspec.field(name="parentUUID", default=None)
    parent_name: Any = None
    parent_version: Any = None
    is_latest: Any = None
    is_latest_project_version: Any = None

    def unkept(self) -> tuple[str, ...]:
        """Name the fields that were sent and have no place here."""
        untyped = (field for field in structs.fields(self) if field.type is Any)
        return tuple(field.encode_name for field in untyped if getattr(self, field.name) not in (None, ""))


@dataclass(frozen=True)
class Submission:
    """An SBOM and the project it is for: `project` (a UUID), or `name` and perhaps `version`.

    `unkept` names the fields that were sent and have no place here.
    """

    bom: bytes = field(repr=False)
    project: str
    name: str
    version: str
    auto_create: bool
    tags: tuple[str, ...]
    unkept: tuple[str, ...]


async def receive_submission(request: Request, *, max_bytes: int) -> Submission:
    """Read a request's body within bounds.

    Args:
        request: Its Content-Type tells a form from JSON.
        max_bytes: Of the SBOM itself.

    Raises:
        TooLarge: It is announced or found to be larger.
        Unreadable: It is neither, or lacks what it needs.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() == "multipart/form-data":
        form = Form(content_type)
        async for chunk in _bounded(request, max_bytes + _REST_BYTES, max_bytes):
            form.feed(chunk)
        return _from_form(form.end(), max_bytes)
    body = bytearray()
    async for chunk in _bounded(request, -(-max_bytes * 4 // 3) + _REST_BYTES, max_bytes):
        body += chunk
    # Hundreds of megabytes take a while to decode, and others are waiting.
    return await run_in_threadpool(_from_json, body, max_bytes)


async def _bounded(request: Request, most: int, max_bytes: int) -> AsyncIterator[bytes]:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(max_bytes)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(max_bytes)
        yield chunk


def _from_form(fields: dict[str, list[bytes]], max_bytes: int) -> Submission:
    boms = fields.pop("bom", [])
    if len(boms) != 1 or not boms[0]:
        raise Unreadable(f"The form needs one part `bom` with an SBOM in it; it has {len(boms)}.")
    if len(boms[0]) > max_bytes:
        raise _too_large(max_bytes)
    texts = {name: parts[0].decode("utf-8", errors="replace") for name, parts in fields.items() if parts[0]}
    tags = [{"name": tag.strip()} for tag in texts.pop("projectTags", "").split(",") if tag.strip()]
    try:
        sent = msgspec.convert({**texts, "projectTags": tags}, _Sent, strict=False)
    except msgspec.ValidationError as error:
        raise Unreadable(f"The form does not fit: {error}.") from error
    return _submission(sent, boms[0])


def _from_json(body: bytearray, max_bytes: int) -> Submission:
    try:
        # Not strict: some clients send "true" for true.
        sent = msgspec.json.decode(body, type=_Sent, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"The body is neither a form nor JSON that fits: {error}.") from error
    return _submission(sent, _decoded(sent.bom, max_bytes))


def _decoded(raw: msgspec.Raw, max_bytes: int) -> bytes:
    """Decode the Base64 in a JSON string, in place where nothing in it is escaped."""
    view = memoryview(raw)
    if len(view) <= len('""') or view[0] != ord('"'):
        raise Unreadable("The field `bom` is missing; it holds the SBOM, Base64-encoded.")
    try:
        decoded = binascii.a2b_base64(_plain(raw, view), strict_mode=True)
    except ValueError as error:
        raise Unreadable(f"The field `bom` is not Base64: {error}.") from error
    if len(decoded) > max_bytes:
        raise _too_large(max_bytes)
    return decoded


def _plain(raw: msgspec.Raw, view: memoryview) -> memoryview | bytes:
    """Give what is between the quotes, padded; without a copy where it can be taken as it is."""
    if len(view) % 4 == len('""') and not re.search(rb"\\", view):
        return view[1:-1]
    text = "".join(msgspec.json.decode(raw, type=str).split())
    return (text + "=" * (-len(text) % 4)).encode()


def _submission(sent: _Sent, bom: bytes) -> Submission:
    project, name = (sent.project or "").strip(), " ".join((sent.project_name or "").split())
    if not project and not name:
        raise Unreadable("Say which project: `project` with its UUID, or `projectName` and `projectVersion`.")
    return Submission(
        bom=bom,
        project=project,
        name=name,
        version=(sent.project_version or "").strip(),
        auto_create=bool(sent.auto_create),
        tags=tuple(tag.name for tag in sent.project_tags or ()),
        unkept=sent.unkept(),
    )


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(
        f"An SBOM may have {max_bytes:,} bytes. Split it by component, or raise MUSTER_MAX_UPLOAD_BYTES.",
        max_bytes=max_bytes,
    )

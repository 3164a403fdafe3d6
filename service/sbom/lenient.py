"""JSON into typed structs: strictly and fast when the document is as it should be, by hand when it is not.

Fields are ``str | None``, ``X | None`` or ``list[...] | None`` with structs X; ``Any`` is taken as it comes. A number
for a version, an object for a list: anything else sends the document the slow way, which keeps what can be kept.
"""

import re
import typing
from functools import cache
from typing import Any, TypeVar

import msgspec
import orjson

from service.sbom.encoding import require_utf8, without_bad_escapes
from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, TooDeep, at
from service.sbom.texts import as_text

S = TypeVar("S", bound=msgspec.Struct)

_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_PLACE = re.compile(r"\(byte (\d+)\)")
_MISFIT = object()


def decode(data: bytes, shape: type[S], oddities: Oddities) -> S:
    """Read one JSON object as *shape*; fields that *shape* lacks are skipped.

    Raises:
        Malformed: Not UTF-8, not JSON, or a top-level list is something else.
        TooDeep: Nested deeper than the interpreter's stack allows (about a thousand levels).
    """
    require_utf8(data)
    # 0.5 ms a megabyte; cheaper than looking at every string afterwards.
    if b"\\u0000" in data:
        data = without_bad_escapes(data, oddities)
    try:
        return _decode(data, shape, oddities)
    except RecursionError as error:
        raise TooDeep("The JSON is nested too deeply to be an SBOM. Flatten it and send it again.") from error


def _decode(data: bytes, shape: type[S], oddities: Oddities) -> S:
    try:
        decoded: S = _decoder(shape).decode(data)
        return decoded  # noqa: TRY300 - the type needs a name
    except (msgspec.ValidationError, UnicodeDecodeError):
        return _by_hand(data, shape, oddities)
    except msgspec.DecodeError as error:
        return _decode(_mended(data, error, oddities), shape, oddities)


@cache
def _decoder(shape: type[S]) -> msgspec.json.Decoder[S]:
    return msgspec.json.Decoder(shape)


def _mended(data: bytes, error: msgspec.DecodeError, oddities: Oddities) -> bytes:
    """Take away what may be taken away; each mending leaves nothing of its kind, so this ends."""
    if trailing := _TRAILING.search(str(error)):
        # msgspec counts the first trailing byte as read, so its number is one too high.
        return _without_trailing(data, int(trailing[1]) - 1, oddities)
    clean = without_bad_escapes(data, oddities)
    if clean == data:
        raise _malformed(data, error) from error
    return clean


def _without_trailing(data: bytes, end: int, oddities: Oddities) -> bytes:
    if data[end : end + 1] in (b"{", b"["):
        raise Malformed(f"A second JSON document begins at {at(data, end)}. Send each SBOM by itself.")
    oddities.note("trailing-data", at(data, end))
    return data[:end]


def _malformed(data: bytes, error: Exception) -> Malformed:
    place = _PLACE.search(str(error))
    where = at(data, int(place[1])) if place else f"its end (byte {len(data)})"
    said = _PLACE.sub("", str(error)).strip()
    return Malformed(f"The JSON cannot be read: {said}, at {where}. Create the SBOM again and send it whole.")


def _by_hand(data: bytes, shape: type[S], oddities: Oddities) -> S:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "ecursion" in str(error):
            raise TooDeep("The JSON is nested too deeply to be an SBOM. Flatten it and send it again.") from error
        raise Malformed(f"The JSON cannot be read: {error.msg}, at {at(data, error.pos)}.") from error
    if not isinstance(value, dict):
        raise Malformed("The JSON is not an object. Send the SBOM document itself.")
    return _struct(value, shape, "", oddities)


def _struct(value: dict[str, Any], shape: type[S], pointer: str, oddities: Oddities) -> S:
    fields = {}
    for name, key, hint in _fields(shape):
        if key not in value:
            continue
        fitted = _fit(value[key], hint, f"{pointer}/{key}", oddities)
        if fitted is not _MISFIT:
            fields[name] = fitted
        elif not pointer and typing.get_origin(hint) is list:
            # Reading "components" as empty would make an unsafe product look clean.
            raise Malformed(f"/{key} should be a list. Create the SBOM again and send it.")
    return shape(**fields)


@cache
def _fields(shape: type[msgspec.Struct]) -> list[tuple[str, str, Any]]:
    """Give each field's name, JSON key and type, the ``| None`` taken off."""
    hints = typing.get_type_hints(shape)
    return [
        (field.name, field.encode_name, next(iter(typing.get_args(hints[field.name])), hints[field.name]))
        for field in msgspec.structs.fields(shape)
    ]


def _fit(value: Any, hint: Any, pointer: str, oddities: Oddities) -> Any:  # noqa: ANN401 - JSON values
    if hint is Any or value is None or (hint is str and isinstance(value, str)):
        return value
    if hint is str and not isinstance(value, list | dict):
        oddities.note("wrong-type", pointer)
        return as_text(value)
    if hint in (str, int):
        return _misfit(pointer, oddities)
    if typing.get_origin(hint) is not list:
        if isinstance(value, dict):
            return _struct(value, hint, pointer, oddities)
    elif isinstance(value, list):
        (inner,) = typing.get_args(hint)
        fitted = [
            _misfit(pointer, oddities) if item is None else _fit(item, inner, f"{pointer}/{place}", oddities)
            for place, item in enumerate(value)
        ]
        return [item for item in fitted if item is not _MISFIT]
    return _misfit(pointer, oddities)


def _misfit(pointer: str, oddities: Oddities) -> object:
    oddities.note("wrong-type", pointer)
    return _MISFIT

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

from service.sbom.crowding import refuse_crowded, refuse_crowded_values
from service.sbom.encoding import require_utf8, without_bad_escapes
from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, TooDeep, at
from service.sbom.texts import as_text

S = TypeVar("S", bound=msgspec.Struct)

_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_PLACE = re.compile(r"\(byte (\d+)\)")
_NUL = re.compile(rb"\\u0000")
_MISFIT = object()
_STRINGS = msgspec.json.Decoder(list[str])
#: A document with more values of the wrong type is not one with a small sin, and mending each takes long.
MOST_MISFITS = 200_000

#: Objects and lists in one document, for readers that keep them all. A real one of 256 MB has some three million.
MOST_OBJECTS = 8_000_000


def decode(data: bytes, shape: type[S], oddities: Oddities) -> S:
    """Read one JSON object as *shape*; fields that *shape* lacks are skipped.

    Raises:
        Malformed: Not UTF-8, not JSON, or a top-level list is something else.
        TooManyComponents: More objects or strings than any SBOM has.
        TooDeep: Nested deeper than the interpreter's stack allows (about a thousand levels).
    """
    refuse_crowded(data)
    require_utf8(data)
    # 0.3 ms a megabyte, half of what "in" takes; cheaper than looking at every string afterwards.
    if _NUL.search(data):
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
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - any type msgspec knows
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


def item(value: msgspec.Raw | dict[str, Any], shape: type[S], pointer: str, oddities: Oddities) -> S | None:
    """Read one item of a list that was left as `msgspec.Raw`, or as JSON; ``None`` (noted) when it is no object."""
    if isinstance(value, dict):
        found = _fit(value, shape, pointer, oddities)
    else:
        found = _fitted(value, shape, pointer, oddities)
    return found if isinstance(found, shape) else None


def strings(value: msgspec.Raw, pointer: str, oddities: Oddities) -> list[str]:
    """Read a list of strings that was left as `msgspec.Raw`; none (noted) when it is something else."""
    try:
        return _STRINGS.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = _fitted(value, list[str], pointer, oddities)
    return found if isinstance(found, list) else []


def _by_hand(data: bytes, shape: type[S], oddities: Oddities) -> S:
    """Read field by field and item by item, so that only what is odd becomes Python dicts and lists."""
    refuse_crowded_values(data)
    data = without_bad_escapes(data, oddities)
    try:
        members = _decoder(dict[str, msgspec.Raw]).decode(data)
    except msgspec.ValidationError as error:
        raise Malformed("The JSON is not an object. Send the SBOM document itself.") from error
    except msgspec.DecodeError as error:
        return _by_hand(_mended(data, error, oddities), shape, oddities)
    read = {
        name: _member(members[key], hint, f"/{key}", oddities) for name, key, hint in _fields(shape) if key in members
    }
    return shape(**{name: value for name, value in read.items() if value is not _MISFIT})


def _member(raw: msgspec.Raw, hint: Any, pointer: str, oddities: Oddities) -> Any:  # noqa: ANN401 - JSON values
    if typing.get_origin(hint) is not list:
        return _fitted(raw, hint, pointer, oddities)
    try:
        items = _decoder(list[msgspec.Raw] | None).decode(raw)
    except msgspec.ValidationError as error:
        # Reading "components" as empty would make an unsafe product look clean.
        raise Malformed(f"{pointer} should be a list. Create the SBOM again and send it.") from error
    (inner,) = typing.get_args(hint)
    fitted = [_fitted(item, inner, f"{pointer}/{place}", oddities) for place, item in enumerate(items or ())]
    return _without_misfits(fitted, pointer, oddities)


def _fitted(raw: msgspec.Raw, hint: Any, pointer: str, oddities: Oddities) -> Any:  # noqa: ANN401
    try:
        return _decoder(hint).decode(raw)
    except (msgspec.ValidationError, UnicodeDecodeError):
        return _fit(_loads(raw, pointer), hint, pointer, oddities)
    except msgspec.DecodeError:  # what is passed over is not looked at closely, until now
        clean = without_bad_escapes(bytes(raw), oddities)
        return _fit(_loads(msgspec.Raw(clean), pointer), hint, pointer, oddities)


def _loads(raw: msgspec.Raw, pointer: str) -> Any:  # noqa: ANN401
    try:
        return orjson.loads(bytes(raw))
    except orjson.JSONDecodeError as error:
        if "ecursion" in str(error) or "depth" in str(error):
            raise TooDeep("The JSON is nested too deeply to be an SBOM. Flatten it and send it again.") from error
        raise Malformed(f"The JSON cannot be read: {error.msg}, within {pointer}.") from error


def _struct(value: dict[str, Any], shape: type[S], pointer: str, oddities: Oddities) -> S:
    fields = {
        name: msgspec.Raw(orjson.dumps(value[key]))
        if hint is msgspec.Raw
        else _fit(value[key], hint, f"{pointer}/{key}", oddities)
        for name, key, hint in _fields(shape)
        if key in value
    }
    return shape(**{name: fitted for name, fitted in fields.items() if fitted is not _MISFIT})


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
        _misfit(pointer, oddities)
        return as_text(value)
    if hint in (str, int):
        return _misfit(pointer, oddities)
    if typing.get_origin(hint) is not list:
        if isinstance(value, dict):
            return _struct(value, hint, pointer, oddities)
    elif isinstance(value, list):
        (inner,) = typing.get_args(hint)
        fitted = [_fit(item, inner, f"{pointer}/{place}", oddities) for place, item in enumerate(value)]
        return _without_misfits(fitted, pointer, oddities)
    return _misfit(pointer, oddities)


def _misfit(pointer: str, oddities: Oddities) -> object:
    oddities.note("wrong-type", pointer)
    if oddities.count("wrong-type") > MOST_MISFITS:
        raise Malformed(
            f"More than {MOST_MISFITS:,} values have the wrong type, as at {pointer}. Create the SBOM again."
        )
    return _MISFIT


def _without_misfits(items: list[Any], pointer: str, oddities: Oddities) -> list[Any]:
    """Leave out what did not fit (noted already) and nulls, which are values elsewhere but nothing in a list."""
    for place, item in enumerate(items):
        if item is None:
            _misfit(f"{pointer}/{place}", oddities)
    return [item for item in items if item is not _MISFIT and item is not None]

"""What a process of its own gives back: an SPDX 2 document as JSON, and how the reading went."""

from typing import Any

import msgspec

from service.sbom.oddities import Oddities

#: Most of the bytes and none of the inventory (`spdx_model`); what is not read need not conform either.
PASSED_OVER = ("files", "snippets", "annotations", "reviewers", "revieweds", "hasExtractedLicensingInfos")
#: What remains of the files: that there are some.
SOME_FILES: list[dict[str, Any]] = [{}]
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Translated(msgspec.Struct):
    """``oddities`` are (code, count, first); ``refusal`` is spdx-tools' first reason, empty when it read all of it."""

    document: msgspec.Raw
    oddities: list[tuple[str, int, str]]
    refusal: str = ""


def translated(tree: dict[str, Any], oddities: Oddities, refusal: str = "") -> bytes:
    """Write a `Translated` as JSON."""
    listed = [(one.code, one.count, one.first) for one in oddities.listed()]
    document = msgspec.Raw(msgspec.json.encode(tree))
    return msgspec.json.encode(Translated(document=document, oddities=listed, refusal=storable(refusal)))


def storable(words: str) -> str:
    """Replace what Postgres does not store: NUL and lone surrogates."""
    if "\0" in words:
        words = words.replace("\0", _REPLACEMENT)
    if words.isascii():
        return words
    try:
        words.encode()
    except UnicodeEncodeError:
        return "".join(_REPLACEMENT if "\ud800" <= letter <= "\udfff" else letter for letter in words)
    return words


def noted(words: str, where: str, oddities: Oddities) -> str:
    """Give *words* `storable`, with a warning if that changed them."""
    kept = storable(words)
    if kept != words:
        oddities.note("replaced-characters", where)
    return kept


def without_what_is_passed_over(tree: dict[str, Any]) -> dict[str, Any]:
    """Give the document without its files (but `SOME_FILES`) and what else is not read."""
    kept = {key: value for key, value in tree.items() if key not in PASSED_OVER}
    if tree.get("files"):
        kept["files"] = SOME_FILES
    for package in kept.get("packages") or ():
        if isinstance(package, dict):
            for key in ("hasFiles", "annotations", "licenseInfoFromFiles", "packageVerificationCode"):
                package.pop(key, None)
    return kept

"""What clients ask: a package at a version, all of a package, or a commit; one by one or a thousand at once."""

import re
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Final, NamedTuple, TypeVar

import msgspec

from service.advisories.asking import Question, asked_for
from service.compat.osv.wording import Malformed
from service.errors import TooLarge
from service.inventory.coordinates import UNPARSABLE, key_of, why_unevaluated
from service.purls import BadPurl, identify, parse
from service.purls.ecosystems import ECOSYSTEMS as REGISTRIES
from service.purls.provenance import ELSEWHERE, provenance
from service.versions import ECOSYSTEMS

MOST_QUERIES: Final = 1_000
_MOST_BYTES: Final = 16 * 2**20

#: Of `Asked.unevaluated`, beside the reasons of `service.purls.identity`.
COMMIT: Final = "commit"

#: Stands for the version where none is asked about; every packaging can read it.
_ANY_VERSION: Final = "0-r0"

#: Characters. Ecosystems are remembered by those who look them up.
_LONGEST_ECOSYSTEM: Final = 300

_HASH = re.compile(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?")


class Package(msgspec.Struct, omit_defaults=True):
    """A package by name and ecosystem, or by package URL."""

    name: str | None = None
    ecosystem: str | None = None
    purl: str | None = None


class Query(msgspec.Struct, omit_defaults=True):
    """One question as it is sent. Protocol buffers let a token be written either way."""

    package: Package | None = None
    version: str | None = None
    commit: str | None = None
    page_token: str | None = None
    pageToken: str | None = None  # noqa: N815

    @property
    def token(self) -> str:
        """Where to go on; '' at the beginning."""
        return self.page_token or self.pageToken or ""

    def digest(self) -> str:
        """Tell this question from others, wherever in its answer one is."""
        asked = (self.package, self.version, self.commit)
        return sha256(msgspec.json.encode(asked)).hexdigest()[:32]


class _Batch(msgspec.Struct):
    queries: list[Query] = []


class PurlName(NamedTuple):
    """A package's name as a purl has it."""

    type: str
    namespace: str
    name: str


class Asked(NamedTuple):
    """What a question means to us.

    `unevaluated` tells why nothing can be said, or nothing with certainty; '' where it can. With `any_version` all
    advisories of the package are asked for. `name` is what patterns of internal names are compared with, `origin` and
    `address` are what the purl says of where the package came from (`service.purls.provenance`).
    """

    question: Question
    any_version: bool
    unevaluated: str
    name: PurlName = PurlName("", "", "")
    origin: str = ""
    address: str = ""


_Sent = TypeVar("_Sent", Query, _Batch)


async def read_query(chunks: AsyncIterator[bytes]) -> Query:
    """Read the body of ``query``.

    Raises:
        Malformed: This is no question.
        TooLarge: Nobody asks that much.
    """
    return _decoded(await _whole(chunks), Query)


async def read_batch(chunks: AsyncIterator[bytes]) -> list[Query]:
    """Read the body of ``querybatch``.

    Raises:
        Malformed: These are no questions, or too many.
        TooLarge: Nobody asks that much.
    """
    queries = _decoded(await _whole(chunks), _Batch).queries
    if len(queries) > MOST_QUERIES:
        raise Malformed(f"Too many queries: {len(queries)}, of which {MOST_QUERIES} fit into a batch.")
    return queries


async def _whole(chunks: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > _MOST_BYTES:
            raise TooLarge(f"The body has more than {_MOST_BYTES:,} bytes.", max_bytes=_MOST_BYTES)
    return bytes(body)


def _decoded(body: bytes, kind: type[_Sent]) -> _Sent:
    try:
        sent = msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"The body cannot be read: {error}.") from error
    return sent


def meaning_of(query: Query) -> Asked:
    """Work out what a question asks.

    Raises:
        Malformed: It contradicts itself, or names nothing.
    """
    package, version = query.package or Package(), query.version or ""
    for text in (package.name, package.ecosystem, package.purl, version):
        if text and "\0" in text:
            raise Malformed("Invalid query: a text has a NUL in it.")
    if query.commit:
        return _of_commit(query.commit)
    if package.purl:
        return _of_purl(package, version)
    if not package.name or not package.ecosystem:
        raise Malformed("Invalid query: give a package's purl, or its name and ecosystem, or a commit.")
    if len(package.ecosystem) > _LONGEST_ECOSYSTEM or package.ecosystem.partition(":")[0] not in ECOSYSTEMS:
        raise Malformed(f"Invalid ecosystem: {package.ecosystem[:80]}.")
    question = asked_for(package.ecosystem, package.name, version or _ANY_VERSION)
    unordered = bool(version) and all(key_of(one)[0] is None for one in question)
    why = UNPARSABLE if unordered else ""
    return Asked(question, not version, why, _as_in_purl(package.ecosystem, package.name))


#: A registry's type of purls, by its ecosystem.
_TYPES: Final = {ecosystem: kind for kind, ecosystem in REGISTRIES.items()}


def _as_in_purl(ecosystem: str, name: str) -> PurlName:
    kind = _TYPES.get(ecosystem.partition(":")[0], "")
    namespace, _, own = name.rpartition(":" if kind == "maven" else "/")
    return PurlName(kind, namespace, own)


def _of_commit(commit: str) -> Asked:
    if not _HASH.fullmatch(commit):
        raise Malformed("Invalid hash: a commit has 40 or 64 hexadecimal digits.")
    return Asked((), any_version=False, unevaluated=COMMIT)


def _of_purl(package: Package, version: str) -> Asked:
    if package.name:
        raise Malformed("name specified in a PURL query")
    if package.ecosystem:
        raise Malformed("ecosystem specified in a PURL query")
    text = package.purl or ""
    try:
        parsed = parse(text)
    except BadPurl as error:
        raise Malformed(f"Invalid PURL: {error}") from error
    own = parsed.version
    if own and version:
        raise Malformed("version specified in params and PURL query")
    identity = identify(purl=text, name="", version=own or version or _ANY_VERSION)
    origin = provenance(text, "")
    return Asked(
        identity.coordinates,
        not (own or version),
        why_unevaluated(identity),
        PurlName(parsed.type, parsed.namespace, parsed.name),
        origin.said,
        origin.address if origin.said == ELSEWHERE else "",
    )

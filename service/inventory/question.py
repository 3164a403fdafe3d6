"""What somebody wants to know: a thing, and which of its versions.

The free form ``liblzma 5.6`` is what people type. It also takes a range (``liblzma >=5.6.0,<5.6.2``), a purl, a CPE or
a hash pasted whole. Pure.
"""

import re
from dataclasses import dataclass, replace

from service.errors import Unreadable
from service.inventory.constraints import ANY_VERSION, AnyVersion, Constraint, Prefix, parse_range, parse_vers
from service.inventory.words import query_words
from service.purls import parse

_RANGE = re.compile(r"\s((?:>=|<=|==|!=|>|<|=)\s*\S.*)$")
_HASH = re.compile(
    r"(?:(?:md5|sha-?1|sha-?256|sha-?384|sha-?512):)?([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64,128})", re.IGNORECASE
)
_CPE_SPLIT = re.compile(r"(?<!\\):")


#: Characters of one part; the longest names and purls in use have a few hundred.
MAX_LENGTH = 1_000


class BadQuestion(Unreadable):
    """This question cannot be answered."""

    slug = "bad-question"


@dataclass(frozen=True, slots=True)
class Cpe:
    """Vendor and product as a CPE writes them, lower case; '' where it says any."""

    vendor: str
    product: str


@dataclass(frozen=True, slots=True)
class Question:
    """One thing, by name, purl, CPE or hash, and the versions that are meant.

    `name` is lower case, and `words` are what it consists of. For a CPE it is its product, under which components
    without CPE may be listed.
    """

    name: str = ""
    words: tuple[str, ...] = ()
    purl: str = ""
    cpe: Cpe | None = None
    hash: str = ""
    versions: Constraint = ANY_VERSION

    @property
    def asks_version(self) -> bool:
        """Tell whether the answer depends on versions."""
        return not isinstance(self.versions, AnyVersion)


def ask(
    q: str = "",
    *,
    name: str = "",
    version: str = "",
    purl: str = "",
    version_range: str = "",
    vers: str = "",
    cpe: str = "",
    digest: str = "",
) -> Question:
    """Make a question of what a caller sent.

    Raises:
        BadQuestion: It names nothing, or two things, or cannot be typed.
        BadPurl: The purl is none.
        BadConstraint: Its versions cannot be read.
    """
    for text in (q, name, version, purl, version_range, vers, cpe, digest):
        if len(text) > MAX_LENGTH or not text.isprintable():
            raise BadQuestion(f"A question has printable characters, at most {MAX_LENGTH} of them.")
    things = [thing for thing in (q, name, purl, cpe, digest) if thing.strip()]
    if len(things) != 1:
        raise BadQuestion("Ask for one thing: q, name, purl, cpe or hash, and for its versions if you like.")
    question = _free(q.strip()) if q.strip() else _named(name.strip(), purl.strip(), cpe.strip(), digest.strip())
    constraints = [
        read(text.strip())
        for read, text in ((Prefix, version), (parse_range, version_range), (parse_vers, vers))
        if text.strip()
    ]
    if len(constraints) > 1 or (constraints and question.asks_version):
        raise BadQuestion("Ask for versions in one way: in q, or as version, range or vers.")
    return replace(question, versions=constraints[0]) if constraints else question


def _free(text: str) -> Question:
    lowered = text.lower()
    if lowered.startswith("pkg:"):
        return _named("", text, "", "")
    if lowered.startswith(("cpe:2.3:", "cpe:/")):
        return _named("", "", text, "")
    if _HASH.fullmatch(text):
        return _named("", "", "", text)
    ranged = _RANGE.search(text)
    if ranged:
        return replace(_of_name(text[: ranged.start()].strip()), versions=parse_range(ranged[1]))
    words = query_words(text)
    if words.purl:
        return _named("", words.purl, "", "")
    if not words.name:
        raise BadQuestion(f"{text[:80]!r} names no package; write it like 'liblzma 5.6'.")
    return replace(_of_name(words.name), versions=Prefix(words.version) if words.version else ANY_VERSION)


def _named(name: str, purl: str, cpe: str, digest: str) -> Question:
    if purl:
        parse(purl)
        return Question(purl=purl)
    if cpe:
        return _of_cpe(cpe)
    if digest:
        return _of_hash(digest)
    return _of_name(name)


def _of_name(name: str) -> Question:
    return Question(name=name.lower(), words=query_words(name).words)


def _of_cpe(text: str) -> Question:
    fields = text.removeprefix("cpe:/").split(":") if text.startswith("cpe:/") else _CPE_SPLIT.split(text)[2:]
    vendor, product, version = ([*fields[1:4], "", "", ""])[:3]
    if product in ("", "*", "-"):
        raise BadQuestion(f"{text[:80]!r} is not a CPE with a product.")
    given = re.sub(r"\\(.)", r"\1", version)
    return replace(
        _of_name(re.sub(r"\\(.)", r"\1", product)),
        cpe=Cpe("" if vendor in ("*", "-") else vendor.lower(), product.lower()),
        versions=ANY_VERSION if given in ("", "*", "-") else Prefix(given),
    )


def _of_hash(text: str) -> Question:
    match = _HASH.fullmatch(text)
    if match is None:
        raise BadQuestion(f"{text[:80]!r} is not a hash; give hexadecimal digits.")
    return Question(hash=match[1].lower())

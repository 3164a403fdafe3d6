"""The words that find a package, and the words of a question. Pure.

A package is found by its whole name, the words within it, its name without ABI number and ``lib``, its source package,
and the words of its namespace: ``liblzma5`` by ``liblzma5``, ``liblzma``, ``lzma``.
"""

import re
from typing import NamedTuple

from service.purls import BadPurl, parse

#: Of one package; more are the work of a generator.
MAX_WORDS = 64

_SEPARATOR = re.compile(r"[\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ABI = re.compile(r"\d+(?:t64)?$")
_SHORTEST_STEM = 2
#: Words of every second namespace; they tell nothing apart.
_NOISE = frozenset({"com", "github", "io", "net", "org", "www"})

_VERSION = re.compile(r"[vV]?\d[^\s/@]*$")
_PINNED = re.compile(r"(?P<name>.+?)(?:==|(?<=\S)@)(?P<version>[vV]?\d[^\s@]*)$")
_GAV = re.compile(r"(?P<name>[^\s:]+:[^\s:]+):(?P<version>\d[^\s:]*)$")


class Question(NamedTuple):
    """A free question: a name, and the beginning of a version; `purl` where the question is one.

    `words` are what every hit has among its tokens.
    """

    name: str
    version: str
    purl: str
    words: tuple[str, ...]


def tokens(namespace: str, name: str, source_name: str) -> list[str]:
    """Give the words that find a package: lower case, sorted, without repeats, none with a blank in it."""
    found: dict[str, None] = {}
    for own in (name, source_name):
        found |= dict.fromkeys(own.lower().split())
        for word in _SEPARATOR.split(own):
            found |= dict.fromkeys(_forms(word))
    found |= dict.fromkeys(word for word in _split(namespace) if word not in _NOISE)
    return sorted(list(found)[:MAX_WORDS])


def _forms(word: str) -> list[str]:
    if not word:
        return []
    lower = word.lower()
    stem = _ABI.sub("", lower)
    forms = [lower, *(part.lower() for part in _CAMEL.split(word))]
    if len(stem) >= _SHORTEST_STEM:
        forms.append(stem)
    # liblzma is asked for as lzma, but nobody asks for zlib as z: what remains must still be a word.
    bares = (stem.removeprefix("lib"), stem.removesuffix("lib"))
    return forms + [bare for bare in bares if bare != stem and len(bare) >= _SHORTEST_STEM]


def _split(text: str) -> list[str]:
    return [word for word in _SEPARATOR.split(text.lower()) if word]


def query_words(question: str) -> Question:
    """Split a free question into a name and a version's beginning.

    Understood are ``liblzma 5.6``, ``@angular/core 12``, ``lodash@4.17``, ``django==4.2``, ``group:artifact:1.2``, and
    package URLs. A version begins with a digit, or with v and a digit, and stands last; alone it is a name (``7zip``).
    """
    text = question.strip()
    if text[:4].lower() == "pkg:":
        return _of_purl(text)
    name, version = _name_and_version(text)
    return Question(name, version, "", _distinctive(name))


def _of_purl(text: str) -> Question:
    try:
        purl = parse(text)
    except BadPurl:
        name = text.partition(":")[2]
        return Question(name, "", "", _distinctive(name))
    return Question(purl.name, purl.version, str(purl), _distinctive(purl.path))


def _name_and_version(text: str) -> tuple[str, str]:
    pinned = _PINNED.match(text) or _GAV.match(text)
    if pinned:
        return pinned["name"].strip(), _bare(pinned["version"])
    words = text.split()
    if len(words) > 1 and _VERSION.match(words[-1]):
        return " ".join(words[:-1]), _bare(words[-1])
    return " ".join(words), ""


def _bare(version: str) -> str:
    return version.lstrip("vV").removesuffix("*").removesuffix(".")


def _distinctive(name: str) -> tuple[str, ...]:
    words = _split(name)
    return tuple(dict.fromkeys([word for word in words if word not in _NOISE] or words))

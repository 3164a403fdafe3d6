"""From people's words to a declaration: names become families, versions become ranges, and each is checked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from service.advisories.declaration import Declaration
from service.advisories.osv_schema import is_id
from service.db import ReadSession
from service.errors import Unreadable
from service.inventory.families import families_of, family_names
from service.inventory.names import packages_named
from service.inventory.question import MAX_LENGTH
from service.inventory.words import query_words
from service.purls import parse

#: Words of one kind in one declaration.
MOST_WORDS: Final = 500
#: Of a title: a line.
LONGEST_TITLE: Final = 200

_HASH: Final = re.compile(r"(?:[a-z]+-?\d*:)?([0-9a-f]{32,128})")


class NothingDeclared(Unreadable):
    """A declaration has to say what is affected."""

    slug = "nothing-declared"


@dataclass(frozen=True)
class Wanted:
    """What somebody declares, in their words. `ranges` and `versions` are alternatives; neither means all versions.

    `versions` are upstream's, each exactly; `aliases` are names under which others know it.
    """

    title: str
    kind: str = "other"
    summary: str = ""
    names: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    purls: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    restricted: bool = False


def resolve(session: ReadSession, wanted: Wanted) -> tuple[Declaration, list[str]]:
    """Make a declaration of what is wanted, and say how its words were understood.

    A name that belongs to a family means the family, as it does in a search: its namesakes are other code.

    Raises:
        NothingDeclared: It names nothing, or has no title.
        Unreadable: Something in it cannot be read; the message says what.
    """
    _check(wanted)
    families = _cleaned(family.lower() for family in wanted.families)
    if unknown := sorted(set(families) - family_names()):
        raise Unreadable(f"There is no family {', '.join(unknown)}. Name packages instead, or purls.")
    names, notes = [], []
    for name in _cleaned(name.lower() for name in wanted.names):
        of = _families_meant(session, name)
        if not of:
            names.append(name)
            continue
        families += [family for family in of if family not in families]
        notes.append(f"{name} is of the family {', '.join(of)}: all its members are meant, under whatever name.")
    declaration = Declaration(
        kind=wanted.kind,
        names=tuple(names),
        families=tuple(families),
        purls=tuple(str(parse(purl)) for purl in _cleaned(wanted.purls)),
        hashes=tuple(map(_hash, _cleaned(wanted.hashes))),
        ranges=(*_cleaned(wanted.ranges), *(f"={version}" for version in _cleaned(wanted.versions))),
    )
    _ = declaration.versions
    return declaration, notes


def _check(wanted: Wanted) -> None:
    if not wanted.title.strip() or len(wanted.title) > LONGEST_TITLE:
        raise NothingDeclared(f"A declaration has a title of at most {LONGEST_TITLE} characters.")
    words = (wanted.names, wanted.families, wanted.purls, wanted.hashes, wanted.ranges, wanted.versions, wanted.aliases)
    if not any(any(word.strip() for word in said) for said in words[:4]):
        raise NothingDeclared("Say what is affected: names, families, purls or hashes.")
    for said in words:
        if len(said) > MOST_WORDS:
            raise Unreadable(f"A declaration takes at most {MOST_WORDS} words of a kind.")
        for word in said:
            if len(word) > MAX_LENGTH or not word.isprintable():
                raise Unreadable(f"{word[:80]!r} cannot be read: use printable characters, at most {MAX_LENGTH}.")
    if bad := next((alias for alias in wanted.aliases if not is_id(alias)), None):
        raise Unreadable(f"{bad[:80]!r} cannot be another name of it; write it like CVE-2024-3094.")


def _families_meant(session: ReadSession, name: str) -> list[str]:
    namespace, _, own = name.replace(":", "/").rpartition("/")
    known = {each.family for each in families_of("", namespace, own, own)}
    found = packages_named(session, name, query_words(name).words)
    said = {
        reason.detail.partition(":")[0] for one in found.values() for reason in one.reasons if reason.rule == "family"
    }
    return sorted(said | known)


def _cleaned(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word for each in words if (word := each.strip())))


def _hash(written: str) -> str:
    match = _HASH.fullmatch(written.lower())
    if match is None:
        raise Unreadable(f"{written[:80]!r} is not a hash; give hexadecimal digits.")
    return match[1]

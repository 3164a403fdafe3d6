"""From a name to the packages it may mean.

Names differ: what one distribution calls ``liblzma5`` is built from ``xz-utils``, is ``xz-libs`` in another, and
``conan/xz_utils`` elsewhere. Three hops find them: the name and its words, the source package, and the family of what
was closely hit. Each package remembers by which rules it was found; the best of them decides its place in an answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import Boolean, ColumnElement, and_, case, cast, false, func, or_, select
from sqlalchemy.dialects.postgresql import TSQUERY

from service.db import ReadSession, any_of
from service.inventory.catalogue_models import FamilyMember, Package, PackageSource
from service.inventory.families import families_of

#: Packages that one name may mean; more would not be read by anybody.
MAX_PACKAGES = 5_000

#: A beginning of fewer letters finds everything and therefore nothing.
MIN_BEGINNING = 3


class Place(IntEnum):
    """Where in an answer a package stands, the surest first."""

    SURE = 0
    SOURCE = 1
    FAMILY = 2
    WORD = 3
    BEGINNING = 4


class Reason(NamedTuple):
    """A rule that fired, and on what."""

    rule: str
    detail: str


@dataclass(slots=True)
class Found:
    """A package that may be meant: its best place, every rule, and whether its versions are not the family's.

    `close`: the name is the one asked for but for spelling and soname, so its family is meant too.
    """

    place: Place
    reasons: list[Reason]
    close: bool = False
    own_versions: bool = False

    def add(self, place: Place, reason: Reason) -> None:
        """Note a further rule."""
        self.place = min(self.place, place)
        self.reasons.append(reason)


def packages_named(session: ReadSession, name: str, words: Sequence[str], *, exact: bool = False) -> dict[int, Found]:
    """Find the packages that a lower-case name may mean.

    Args:
        session: Reads only the catalogue's tables.
        name: Perhaps with its namespace (``org.tukaani:xz``), perhaps several words (``xz utils``).
        words: What every hit has among its words, as `words.query_words` splits a name.
        exact: Only packages of exactly this name: no words, no source packages, no families.

    Returns:
        Package id to what was found, at most `MAX_PACKAGES` and a few.
    """
    packages = _by_name(session, name) if exact else _by_words(session, name, words)
    if not exact:
        _add_sources(session, name, packages)
        _add_families(session, name, packages)
    return packages


_COLUMNS = (Package.id, Package.type, Package.namespace, Package.name, Package.lower_name)


def _by_name(session: ReadSession, name: str) -> dict[int, Found]:
    rows = session.execute(select(*_COLUMNS).where(_is_name(name)).order_by(Package.id).limit(MAX_PACKAGES))
    return {row.id: Found(Place.SURE, [Reason("name", _shown(row.namespace, row.name))]) for row in rows}


def _by_words(session: ReadSession, name: str, words: Sequence[str]) -> dict[int, Found]:
    """Find packages by name and by the words in it, the last of which may be a beginning."""
    worded, begun = _has_words(words), _has_words(words, beginning=True)
    place = case((_is_name(name), Place.SURE), (worded, Place.WORD), else_=Place.BEGINNING).label("place")
    rows = session.execute(
        select(*_COLUMNS, place).where(or_(_is_name(name), begun)).order_by(place, Package.id).limit(MAX_PACKAGES)
    )
    wanted = _spelling(_split(name)[1])
    packages = {}
    for row in rows:
        reason = Reason("name" if row.place == Place.SURE else "word", _shown(row.namespace, row.name))
        packages[row.id] = Found(Place(row.place), [reason], close=_spelling(row.lower_name) == wanted)
    return packages


def _is_name(name: str) -> ColumnElement[bool]:
    namespace, own = _split(name)
    if not namespace:
        return Package.lower_name == name
    qualified = and_(Package.lower_name == own, func.lower(Package.namespace) == namespace)
    return or_(Package.lower_name == name, qualified)


def _has_words(words: Sequence[str], *, beginning: bool = False) -> ColumnElement[bool]:
    if not words:
        return false()
    quoted = [f"'{word}'" for word in words]
    if beginning and len(words[-1]) >= MIN_BEGINNING:
        quoted[-1] += ":*"
    return Package.words.op("@@", return_type=Boolean())(cast(" & ".join(quoted), TSQUERY))


def _add_sources(session: ReadSession, name: str, packages: dict[int, Found]) -> None:
    """Add packages that some distribution built from a source package of this name."""
    spellings = {name, _SEPARATORS.sub("-", name)}
    rows = session.execute(
        select(PackageSource.package_id, PackageSource.source_name)
        .where(PackageSource.source_name.in_(spellings))
        .limit(MAX_PACKAGES)
    )
    for row in rows:
        found = packages.setdefault(row.package_id, Found(Place.SOURCE, []))
        found.close = True
        found.add(Place.SOURCE, Reason("source", row.source_name))


def _add_families(session: ReadSession, name: str, packages: dict[int, Found]) -> None:
    """Add the families that the name itself or a closely hit package belongs to."""
    close = [package_id for package_id, found in packages.items() if found.close]
    families = select(FamilyMember.family).where(FamilyMember.package_id == any_of(close))
    # A name that nobody uses has families as well: Fedora's xz-libs is liblzma, whether or not a liblzma5 is around.
    named = {name, *(membership.family for membership in families_of("", "", name, name))}
    rows = session.execute(
        select(FamilyMember.family, FamilyMember.package_id, FamilyMember.reason, FamilyMember.own_versions).where(
            or_(FamilyMember.family.in_(named), FamilyMember.family.in_(families))
        )
    ).all()
    for row in rows:
        found = packages.setdefault(row.package_id, Found(Place.FAMILY, []))
        # A package found by its own name is asked about in its own versions.
        found.own_versions = row.own_versions and not found.close
        found.add(Place.FAMILY, Reason("family", f"{row.family}: {row.reason}"))
    if rows:
        _put_namesakes_behind(packages, {row.package_id for row in rows})


def _put_namesakes_behind(packages: dict[int, Found], members: set[int]) -> None:
    """Let packages that share the name but not the code (``ulikunitz/xz``) follow the family."""
    for package_id, found in packages.items():
        if found.place is Place.SURE and package_id not in members:
            found.place = Place.WORD
            found.reasons = [Reason("word", reason.detail) for reason in found.reasons]


_SEPARATORS = re.compile(r"[-_. ]+")
_SONAME = re.compile(r"(?<=[a-z])-?[0-9.]+(?:t64)?$")


def _spelling(name: str) -> str:
    """Reduce a name to what its spellings share: ``XZ Utils`` and ``xz_utils``, ``liblzma5`` and ``liblzma``."""
    return _SEPARATORS.sub("-", _SONAME.sub("", name))


def _split(name: str) -> tuple[str, str]:
    """Split ``org.tukaani:xz``, ``github.com/ulikunitz/xz``, ``@angular/core`` into namespace and name."""
    namespace, _, own = name.replace(":", "/").rpartition("/")
    return namespace, own


def _shown(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name

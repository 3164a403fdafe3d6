"""Which components declarations mean, judged by the rules of a search: who was found to use it is who is matched.

Feeds speak of one ecosystem's package in that ecosystem's versions. In the first minutes of an incident nobody has more
than a name and upstream's versions, and the code goes under a dozen names. So here

- a name means packages of that name, and what a distribution built from a source of that name;
- a family means its members; one with version numbers of its own is possible, whatever its version;
- a purl means that package, a version in it that version;
- a hash means the component that has it, whatever it calls itself;
- ranges are upstream's (``5.6.1+really5.4.5-1`` is 5.4.5), or a packaging's own; without a version it is possible.

The record is the only truth: amending it takes back what it no longer means, and components that come later are matched
as they come (`matching` asks here). Documentation carries no code, and is meant only where it is named itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import JSONB

from service.advisories.declaration import Declaration, declaration_in
from service.advisories.models import Advisory
from service.db import ReadSession, WriteSession, any_of, arrays
from service.inventory.catalogue_models import Component, ComponentCoord, FamilyMember, Package, PackageSource
from service.inventory.constraints import Constraint, Exactly, Outcome, Verdict
from service.inventory.osv_packages import osv_package_ids
from service.purls import PURL_PLACE, identify
from service.purls.codeless import DOCUMENTATION, codeless

#: By which of its words a declaration means a component, the surest first.
Word = Literal["hash", "purl", "name", "source", "family"]
_WORDS: Final[tuple[Word, ...]] = ("hash", "purl", "name", "source", "family")
#: Words that name the component itself.
_NAMED_ITSELF: Final = frozenset({"hash", "purl", "name"})

#: In `Match.rule`, behind the coordinate's relation.
RULE: Final = "declared-"

#: Written out, so that the partial index is considered. A feed's record may say what it likes.
IS_DECLARED: Final[ColumnElement[bool]] = literal_column(
    "advisory.source = 'own' AND (advisory.record -> 'database_specific') ? 'declaration'"
)


class Meant(NamedTuple):
    """A component that a declaration's words reach, and what is known of its version.

    `certainty` is '' where its version is not meant; `detail` then says why it may have seemed to be.
    """

    component_id: int
    advisory_id: int
    certainty: str
    word: Word
    target: str
    ranges: str
    detail: str


class _Target(NamedTuple):
    """One word of a declaration: what it is compared with."""

    advisory_id: int
    word: Word
    written: str
    value: str
    kind: str = ""
    namespace: str = ""


def declarations(session: ReadSession, advisory_ids: Iterable[int] | None = None) -> dict[int, Declaration]:
    """Read the live declarations, or those of some advisories, by advisory."""
    rows = select(Advisory.id, Advisory.record).where(IS_DECLARED, Advisory.withdrawn_at.is_(None))
    if advisory_ids is not None:
        rows = rows.where(Advisory.id == any_of(advisory_ids))
    read = ((id_, declaration_in(record)) for id_, record in session.execute(rows))
    return {id_: declaration for id_, declaration in read if declaration is not None}


def reached(
    session: ReadSession, spoken: Mapping[int, Declaration], among: ColumnElement[bool] | None = None
) -> list[Meant]:
    """Find every component that the words of declarations reach, whatever its version; each once for each of them.

    One statement, whatever the number. *among* limits the components.
    """
    targets = [target for id_, declaration in spoken.items() for target in _targets(id_, declaration)]
    if not targets:
        return []
    statements = [rows for word in _WORDS if (rows := _reaching(word, targets, among)) is not None]
    judges = {id_: declaration.versions for id_, declaration in spoken.items()}
    best: dict[tuple[int, int], Meant] = {}
    for row in session.execute(union_all(*statements)):
        target = targets[row.number]
        meant = _judged(target, row, judges[target.advisory_id], spoken[target.advisory_id])
        key = (meant.component_id, meant.advisory_id)
        if key not in best or _rank(meant) < _rank(best[key]):
            best[key] = meant
    return [best[key] for key in sorted(best)]


def _rank(meant: Meant) -> tuple[int, int, str]:
    return ("certain", "possible", "").index(meant.certainty), _WORDS.index(meant.word), meant.target


def _targets(advisory_id: int, declaration: Declaration) -> Iterator[_Target]:
    for digest in declaration.hashes:
        yield _Target(advisory_id, "hash", digest, digest)
    for purl in declaration.purls:
        wanted = identify(purl=purl, name="", version="")
        yield _Target(advisory_id, "purl", purl, wanted.name, wanted.type, wanted.namespace)
    for name in declaration.names:
        namespace, _, own = name.replace(":", "/").rpartition("/")
        yield _Target(advisory_id, "name", name, own if namespace else name, "", namespace)
        yield _Target(advisory_id, "source", name, name)
    for family in declaration.families:
        yield _Target(advisory_id, "family", family, family)


def _reaching(
    word: Word, targets: Sequence[_Target], among: ColumnElement[bool] | None
) -> Select[*tuple[Any, ...]] | None:
    chosen = [(number, target) for number, target in enumerate(targets) if target.word == word]
    if not chosen:
        return None
    asked = arrays(
        number=(BigInteger(), [number for number, _ in chosen]),
        value=(Text(), [target.value for _, target in chosen]),
        kind=(Text(), [target.kind for _, target in chosen]),
        namespace=(Text(), [target.namespace for _, target in chosen]),
    ).c
    own_versions = FamilyMember.own_versions if word == "family" else false()
    rows = select(
        asked.number,
        Component.id,
        Package.type,
        Package.name,
        Component.version,
        own_versions.label("own_versions"),
    ).select_from(Component)
    match word:
        case "hash":
            has = Component.hashes.op("@>")(func.jsonb_build_array(func.jsonb_build_array(asked.value)))
            rows = rows.join(Package, Package.id == Component.package_id)
            rows = rows.join(asked.number.table, and_(Component.hashes != cast("[]", JSONB), has))
        case "purl":
            rows = rows.join(Package, Package.id == Component.package_id).join(
                asked.number.table,
                and_(Package.type == asked.kind, Package.namespace == asked.namespace, Package.name == asked.value),
            )
        case "name":
            named = and_(
                Package.lower_name == asked.value,
                (asked.namespace == "") | (func.lower(Package.namespace) == asked.namespace),
            )
            rows = rows.join(Package, Package.id == Component.package_id).join(asked.number.table, named)
        case "source":
            rows = (
                rows.join(Package, Package.id == Component.package_id)
                .join(PackageSource, PackageSource.package_id == Package.id)
                .join(
                    asked.number.table,
                    and_(PackageSource.source_name == asked.value, Component.source_name == asked.value),
                )
            )
        case "family":
            rows = (
                rows.join(Package, Package.id == Component.package_id)
                .join(FamilyMember, FamilyMember.package_id == Package.id)
                .join(asked.number.table, FamilyMember.family == asked.value)
            )
    return rows if among is None else rows.where(among)


def _judged(target: _Target, row: Any, versions: Constraint, declaration: Declaration) -> Meant:  # noqa: ANN401
    def meant(certainty: str, detail: str = "", ranges: str = " || ".join(declaration.ranges)) -> Meant:
        return Meant(row.id, target.advisory_id, certainty, target.word, target.written, ranges, detail)

    if target.word == "hash":
        return meant("certain", ranges="")
    if target.word not in _NAMED_ITSELF and codeless(row.type, row.name) == DOCUMENTATION:
        return meant("", "documentation carries no code")
    if target.word == "purl" and (version := identify(purl=target.written, name="", version="").version):
        is_it = Exactly(version).judge(row.type, row.version).outcome is Outcome.IN
        return meant("certain" if is_it else "", ranges=f"={version}")
    if row.own_versions and declaration.ranges:
        return meant("possible", "it carries the code under version numbers of its own")
    return meant(*_certainty(versions.judge(row.type, row.version)))


def _certainty(verdict: Verdict) -> tuple[str, str]:
    match verdict.outcome:
        case Outcome.IN:
            return "certain", verdict.detail
        case Outcome.UNKNOWN:
            return "possible", "it has no version"
        case Outcome.STEPPED_BACK:
            return "", verdict.detail
    return "", ""


# --- rows of `match` -------------------------------------------------------------------------------------------------


def declared_rows(
    session: WriteSession, spoken: Mapping[int, Declaration], among: ColumnElement[bool] | None = None
) -> list[tuple[Any, ...]]:
    """Give the matches that declarations make, as rows of `match` in the order of `matching.MATCH_COLUMNS`.

    The bounds are what was declared: the ranges, and the word that reached the component.
    """
    if not spoken:
        return []
    found = [one for one in reached(session, spoken, among) if one.certainty]
    places = _places(session, {one.component_id for one in found})
    return [
        (
            one.component_id,
            one.advisory_id,
            one.certainty,
            f"{places[one.component_id][1]}:{RULE}{one.word}",
            places[one.component_id][0],
            one.ranges,
            one.target,
            "",
            "",
        )
        for one in found
    ]


def _places(session: WriteSession, component_ids: set[int]) -> dict[int, tuple[int, str]]:
    """Say where each component stands for advisories: package and relation, its own name before its source's."""
    if not component_ids:
        return {}
    rows = session.execute(
        select(ComponentCoord.component_id, ComponentCoord.osv_package_id, ComponentCoord.relation)
        .where(ComponentCoord.component_id == any_of(component_ids))
        .ext(pg.distinct_on(ComponentCoord.component_id))
        .order_by(ComponentCoord.component_id, ComponentCoord.relation, ComponentCoord.osv_package_id)
    )
    places = {component_id: (package_id, relation) for component_id, package_id, relation in rows}
    missing = component_ids - places.keys()
    if not missing:
        return places
    # What nothing but a name identifies stands nowhere; a match needs a place all the same.
    named = session.execute(
        select(Component.id, literal(f"{PURL_PLACE}:").concat(Package.type), Package.name)
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(missing))
    ).all()
    ids = osv_package_ids(session, {(ecosystem, name) for _, ecosystem, name in named})
    return places | {id_: (ids[ecosystem, name], "package") for id_, ecosystem, name in named}

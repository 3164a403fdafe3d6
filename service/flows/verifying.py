"""A second opinion: what OSV's API says of some components in use, beside what we say.

Asking tells OSV what is in use, so nothing is asked unless somebody wants it, and never about names that are the
organisation's own or came from elsewhere, nor about what OSV has no ecosystem for. What goes out is ecosystem, name and
version as OSV writes them, never a purl as a scanner wrote it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, Select, exists, func, or_, select, true

from service.advisories.asking import matches_of
from service.advisories.models import Advisory, Affected
from service.advisories.osv_api_client import Answer, OsvApi, OsvPackage
from service.clock import OPEN
from service.db import ReadSession, among, any_of, reading
from service.flows.disagreements import (
    Disagreement,
    Interval,
    Record,
    names_in,
    of_their_record,
    only_ours,
    only_theirs,
)
from service.inventory.catalogue_models import Component, ComponentCoord
from service.inventory.catalogue_models import OsvPackage as Named
from service.inventory.coordinates import key_of
from service.inventory.models import Stream, Usage
from service.inventory.products import find_product
from service.purls import Coordinate
from service.purls.ecosystem_table import TABLE
from service.purls.provenance import PUBLIC

#: OSV's own. `GIT` names repositories, which tell more than they help; in `OSS-Fuzz` stands whatever has a bare name.
_SPOKEN: Final = frozenset(row.name for row in TABLE if row.in_schema) - {"GIT", "OSS-Fuzz"}
#: Repositories behind a colon are addresses.
_ADDRESS: Final = "%://%"


class Sampling(NamedTuple):
    """Which components in use to ask about: at most *most*, of these ecosystems (none: all), of one product perhaps.

    The same *seed* chooses the same ones among the same components.
    """

    most: int
    seed: int
    ecosystems: tuple[str, ...] = ()
    product: str | None = None


class Sampled(NamedTuple):
    """What will be asked: a package, and the purl of a component that stands there."""

    purl: str
    coordinate: Coordinate

    @property
    def package(self) -> OsvPackage:
        """Give what goes out."""
        return OsvPackage(self.coordinate.ecosystem, self.coordinate.name, self.coordinate.version)


class Verified(NamedTuple):
    """What came of it. `agreed` counts pairs of package and advisory that both know; `refused` are (package, why)."""

    packages: int
    agreed: int
    disagreements: tuple[Disagreement, ...]
    refused: tuple[tuple[OsvPackage, str], ...]

    @property
    def unexplained(self) -> int:
        """Count the disagreements that no documented difference explains."""
        return sum(not one.explanation for one in self.disagreements)


def choose(session: ReadSession, sampling: Sampling) -> list[Sampled]:
    """Choose what to ask about, in order of ecosystem and name; each package and version once."""
    rows = session.execute(_chosen(session, sampling))
    found: dict[OsvPackage, Sampled] = {}
    for ecosystem, name, version, relation, release_known, build, purl in rows:
        one = Sampled(purl, Coordinate(ecosystem, name, version, relation, release_known, build))
        found.setdefault(one.package, one)
    return [found[package] for package in sorted(found)]


def _chosen(session: ReadSession, sampling: Sampling) -> Select[*tuple[Any, ...]]:
    used = exists().where(Usage.component_id == Component.id, Usage.to_us == OPEN)
    if sampling.product is not None:
        product = find_product(session, sampling.product)
        streams = select(Stream.id).where(Stream.product_id == product.id)
        used = used.where(Usage.stream_id.in_(streams))
    base = func.split_part(Named.ecosystem, ":", 1)
    return (
        select(
            Named.ecosystem,
            Named.name,
            ComponentCoord.version,
            ComponentCoord.relation,
            ComponentCoord.release_known,
            ComponentCoord.build,
            Component.purl,
        )
        .join(ComponentCoord, ComponentCoord.component_id == Component.id)
        .join(Named, Named.id == ComponentCoord.osv_package_id)
        .where(used, base.in_(sorted(_SPOKEN)), ~Named.ecosystem.like(_ADDRESS))
        .where(ComponentCoord.relation.in_(("package", "source")), ComponentCoord.provenance.in_(("", PUBLIC)))
        .where(base.in_(sampling.ecosystems) if sampling.ecosystems else true())
        .order_by(func.md5(func.concat(sampling.seed, ":", Component.id)), Component.id, Named.id)
        .limit(sampling.most)
    )


def by_ecosystem(chosen: Iterable[Sampled]) -> dict[str, int]:
    """Count what will be asked, by ecosystem without release."""
    return dict(sorted(Counter(one.coordinate.ecosystem.partition(":")[0] for one in chosen).items()))


def verify(engine: Engine, api: OsvApi, chosen: Sequence[Sampled]) -> Verified:
    """Ask OSV about what was chosen and compare. The network is waited for outside of any transaction."""
    answers = api.affecting([one.package for one in chosen])
    answered = [(one, answer) for one, answer in zip(chosen, answers, strict=True) if not answer.refused]
    with reading(engine) as session:
        compared = _Comparison(session, answered)
        theirs = list(compared.only_theirs())
        ours = list(compared.only_ours())
    records = {osv_id: api.record(osv_id) for osv_id in sorted({one.advisory for one in ours if not one.explanation})}
    ours = [
        one if one.explanation else one._replace(explanation=of_their_record(records[one.advisory], record))
        for one, record in ((one, compared.records[one.advisory]) for one in ours)
    ]
    return Verified(
        packages=len(chosen),
        agreed=compared.agreed,
        disagreements=tuple(sorted([*ours, *theirs])),
        refused=tuple((one.package, told.refused) for one, told in zip(chosen, answers, strict=True) if told.refused),
    )


class _Comparison:
    """Both sides' answers about the same packages, and what our mirror has of all advisories in them.

    Own advisories are left out: OSV cannot know them.
    """

    def __init__(self, session: ReadSession, answered: Sequence[tuple[Sampled, Answer]]) -> None:
        self._session, self._answered = session, answered
        hits = matches_of(session, [[one.coordinate] for one, _ in answered])
        ids = {hit.advisory_id for found in hits for hit in found}
        known = {osv_id for _, answer in answered for osv_id in answer.advisories}
        rows = session.execute(
            select(Advisory.id, Advisory.osv_id, Advisory.source, Advisory.modified, Advisory.withdrawn_at).where(
                or_(Advisory.id == any_of(sorted(ids)), Advisory.osv_id.in_(among(sorted(known))))
            )
        ).all()
        self.records = {row.osv_id: Record(*row[1:]) for row in rows if row.source == "osv"}
        self._ids = {row.osv_id: row.id for row in rows}
        names = {row.id: row.osv_id for row in rows if row.source == "osv"}
        self._ours = [{names[hit.advisory_id]: hit for hit in found if hit.advisory_id in names} for found in hits]

    @property
    def agreed(self) -> int:
        """Count what both know."""
        pairs = zip(self._answered, self._ours, strict=True)
        return sum(len(answer.advisories.keys() & ours.keys()) for (_, answer), ours in pairs)

    def only_ours(self) -> Iterator[Disagreement]:
        """Give what OSV does not know, explained as far as that needs nothing of OSV's."""
        for (one, answer), ours in zip(self._answered, self._ours, strict=True):
            for osv_id in sorted(ours.keys() - answer.advisories.keys()):
                record = self._session.scalars(select(Advisory.record).where(Advisory.osv_id == osv_id)).one()
                names = names_in(record, one.coordinate.ecosystem)
                said = only_ours(one.coordinate, ours[osv_id], names)
                yield Disagreement(one.package, one.purl, osv_id, "ours", *said)

    def only_theirs(self) -> Iterator[Disagreement]:
        """Give what we do not know."""
        for (one, answer), ours in zip(self._answered, self._ours, strict=True):
            for osv_id in sorted(answer.advisories.keys() - ours.keys()):
                said = only_theirs(
                    one.coordinate,
                    answer.advisories[osv_id],
                    self.records.get(osv_id),
                    self._intervals(osv_id, one.coordinate),
                    is_ordered=key_of(one.coordinate)[0] is not None,
                )
                yield Disagreement(one.package, one.purl, osv_id, "theirs", *said)

    def _intervals(self, osv_id: str, coordinate: Coordinate) -> list[Interval]:
        """Give what a record affects under this name, in whichever release."""
        rows = self._session.execute(
            select(Named.ecosystem, Named.name, Affected.build, Affected.lo_version, Affected.hi_version)
            .add_columns(Affected.hi_included, Affected.exact_version)
            .join(Named, Named.id == Affected.osv_package_id)
            .where(Affected.advisory_id == self._ids.get(osv_id), Named.name == coordinate.name)
            .order_by(Named.ecosystem, Affected.lo, Affected.id)
        )
        return [
            Interval(ecosystem, name, build, _in_words(lo, hi, exact, hi_included=included))
            for ecosystem, name, build, lo, hi, included, exact in rows
        ]


def _in_words(lo: str, hi: str, exact: str | None, *, hi_included: bool) -> str:
    if exact is not None:
        return f"={exact}"
    return f"[{lo or '0'}, {hi or 'any'}{']' if hi_included else ')'}"

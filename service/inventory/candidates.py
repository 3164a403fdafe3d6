"""From a question to the components that are meant: the catalogue's half of a search."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import BigInteger, Select, SmallInteger, Text, cast, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from service.db import ReadSession, any_of, arrays
from service.inventory.catalogue_models import Component, Package
from service.inventory.constraints import AnyVersion, Constraint, Exactly, Outcome, Verdict
from service.inventory.names import MAX_PACKAGES, Found, Place, Reason, packages_named
from service.inventory.question import Cpe, Question
from service.purls import identify

#: Components that one question may mean; the least likely beyond that are left out, and the answer says so.
MAX_COMPONENTS = 20_000


class Candidate(NamedTuple):
    """A component that is meant, or may be."""

    component_id: int
    package_id: int
    place: Place
    verdict: Verdict


@dataclass(slots=True)
class Candidates:
    """What the catalogue has for a question.

    `doubtful` cannot be compared: reason ``no_version`` or ``own_versions``. `excluded` only look as if they were
    meant. `cut`: the question was so broad that the least likely components were left out.
    """

    packages: dict[int, Found]
    by_cpe: dict[int, Reason] = field(default_factory=dict)
    meant: list[Candidate] = field(default_factory=list)
    doubtful: list[tuple[Candidate, str]] = field(default_factory=list)
    excluded: list[Candidate] = field(default_factory=list)
    cut: bool = False

    def reasons(self, candidate: Candidate) -> list[Reason]:
        """Say why a component is in the answer."""
        reasons = list(self.packages[candidate.package_id].reasons)
        if candidate.component_id in self.by_cpe:
            reasons.insert(0, self.by_cpe[candidate.component_id])
        if candidate.verdict.detail:
            reasons.append(Reason("version", candidate.verdict.detail))
        return reasons


def find_candidates(session: ReadSession, question: Question, *, exact: bool = False) -> Candidates:
    """Find every component that a question may mean.

    Args:
        session: Reads only the catalogue's tables.
        question: What is wanted.
        exact: Only packages of exactly the name asked for.
    """
    if question.hash:
        return _by_hash(session, question)
    versions = question.versions
    if question.purl:
        packages, versions = _by_purl(session, question)
    else:
        packages = packages_named(session, question.name, question.words, exact=exact)
    candidates = Candidates(packages)
    if question.cpe:
        candidates.by_cpe = _with_cpe(session, question.cpe, packages)
    _judge_all(session, candidates, versions)
    return candidates


def _by_purl(session: ReadSession, question: Question) -> tuple[dict[int, Found], Constraint]:
    wanted = identify(purl=question.purl, name="", version="")
    package_id = session.scalar(
        select(Package.id).where(
            Package.type == wanted.type, Package.namespace == wanted.namespace, Package.name == wanted.name
        )
    )
    packages = {package_id: Found(Place.SURE, [Reason("purl", question.purl)])} if package_id else {}
    if wanted.version and isinstance(question.versions, AnyVersion):
        return packages, Exactly(wanted.version)
    return packages, question.versions


def _by_hash(session: ReadSession, question: Question) -> Candidates:
    # The index is partial: most components of containers come without hashes.
    rows = session.execute(
        select(Component.id, Component.package_id)
        .where(Component.hashes != cast("[]", JSONB), Component.hashes.op("@>")(cast([[question.hash]], JSONB)))
        .limit(MAX_COMPONENTS)
    ).all()
    packages = {row.package_id: Found(Place.SURE, [Reason("hash", question.hash)]) for row in rows}
    meant = [Candidate(row.id, row.package_id, Place.SURE, Verdict(Outcome.IN)) for row in rows]
    return Candidates(packages, meant=meant)


def _with_cpe(session: ReadSession, cpe: Cpe, packages: Iterable[int]) -> dict[int, Reason]:
    """Find which components of the packages carry the CPE's vendor and product themselves."""
    named = f":{cpe.vendor}:{cpe.product}:" if cpe.vendor else f":{cpe.product}:"
    text = cast(Component.cpes, Text)
    rows = session.scalars(
        select(Component.id).where(Component.package_id == any_of(packages), text.icontains(named, autoescape=True))
    )
    return dict.fromkeys(rows, Reason("cpe", named.strip(":")))


def _judge_all(session: ReadSession, candidates: Candidates, versions: Constraint) -> None:
    """Read the packages' components, the likeliest packages first, and sort them by what is known of their version."""
    rows = session.execute(_components(candidates.packages, versions)).all()
    candidates.cut = len(rows) > MAX_COMPONENTS or len(candidates.packages) >= MAX_PACKAGES
    verdicts: dict[tuple[str, str], Verdict] = {}
    for component_id, package_id, version, purl_type in rows[:MAX_COMPONENTS]:
        verdict = verdicts.get((purl_type, version))
        if verdict is None:
            verdict = verdicts[purl_type, version] = versions.judge(purl_type, version)
        found = candidates.packages[package_id]
        place = Place.SURE if component_id in candidates.by_cpe else found.place
        candidate = Candidate(component_id, package_id, place, verdict)
        if found.own_versions and not isinstance(versions, AnyVersion):
            candidates.doubtful.append((candidate, "own_versions"))
        else:
            _sort_in(candidates, candidate)


def _sort_in(candidates: Candidates, candidate: Candidate) -> None:
    match candidate.verdict.outcome:
        case Outcome.IN:
            candidates.meant.append(candidate)
        case Outcome.UNKNOWN:
            candidates.doubtful.append((candidate, "no_version"))
        case Outcome.STEPPED_BACK:
            candidates.excluded.append(candidate)


def _components(packages: dict[int, Found], versions: Constraint) -> Select[int, int, str, str]:
    ordered = sorted(packages, key=lambda package_id: (packages[package_id].place, package_id))
    wanted = arrays(
        package_id=(BigInteger(), ordered), place=(SmallInteger(), [packages[one].place for one in ordered])
    )
    may_be_meant = or_(
        Component.version == "",
        Component.version.contains(versions.contained, autoescape=True),
        Component.package_id == any_of(one for one, found in packages.items() if found.own_versions),
    )
    statement = (
        select(Component.id, Component.package_id, Component.version, Package.type)
        .join(wanted, wanted.c.package_id == Component.package_id)
        .join(Package, Package.id == Component.package_id)
        .order_by(wanted.c.place, Component.id)
        .limit(MAX_COMPONENTS + 1)
    )
    return statement.where(may_be_meant) if versions.contained else statement

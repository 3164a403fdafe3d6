"""For which packages and versions a decision holds, and whether what is in the field is still what it was about. Pure.

A decision outlives uploads and versions, and never more than it was about. It does not cover what has come since:

- a package that it does not name, or a version outside of the range;
- a range that its advisory has moved: what was judged is not what is said now;
- a severity that has risen, an exploitation that has become known, a priority that has become act.

An advisory that comes later and says no more than those before it changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from service.advisories.matching import Bounds
from service.incidents.priority import SEVERITIES
from service.inventory.constraints import HOLDS, parse_range, parse_vers
from service.versions import UnparsableVersion, compare_to_bound


class Bound(NamedTuple):
    """Versions of one package. Empty versions are open ends.

    Attributes:
        package_id: Of the inventory's package.
        package: The same as a purl without version, or a name where it has none.
        osv_package_id: As what versions are compared; None: `lo_version` is the only one meant, by its text.
        ecosystem: OSV's, of that package; '' without one.
        lo_version: Included.
        hi_version: See `hi_included`.
        hi_included: Whether the upper version is in it.
        narrowed: A range or vers expression of the person who decided, '' if none: a version has to be in both.
        range: The interval as a vers expression.
    """

    package_id: int
    package: str
    osv_package_id: int | None
    ecosystem: str
    lo_version: str
    hi_version: str
    hi_included: bool
    narrowed: str
    range: str

    def holds(self, used: "Used") -> bool:
        """Tell whether a component lies inside."""
        if self.package_id != used.package_id:
            return False
        if self.osv_package_id is None:
            inside = used.version == self.lo_version
        else:
            inside = any(self._contains(version) for id_, version in used.coordinates if id_ == self.osv_package_id)
        return inside and (not self.narrowed or within(self.narrowed, used, self.ecosystem))

    def _contains(self, version: str) -> bool:
        interval = Bounds(self.lo_version, self.hi_version, hi_included=self.hi_included, is_open=not self.hi_version)
        return (bool(version) and version == self.lo_version) or interval.contain(self.ecosystem, version)


class Said(NamedTuple):
    """An advisory's word that a component is affected: the interval of versions in which it lies."""

    advisory: str
    osv_package_id: int
    ecosystem: str
    lo_version: str
    hi_version: str
    hi_included: bool


class Used(NamedTuple):
    """A component in the field: which package and version, as what it is compared, and what is said of it now."""

    component_id: int
    package_id: int
    package: str
    purl_type: str
    version: str
    coordinates: tuple[tuple[int, str], ...]
    said: tuple[Said, ...]

    @property
    def label(self) -> str:
        """Name it for people."""
        return f"{self.package} {self.version}".strip()


class Rating(NamedTuple):
    """How bad an incident is held to be."""

    severity: str
    priority: str
    known_exploited: str | None


class Grounds(NamedTuple):
    """What was known when it was decided: the rating, and which advisory gave which range of which package."""

    rating: Rating
    ranges: frozenset[tuple[str, int, str]]

    def as_json(self) -> dict[str, object]:
        """Write it for the database."""
        return {**self.rating._asdict(), "ranges": [list(each) for each in sorted(self.ranges)]}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Grounds":
        """Read it back."""
        rating = Rating(stored["severity"], stored["priority"], stored["known_exploited"])
        return cls(rating, frozenset((name, package_id, range_) for name, package_id, range_ in stored["ranges"]))


class Uncovered(NamedTuple):
    """A decision does not hold for what is there now: because of which components (none: of them all), and why."""

    component_ids: tuple[int, ...]
    reason: str


def bounds_of(used: Iterable[Used], narrowed: str = "") -> list[Bound]:
    """Give the bounds of a decision about these components: what their advisories say, or the very versions."""
    found: dict[Bound, None] = {}
    for each in used:
        for said in each.said:
            found[_as_said(each, said, narrowed)] = None
        if not each.said:
            found[exactly(each, narrowed)] = None
    return sorted(found, key=lambda bound: (bound.package, bound.range))


def exactly(used: Used, narrowed: str = "") -> Bound:
    """Bind to one version by its text."""
    text = _vers(used.purl_type, used.version, used.version, included=True)
    return Bound(used.package_id, used.package, None, "", used.version, used.version, True, narrowed, text)


def grounds_of(used: Iterable[Used], rating: Rating) -> Grounds:
    """Note what is known now."""
    return Grounds(rating, frozenset(_ranges(used)))


def uncovered(bounds: Sequence[Bound], grounds: Grounds, used: Sequence[Used], rating: Rating) -> Uncovered | None:
    """Say what a decision does not cover of what is in the field; None where it covers it all.

    Args:
        bounds: For what it was decided.
        grounds: What was known then.
        used: The affected components that are in the field now.
        rating: The incident's, now.
    """
    if (reason := outgrown(grounds.rating, rating)) is not None:
        return Uncovered((), reason)
    if (outside := _outside(bounds, used)) is not None:
        return outside
    return _moved(grounds, used)


def outgrown(then: Rating, now: Rating) -> str | None:
    """Say why an incident is worse than when somebody decided about it."""
    if now.known_exploited and not then.known_exploited:
        return f"{now.known_exploited} is known to be exploited since it was decided"
    if now.priority == "act" and then.priority != "act":
        return f"it was {then.priority} when it was decided, and needs action now"
    if _rank(now.severity) < _rank(then.severity):
        return f"it was {then.severity} when it was decided, and is {now.severity} now"
    return None


def within(text: str, used: Used, ecosystem: str) -> bool:
    """Tell whether a component's own version lies in a range or vers expression, by its ecosystem's order.

    Raises:
        BadConstraint: The text is neither.
    """
    wanted = parse_vers(text) if text.startswith("vers:") else parse_range(text)
    if wanted.scheme not in ("", "generic", used.purl_type):
        return False

    def holds(operator: str, version: str) -> bool:
        if not ecosystem:
            return operator == "=" and used.version == version
        try:
            return HOLDS[operator](compare_to_bound(ecosystem, used.version, version))
        except UnparsableVersion:
            return False

    return any(all(holds(*bound) for bound in bounds) for bounds in wanted.alternatives)


def _outside(bounds: Sequence[Bound], used: Sequence[Used]) -> Uncovered | None:
    outside = [each for each in used if not any(bound.holds(each) for bound in bounds)]
    if not outside:
        return None
    known = {bound.package_id for bound in bounds}
    names = ", ".join(each.label for each in outside[:3]) + (" and others" if len(outside) > 3 else "")  # noqa: PLR2004
    new = all(each.package_id not in known for each in outside)
    reason = f"{names}: {'a package' if new else 'a version'} that it was not decided for"
    return Uncovered(tuple(each.component_id for each in outside), reason)


def _moved(grounds: Grounds, used: Sequence[Used]) -> Uncovered | None:
    """Find ranges that are not what they were when somebody judged them."""
    for each in used:
        then = {name: range_ for name, package_id, range_ in grounds.ranges if package_id == each.package_id}
        decided = {range_ for _, package_id, range_ in grounds.ranges if package_id == each.package_id}
        now = {(said.advisory, _as_said(each, said, "").range) for said in each.said}
        if not (decided and now):
            continue
        for advisory, range_ in sorted(now):
            if advisory in then and range_ not in decided:
                reason = f"{advisory} named {then[advisory]} when it was decided, and names {range_} now"
                return Uncovered((each.component_id,), reason)
        if decided.isdisjoint(range_ for _, range_ in now):
            reason = f"no advisory names any more what {each.label} was judged by"
            return Uncovered((each.component_id,), reason)
    return None


def _ranges(used: Iterable[Used]) -> Iterable[tuple[str, int, str]]:
    return ((said.advisory, each.package_id, _as_said(each, said, "").range) for each in used for said in each.said)


def _as_said(used: Used, said: Said, narrowed: str) -> Bound:
    text = _vers(used.purl_type, said.lo_version, said.hi_version, included=said.hi_included)
    return Bound(
        used.package_id, used.package, said.osv_package_id, said.ecosystem, said.lo_version, said.hi_version,
        said.hi_included, narrowed, text,
    )  # fmt: skip


def _vers(purl_type: str, low: str, high: str, *, included: bool) -> str:
    """Write an interval as a vers expression."""
    scheme = purl_type or "generic"
    if low == high and included:
        return f"vers:{scheme}/{quote(low, safe=_PLAIN)}" if low else f"vers:{scheme}/*"
    lower = f">={quote(low, safe=_PLAIN)}" if low else ""
    upper = f"{'<=' if included else '<'}{quote(high, safe=_PLAIN)}" if high else ""
    return f"vers:{scheme}/{'|'.join(filter(None, (lower, upper))) or '*'}"


#: Of versions, beside letters and digits: what vers has no other use for.
_PLAIN = "+:~^"


def _rank(severity: str) -> int:
    return SEVERITIES.index({"unscored": "high"}.get(severity, severity))

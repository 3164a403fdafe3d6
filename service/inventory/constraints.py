"""Which versions a question is about: a prefix, a range, or a vers expression. Pure.

Prefixes and ranges speak of upstream's versions, whoever packages them (see `upstream`); for packages of a language's
own registry ranges follow the registry's order. A bound that names a packaging's own release (``<5.6.1-r2``) and a
vers expression speak of the packaging's versions, and its native order decides.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol
from urllib.parse import unquote

from service.errors import Unreadable
from service.inventory.upstream import Upstream, begins_with, seems_to_begin_with, upstream_key, upstream_of
from service.versions import UnparsableVersion, compare


class BadConstraint(Unreadable):
    """These versions cannot be read."""

    slug = "bad-version-range"


class Outcome(Enum):
    """What is known of a version. `STEPPED_BACK`: it looks as if it were meant, but what is inside is older."""

    IN = "in"
    OUT = "out"
    STEPPED_BACK = "stepped back"
    UNKNOWN = "unknown"


class Verdict(NamedTuple):
    """An outcome and, for people, why."""

    outcome: Outcome
    detail: str = ""


class Constraint(Protocol):
    """Decides about one displayed version of one purl type ('' where there is no purl)."""

    @property
    def contained(self) -> str:
        """Every version that is meant contains this text; '' promises nothing."""
        ...

    def judge(self, purl_type: str, displayed: str) -> Verdict:
        """Say whether the version is meant."""
        ...


@dataclass(frozen=True, slots=True)
class AnyVersion:
    """No version was asked for, so all are meant."""

    contained: str = ""

    def judge(self, purl_type: str, displayed: str) -> Verdict:  # noqa: ARG002 - all are meant
        """Take every version, missing ones included."""
        return Verdict(Outcome.IN)


ANY_VERSION = AnyVersion()


@dataclass(frozen=True, slots=True)
class Exactly:
    """One version, letter by letter, as a purl gives it."""

    version: str

    @property
    def contained(self) -> str:
        """Give the version itself."""
        return self.version

    def judge(self, purl_type: str, displayed: str) -> Verdict:  # noqa: ARG002 - letters are letters
        """Compare as text."""
        if not displayed:
            return Verdict(Outcome.UNKNOWN)
        return Verdict(Outcome.IN, displayed) if displayed == self.version else Verdict(Outcome.OUT)


@dataclass(frozen=True, slots=True)
class Prefix:
    """Versions that begin with a text at a boundary."""

    prefix: str

    @property
    def contained(self) -> str:
        """Give the prefix: stripping a displayed version to upstream's never adds a letter."""
        return self.prefix.lstrip("vV")

    def judge(self, purl_type: str, displayed: str) -> Verdict:
        """Compare with upstream's version."""
        if not displayed:
            return Verdict(Outcome.UNKNOWN)
        upstream = upstream_of(purl_type, displayed)
        if begins_with(purl_type, displayed, self.prefix):
            return Verdict(Outcome.IN, _naming(displayed, upstream))
        if upstream.stepped_back and seems_to_begin_with(displayed, self.prefix):
            return Verdict(Outcome.STEPPED_BACK, _naming(displayed, upstream))
        return Verdict(Outcome.OUT)


class Bound(NamedTuple):
    """One comparison, such as ``>=5.6.0``."""

    operator: str
    version: str


@dataclass(frozen=True, slots=True)
class Range:
    """Alternatives of bounds that all hold. `scheme` is vers' and limits the range to one packaging; '' for all."""

    alternatives: tuple[tuple[Bound, ...], ...]
    scheme: str = ""
    contained: str = ""

    def judge(self, purl_type: str, displayed: str) -> Verdict:
        """Compare with every bound."""
        if self.scheme and self.scheme not in (purl_type, "generic"):
            return Verdict(Outcome.OUT)
        if not displayed:
            return Verdict(Outcome.UNKNOWN)
        if self.scheme in _NATIVE:
            return self._judge(displayed, lambda bound: _native(purl_type, displayed, bound))
        upstream = upstream_of(purl_type, displayed)
        verdict = self._judge(
            _naming(displayed, upstream), lambda bound: _compared(purl_type, displayed, bound, upstream.version)
        )
        if verdict.outcome is Outcome.OUT and upstream.stepped_back:
            shown = self._judge("", lambda bound: _compared(purl_type, displayed, bound, upstream.shown))
            if shown.outcome is Outcome.IN:
                return Verdict(Outcome.STEPPED_BACK, _naming(displayed, upstream))
        return verdict

    def _judge(self, detail: str, order: Callable[[str], int]) -> Verdict:
        for bounds in self.alternatives:
            if all(HOLDS[bound.operator](order(bound.version)) for bound in bounds):
                return Verdict(Outcome.IN, detail)
        return Verdict(Outcome.OUT)


def parse_range(text: str) -> Range:
    """Read ``>=5.6.0,<5.6.2``; commas or spaces mean "and", ``||`` means "or"."""
    alternatives = []
    for alternative in text.split("||"):
        bounds = _BOUND.findall(alternative)
        if not bounds or _BOUND.sub("", alternative).strip(" ,"):
            raise BadConstraint(f"{text[:80]!r} is not a range of versions; write it like '>=5.6.0,<5.6.2'.")
        alternatives.append(tuple(Bound(_SPELT.get(operator, operator), version) for operator, version in bounds))
    return Range(tuple(alternatives))


def parse_vers(text: str) -> Range:
    """Read ``vers:deb/>=5.6.0|<5.6.2``."""
    match = _VERS.fullmatch(text.strip())
    if match is None:
        raise BadConstraint(f"{text[:80]!r} is not a vers expression; write it like 'vers:deb/>=5.6.0|<5.6.2'.")
    scheme, constraints = _SCHEMES.get(match[1].lower(), match[1].lower()), match[2]
    if constraints == "*":
        return Range(((),), scheme)
    bounds = []
    for constraint in constraints.strip("|").split("|"):
        bound = _VERS_BOUND.fullmatch(constraint.strip())
        if bound is None:
            raise BadConstraint(f"{constraint[:80]!r} is not a constraint of vers.")
        bounds.append(Bound(bound[1] or "=", unquote(bound[2])))
    return Range(_intervals(bounds), scheme)


def _intervals(bounds: Sequence[Bound]) -> tuple[tuple[Bound, ...], ...]:
    """Pair vers' bounds, which the specification wants sorted: a lower one with the upper one that follows it."""
    excluded = tuple(bound for bound in bounds if bound.operator == "!=")
    alternatives: list[tuple[Bound, ...]] = [(bound,) for bound in bounds if bound.operator == "="]
    lower: tuple[Bound, ...] = ()
    for bound in bounds:
        if bound.operator in (">", ">="):
            lower = (bound,)
        elif bound.operator in ("<", "<="):
            alternatives.append((*lower, bound, *excluded))
            lower = ()
    if lower or not alternatives:
        alternatives.append((*lower, *excluded))
    return tuple(alternatives)


def _naming(displayed: str, upstream: Upstream) -> str:
    return f"{displayed} is {upstream.version}" if upstream.stepped_back else displayed


def _compared(purl_type: str, displayed: str, bound: str, version: str) -> int:
    if purl_type not in _PACKAGED and purl_type in _NATIVE:
        return _native(purl_type, displayed, bound)
    if purl_type in _PACKAGED and _names_release(purl_type, bound):
        return _native(purl_type, displayed, bound)
    left, right = upstream_key(version), upstream_key(upstream_of(purl_type, bound).version)
    return (left > right) - (left < right)


def _names_release(purl_type: str, bound: str) -> bool:
    return upstream_of(purl_type, bound).version != bound.removeprefix("v")


def _native(purl_type: str, displayed: str, bound: str) -> int:
    try:
        return compare(_NATIVE[purl_type], displayed, bound)
    except UnparsableVersion:
        # Not a version the registry could have published; the order of upstream versions is total.
        left, right = upstream_key(displayed), upstream_key(bound)
        return (left > right) - (left < right)


_PACKAGED = frozenset({"deb", "rpm", "apk", "alpm"})

#: OSV's ecosystem whose order a purl type's versions have. Distributions of one package format share theirs.
_NATIVE = {
    "alpm": "Red Hat",  # pacman's vercmp is derived from rpm's
    "apk": "Alpine",
    "cargo": "crates.io",
    "composer": "Packagist",
    "cran": "CRAN",
    "deb": "Debian",
    "gem": "RubyGems",
    "golang": "Go",
    "hackage": "Hackage",
    "hex": "Hex",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "pub": "Pub",
    "pypi": "PyPI",
    "rpm": "Red Hat",
}
_SCHEMES = {"alpine": "apk", "go": "golang", "semver": "generic", "": "generic"}

_SPELT = {"==": "=", "": "="}
#: What each operator says of how a version compares with its bound.
HOLDS: dict[str, Callable[[int], bool]] = {
    ">=": lambda order: order >= 0,
    ">": lambda order: order > 0,
    "<=": lambda order: order <= 0,
    "<": lambda order: order < 0,
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
}
_BOUND = re.compile(r"(>=|<=|==|!=|>|<|=)\s*([^\s,<>=!|]+)")
_VERS = re.compile(r"vers:([A-Za-z0-9.+-]*)/(\S+)")
_VERS_BOUND = re.compile(r"(>=|<=|!=|>|<|=)?([^\s<>=!|]+)")

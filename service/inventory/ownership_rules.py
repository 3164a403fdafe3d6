"""Which rules speak of a product and what it uses, and in which order. Pure.

A rule has a pattern of products, a pattern of purls, or both. ``*`` stands for any characters, slashes too.

- of products: a slug (``payments-api``), a glob (``payments-*``), or a tag (``tag:pci``);
- of purls: ``pkg:npm/@acme/*``, ``pkg:deb/debian/xz-utils``, ``pkg:npm/lodash@4.*``. Without a version it means any;
  qualifiers do not count, nor do case and how characters are encoded.

Of two rules in one class the more specific comes first, then the earlier one: a slug before a tag before a glob; what
has no ``*`` before what has one, and then whichever spells out more.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from service.errors import Unreadable

TAG = "tag:"
PURL = "pkg:"
_MOST_CHARACTERS = 300
_PRODUCT = re.compile(r"tag:[^\s#:]+|[a-z0-9._*-]+")
_PACKAGE = re.compile(r"pkg:(?:[a-z0-9.+*-]+/[^\s#?]+|[a-z0-9.+-]*\*)", re.IGNORECASE)


class BadRule(Unreadable):
    """The ownership rule cannot be read."""

    slug = "bad-ownership-rule"


class Subject(NamedTuple):
    """A product as rules see it; `team_id` is its own team's."""

    slug: str
    tags: frozenset[str]
    team_id: int | None


class Package(NamedTuple):
    """A component as rules see it: its purl without qualifiers, decoded, in lower case."""

    name: str
    version: str


class Rank(NamedTuple):
    """How specific a pattern is; what sorts first is tried first."""

    kind: int
    length: int


@dataclass(frozen=True)
class Rule:
    """Who owns what a pattern of products, of purls, or of both describes."""

    position: int
    product: str | None
    purl: str | None
    team_id: int

    @property
    def words(self) -> str:
        """Name the rule as people do: by what it speaks of."""
        return " with ".join(part for part in (self.product, self.purl) if part is not None)

    @property
    def order(self) -> tuple[Rank, Rank, int]:
        """Give its place among the rules of its class."""
        return self._product_rank, self._purl_rank, self.position

    def is_about(self, product: Subject) -> bool:
        """Tell whether its pattern of products, if it has one, means this product."""
        if self.product is None:
            return True
        if self.product.startswith(TAG):
            return self.product.removeprefix(TAG) in product.tags
        return self._product.fullmatch(product.slug) is not None

    def means(self, package: Package) -> bool:
        """Tell whether its pattern of purls, if it has one, means this package."""
        if self.purl is None:
            return True
        name, version = self._package
        return name.fullmatch(package.name) is not None and version.fullmatch(package.version) is not None

    @property
    def names_the_product(self) -> bool:
        """Tell whether it spells out one product; it counts before that product's own team."""
        return self.product is not None and self._product_rank.kind == 0

    @cached_property
    def _product(self) -> re.Pattern[str]:
        return _glob(self.product or "*")

    @cached_property
    def _package(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        name, version = _divided(self.purl or "")
        return _glob(name), _glob(version or "*")

    @cached_property
    def _product_rank(self) -> Rank:
        if self.product is None:
            return Rank(0, 0)
        if self.product.startswith(TAG):
            return Rank(1, 0)
        return _rank(self.product, wild=2)

    @cached_property
    def _purl_rank(self) -> Rank:
        return _rank(self.purl, wild=1) if self.purl is not None else Rank(0, 0)


def _rank(pattern: str, *, wild: int) -> Rank:
    return Rank(wild if "*" in pattern else 0, -len(pattern.replace("*", "")))


def _glob(pattern: str) -> re.Pattern[str]:
    # Only * is special; `translate` takes the first place that fits, so that many of them cost no more than a few.
    return re.compile(translate(pattern.replace("[", "[[]").replace("?", "[?]")))


def check_rule(product: str | None, purl: str | None) -> None:
    """Refuse patterns that cannot mean anything.

    Raises:
        BadRule: With what is wrong.
    """
    if product is None and purl is None:
        raise BadRule("Say which products or which packages it is about.")
    if product is not None and (len(product) > _MOST_CHARACTERS or not _PRODUCT.fullmatch(product)):
        raise BadRule(f"{product!r} is no pattern of products: write a slug, with * for any characters, or tag:name.")
    if purl is not None and (len(purl) > _MOST_CHARACTERS or not purl.isprintable() or not _PACKAGE.fullmatch(purl)):
        raise BadRule(f"{purl!r} is no pattern of purls: write pkg:type/name, with * for any characters.")


def package_of(purl: str) -> Package:
    """Read a purl as rules do; what has none (``""``) is meant by no pattern of purls."""
    return Package(*_divided(purl.partition("#")[0].partition("?")[0]))


def _divided(purl: str) -> tuple[str, str]:
    """Divide a purl, or a pattern of purls, into what comes before the version and the version."""
    folder, slash, last = purl.rpartition("/")
    # An npm scope begins with @; a version never stands at the beginning.
    name, _, version = last[1:].partition("@")
    return unquote(folder + slash + last[:1] + name).casefold(), unquote(version).casefold()


class Rulebook:
    """Rules in the order in which they are tried."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        ordered = sorted(rules, key=lambda rule: rule.order)
        self.of_both = [rule for rule in ordered if rule.product is not None and rule.purl is not None]
        self.of_products = [rule for rule in ordered if rule.purl is None]
        self.of_purls = [rule for rule in ordered if rule.product is None]
        self.speaks_of_purls = bool(self.of_both or self.of_purls)


@lru_cache(maxsize=4)
def rulebook(rules: tuple[Rule, ...]) -> Rulebook:
    """Give the rulebook of some rules; patterns are compiled once for as long as the rules stay as they are."""
    return Rulebook(rules)

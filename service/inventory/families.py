"""Families: the same upstream code under other names, as ``families.toml`` lists them. Pure.

An incident about ``xz`` has to find xz-utils, liblzma5, xz-libs, ``conan/xz_utils`` and a stray ``liblzma.so.5.6.1``,
and must not find the unrelated Go and Java packages that are called xz too.
"""

import re
import tomllib
from fnmatch import translate
from pathlib import Path
from typing import Any, Final, NamedTuple


class Membership(NamedTuple):
    """A package's place in a family and why; with `own_versions` upstream's versions cannot be compared."""

    family: str
    reason: str
    own_versions: bool


class _Rule(NamedTuple):
    membership: Membership
    types: frozenset[str]
    namespace: str


class _Rules(NamedTuple):
    """All rules: by exact name, by pattern, and families by source package."""

    by_name: dict[str, list[_Rule]]
    by_pattern: list[tuple[re.Pattern[str], _Rule]]
    by_source: dict[str, list[str]]
    distributions: frozenset[str]


def _load() -> _Rules:
    tables: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    packagings, distributions = (frozenset(tables.pop(key)) for key in ("packagings", "distributions"))
    rules = _Rules({}, [], {}, distributions)
    for family, table in tables.items():
        for source in table["sources"]:
            rules.by_source.setdefault(source, []).append(family)
        for member in table["members"]:
            _add(rules, family, member, packagings)
    return rules


def _add(rules: _Rules, family: str, member: dict[str, Any], packagings: frozenset[str]) -> None:
    membership = Membership(family, member["reason"], member.get("own_versions", False))
    rule = _Rule(membership, frozenset(member.get("types", packagings)), member.get("namespace", ""))
    for name in member["names"]:
        if any(wild in name for wild in "*?["):
            rules.by_pattern.append((re.compile(translate(name)), rule))
        else:
            rules.by_name.setdefault(name, []).append(rule)


_RULES: Final = _load()


def families_of(kind: str, namespace: str, name: str, source_name: str) -> tuple[Membership, ...]:
    """Give the families that a package belongs to, each once.

    Args:
        kind: The purl's type; '' without a purl.
        namespace: The purl's.
        name: The purl's, or the component's own name without a purl.
        source_name: Of the distribution's source package; '' if unknown.
    """
    lower = name.lower()
    candidates = [
        *_RULES.by_name.get(lower, ()),
        *(rule for pattern, rule in _RULES.by_pattern if pattern.match(lower)),
    ]
    found: dict[str, Membership] = {}
    for rule in candidates:
        if kind in rule.types and rule.namespace in ("", namespace.lower()):
            found.setdefault(rule.membership.family, rule.membership)
    if kind in _RULES.distributions:
        for family in _RULES.by_source.get(source_name, ()):
            found.setdefault(family, Membership(family, f"Built from the source package {source_name}", False))
    return tuple(found.values())


def family_names() -> frozenset[str]:
    """Give the families there are."""
    ruled = [rule for rules in _RULES.by_name.values() for rule in rules] + [rule for _, rule in _RULES.by_pattern]
    of_sources = {family for families in _RULES.by_source.values() for family in families}
    return frozenset(of_sources.union(rule.membership.family for rule in ruled))

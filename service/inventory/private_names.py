"""Names and registries that are the organisation's own (DESIGN.md §6 rule 5).

A pattern is ``type:name``, with ``*`` for any characters: ``npm:@acme/*``, ``pypi:acme-*``,
``golang:git.acme.example/*``, ``maven:com.acme.*`` (the group and all below it), ``deb:acme-*``.
``registry:nexus.acme.example`` speaks of the host that a purl or a document names, and
``registry:nexus.acme.example/repository/own`` of an address and all below it. Case does not count.

What falls under one never matches public advisories (`advisories.origins`).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import or_, select

from service.db import ReadSession, WriteSession, among, any_of
from service.errors import NotFound, Unreadable
from service.inventory.catalogue_models import Component, InternalNamespace, Package
from service.inventory.origins import claim
from service.purls.provenance import PUBLIC, Provenance, is_public_host
from service.purls.qualifiers import DISTRIBUTION_TYPES

REGISTRY: Final = "registry"
_MOST_CHARACTERS: Final = 300
_PATTERN = re.compile(r"([a-z][a-z0-9.-]{0,63}):(\S+)")


class BadPattern(Unreadable):
    """The pattern of internal names cannot be read."""

    slug = "bad-pattern"


class Pattern(NamedTuple):
    """A pattern, read. `matches` a folded name, or an address."""

    text: str
    kind: str
    matches: re.Pattern[str]
    of_namespace: bool


def read_pattern(text: str) -> Pattern:
    """Read a pattern.

    Raises:
        BadPattern: It is none, or would call public what is everybody's.
    """
    found = _PATTERN.fullmatch(text.strip())
    if found is None or len(text) > _MOST_CHARACTERS or not text.isprintable():
        raise BadPattern("Write type:name, as in npm:@acme/*, pypi:acme-*, maven:com.acme.* or registry:host.")
    kind, glob = found[1], _folded(found[1], found[2])
    if not re.search(r"[^*/.@-]{2}", glob):
        raise BadPattern(f"{text} would declare nearly every package private; name more than that.")
    if kind == "npm" and re.fullmatch(r"@[^/]*", glob):
        raise BadPattern(f"{text} names a scope and no package: write {text.rstrip('*')}/* for all of it.")
    if kind == REGISTRY:
        return _of_registry(text, glob)
    of_namespace = kind == "maven" and "/" not in glob
    return Pattern(f"{kind}:{glob}", kind, re.compile(_expression(glob, below=of_namespace)), of_namespace)


def _of_registry(text: str, glob: str) -> Pattern:
    place = glob.partition("://")[2] or glob
    place = place.rstrip("/")
    host = re.compile(_expression(place.partition("/")[0], below=False))
    if is_public_host(host.fullmatch):
        raise BadPattern(f"{text} is a public registry; what comes from there is no private package.")
    return Pattern(f"{REGISTRY}:{place}", REGISTRY, re.compile(_expression(place, below=False) + r"(?:/.*)?"), False)


def _expression(glob: str, *, below: bool) -> str:
    if below and glob.endswith(".*"):
        return _expression(glob[:-2], below=False) + r"(?:\..*)?"
    first, *between = map(re.escape, glob.split("*"))
    if not between:
        return first
    *middle, last = between
    # The first place where a part fits will do; to try the others would take for ever where there are many parts.
    return first + "".join(f"(?>.*?{part})" for part in middle) + f".*{last}"


def _folded(kind: str, name: str) -> str:
    folded = name.casefold()
    if kind == "pypi":
        return folded.replace("_", "-")
    return folded.replace(":", "/") if kind == "maven" else folded


class Patterns:
    """The patterns that stand, ready to be asked."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._by_kind: dict[str, list[Pattern]] = {}
        for text in sorted(texts):
            pattern = read_pattern(text)
            self._by_kind.setdefault(pattern.kind, []).append(pattern)

    @property
    def kinds(self) -> list[str]:
        """The purl types that some pattern speaks of."""
        return sorted(self._by_kind.keys() - {REGISTRY})

    def claim(self, kind: str, namespace: str, name: str, address: str = "") -> str:
        """Give the pattern under which a package falls, '' if none. An address is one that is not public."""
        if not self._by_kind:
            return ""
        path = _folded(kind, f"{namespace}/{name}" if namespace else name)
        for pattern in self._by_kind.get(kind, ()):
            asked = path
            if pattern.of_namespace:
                asked = _folded(kind, namespace)
            elif kind in DISTRIBUTION_TYPES and "/" not in pattern.text:
                asked = _folded(kind, name)
            if pattern.matches.fullmatch(asked):
                return pattern.text
        return self.claim_address(address)

    def claim_address(self, address: str) -> str:
        """Give the pattern under which an address falls that is not public, '' if none."""
        asked = address.casefold()
        own = self._by_kind.get(REGISTRY, ()) if asked else ()
        return next((pattern.text for pattern in own if pattern.matches.fullmatch(asked)), "")


def standing_patterns(session: ReadSession) -> Patterns:
    """Read the patterns that stand now."""
    return Patterns(session.scalars(select(InternalNamespace.pattern).where(InternalNamespace.removed_at.is_(None))))


def claims_to_change(session: ReadSession) -> dict[int, str]:
    """Compare all components with the patterns that stand: those whose claim is another now, with it ('' for none)."""
    patterns = standing_patterns(session)
    packages = {
        row.id: claim
        for row in session.execute(
            select(Package.id, Package.type, Package.namespace, Package.name).where(
                Package.type.in_(among(patterns.kinds))
            )
        )
        if (claim := patterns.claim(row.type, row.namespace, row.name))
    }
    addresses = select(Component.id, Component.obtained_from).where(
        Component.obtained_from != "", Component.provenance != PUBLIC
    )
    by_address = {id_: claim for id_, said in session.execute(addresses) if (claim := patterns.claim_address(said))}
    concerned = select(Component.id, Component.package_id, Component.internal).where(
        or_(Component.package_id == any_of(packages), Component.id == any_of(by_address), Component.internal != "")
    )
    wanted = (
        (id_, packages.get(package_id) or by_address.get(id_, ""), internal)
        for id_, package_id, internal in session.execute(concerned)
    )
    return {id_: claim for id_, claim, internal in wanted if claim != internal}


def claim_heard(session: WriteSession, said: Mapping[int, Provenance]) -> None:
    """Let claims by registry follow what documents have just said of where components came from."""
    patterns = standing_patterns(session)
    by_registry = or_(Component.internal == "", Component.internal.startswith(f"{REGISTRY}:"))
    rows = session.execute(select(Component.id, Component.internal).where(Component.id == any_of(said), by_registry))
    changed = {
        id_: pattern
        for id_, internal in rows
        if (pattern := "" if said[id_].said == PUBLIC else patterns.claim_address(said[id_].address)) != internal
    }
    if changed:
        claim(session, changed)


def list_namespaces(session: ReadSession, *, after: str = "", limit: int = 50) -> list[InternalNamespace]:
    """List the patterns that stand, in their order."""
    rows = select(InternalNamespace).where(InternalNamespace.removed_at.is_(None), InternalNamespace.pattern > after)
    return list(session.scalars(rows.order_by(InternalNamespace.pattern).limit(limit)))


def get_namespace(session: ReadSession, pattern: str) -> InternalNamespace:
    """Give the pattern that stands."""
    row = session.scalar(
        select(InternalNamespace).where(
            InternalNamespace.pattern == read_pattern(pattern).text, InternalNamespace.removed_at.is_(None)
        )
    )
    if row is None:
        raise NotFound(f"No internal names are kept as {pattern}.")
    return row


def put_namespace(
    session: WriteSession, pattern: str, *, reason: str, actor: str, now: datetime
) -> tuple[InternalNamespace, bool]:
    """Add a pattern, or give its reason anew; tells whether it is new. Matches have yet to follow."""
    text = read_pattern(pattern).text
    row = session.scalar(
        select(InternalNamespace)
        .where(InternalNamespace.pattern == text, InternalNamespace.removed_at.is_(None))
        .with_for_update()
    )
    if row is not None:
        row.reason = reason
        return row, False
    row = InternalNamespace(pattern=text, reason=reason, added_by=actor, added_at=now, settled=False)
    session.add(row)
    session.flush()  # the unique pattern decides who was first
    return row, True


def remove_namespace(session: WriteSession, pattern: str, *, actor: str, now: datetime) -> InternalNamespace:
    """Take a pattern away; its row stays as a record. Matches have yet to follow."""
    row = get_namespace(session, pattern)
    row.removed_by, row.removed_at, row.settled = actor, now, False
    return row

"""In what way a stream contains a component: whether it ships, and whether it speaks for itself."""

from collections.abc import Mapping

from service.inventory.entries import Entry
from service.sbom.document import Scope

#: By their codes, which are stored.
SCOPES = ("required", "optional", "excluded", "dev", "test", "packaged")
SCOPE_CODE = {name: code for code, name in enumerate(SCOPES)}
#: Where a scope stands among the others: when a document lists a component twice, the strongest counts.
RANK = {
    SCOPE_CODE[name]: rank for rank, name in enumerate(("required", "optional", "packaged", "excluded", "dev", "test"))
}


def scope_of(entry: Entry, entries: Mapping[str, Entry]) -> Scope:
    """Give a component's scope: ``packaged`` where the distribution's package that brought it along is evaluated."""
    scope = entry.listed.scope
    owner = entries.get(entry.listed.owner)
    if owner is None or scope not in (Scope.REQUIRED, Scope.OPTIONAL):
        return scope
    return scope if owner.unevaluated or not owner.identity.coordinates else Scope.PACKAGED

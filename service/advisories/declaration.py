"""What a declaration says: affected is what goes by these names, families, purls or hashes, in these versions. Pure.

An own advisory may carry one in ``database_specific.declaration``; `declared` finds the components that it means.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from service.errors import ServiceError
from service.inventory.constraints import ANY_VERSION, Constraint, Outcome, Verdict, parse_range, parse_vers
from service.purls import parse


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared to be affected.

    Names, families and hashes are in lower case. `ranges` are alternatives, in upstream's versions or as vers
    expressions; none means every version.
    """

    kind: str = msgspec.field(name="class", default="other")
    names: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    purls: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()

    @property
    def versions(self) -> Constraint:
        """Give what its ranges mean together.

        Raises:
            BadConstraint: One of them cannot be read.
        """
        return AnyOf(tuple(map(_range, self.ranges))) if self.ranges else ANY_VERSION

    def as_values(self) -> dict[str, Any]:
        """Give it as the record has it."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values


class AnyOf(NamedTuple):
    """Versions that one of several constraints means."""

    constraints: tuple[Constraint, ...]

    @property
    def contained(self) -> str:
        """Promise nothing."""
        return ""

    def judge(self, purl_type: str, displayed: str) -> Verdict:
        """Take the best verdict: meant, unknown, only seemingly meant, not meant."""
        verdicts = [each.judge(purl_type, displayed) for each in self.constraints]
        return min(verdicts, key=lambda verdict: _BEST_FIRST.index(verdict.outcome))


_BEST_FIRST: Final = (Outcome.IN, Outcome.UNKNOWN, Outcome.STEPPED_BACK, Outcome.OUT)


def _range(written: str) -> Constraint:
    return parse_vers(written) if written.startswith("vers:") else parse_range(written)


def declaration_in(record: Mapping[str, Any]) -> Declaration | None:
    """Read a record's declaration; None where it has none, or one that cannot be read: that then matches nothing."""
    specific = record.get("database_specific")
    written = specific.get("declaration") if isinstance(specific, Mapping) else None
    if written is None:
        return None
    try:
        found = msgspec.convert(written, Declaration)
        _ = found.versions, [parse(purl) for purl in found.purls]
    except (msgspec.ValidationError, ServiceError):
        return None
    return found

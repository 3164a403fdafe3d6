"""What is known of where components came from, kept beside their coordinates: matching looks at it.

Identity never changes; this may. A document that says more than the first one did is heard.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import BigInteger, Text, case, select, update

from service.db import ReadSession, WriteSession, any_of, arrays
from service.inventory.catalogue_models import Component, ComponentCoord
from service.purls.provenance import PRIVATE, Provenance

#: A coordinate's provenance: the component's, unless its name or registry is the organisation's own.
EFFECTIVE = case((Component.internal != "", PRIVATE), else_=Component.provenance)

#: How much is known of where a component came from, as `Provenance.strength`.
STRENGTH = case((Component.provenance != "", 2), (Component.obtained_from != "", 1), else_=0)


def hear(session: WriteSession, said: Mapping[int, Provenance]) -> None:
    """Let components know what another document says of where they came from, if that is more than they knew."""
    ids = sorted(said)
    _lock(session, ids)
    new = arrays(
        id=(BigInteger(), ids),
        provenance=(Text(), [said[id_].said for id_ in ids]),
        address=(Text(), [said[id_].address for id_ in ids]),
        strength=(BigInteger(), [said[id_].strength for id_ in ids]),
    )
    session.execute(
        update(Component)
        .where(Component.id == new.c.id, new.c.strength > STRENGTH)
        .values(provenance=new.c.provenance, obtained_from=new.c.address),
        execution_options={"synchronize_session": False},
    )
    follow(session, ids)


def internal_among(session: ReadSession, component_ids: Iterable[int]) -> dict[int, str]:
    """Give those of some components that are the organisation's own, and the pattern that says so."""
    rows = session.execute(
        select(Component.id, Component.internal).where(Component.id == any_of(component_ids), Component.internal != "")
    )
    return dict(rows.all())


def claim(session: WriteSession, patterns: Mapping[int, str]) -> None:
    """Say under which pattern of the organisation's own names components fall now ('' for none)."""
    ids = sorted(patterns)
    _lock(session, ids)
    claimed = arrays(id=(BigInteger(), ids), pattern=(Text(), [patterns[id_] for id_ in ids]))
    session.execute(
        update(Component).where(Component.id == claimed.c.id).values(internal=claimed.c.pattern),
        execution_options={"synchronize_session": False},
    )
    follow(session, ids)


def follow(session: WriteSession, component_ids: Iterable[int]) -> None:
    """Let coordinates follow what their components know."""
    session.execute(
        update(ComponentCoord)
        .where(ComponentCoord.component_id == any_of(component_ids), Component.id == ComponentCoord.component_id)
        .where(ComponentCoord.provenance != EFFECTIVE)
        .values(provenance=EFFECTIVE),
        execution_options={"synchronize_session": False},
    )


def _lock(session: WriteSession, component_ids: Iterable[int]) -> None:
    """Lock components in the order of ids, so that two writers queue up instead of deadlocking."""
    rows = select(Component.id).where(Component.id == any_of(component_ids)).order_by(Component.id)
    session.execute(rows.with_for_update(key_share=True))

"""Who sends a request, kept with it: all doors share the ASGI scope, and what is beneath them needs no more of HTTP."""

from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

from service.access.roles import Actor, Origin
from service.access.visibility import NOBODYS, Sight, sight_of

Scope = MutableMapping[str, Any]

_ACTOR, _SIGHT, _EXPORT, _READS = "muster_actor", "muster_sight", "muster_export", "muster_reads"
#: Methods that change nothing.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def admit(scope: Scope, actor: Actor) -> Actor:
    """Keep who sends a request; gives the actor with where it comes from."""
    client = scope.get("client")
    known = replace(actor, origin=Origin(client[0] if client else None, scope.get("request_id")))
    scope[_ACTOR], scope[_SIGHT] = known, sight_of(known)
    return known


def admitted(scope: Scope) -> Actor | None:
    """Tell who was let in."""
    actor: Actor | None = scope.get(_ACTOR)
    return actor


def sight_in(scope: Scope) -> Sight:
    """Tell what the sender of a request may see: little, until it is known who that is."""
    sight: Sight = scope.get(_SIGHT, NOBODYS)
    return sight


def note_recorded(scope: Scope) -> None:
    """Say that what a request did is in the record, where whoever wrote it had no hold of the request."""
    actor = admitted(scope)
    if actor is not None and actor.origin is not None:
        actor.origin.recorded += 1


def mark_export(scope: Scope, what: str) -> None:
    """Say that much leaves with the answer, so that it is recorded."""
    scope[_EXPORT] = what


def mark_reading(scope: Scope) -> None:
    """Say that the request changes nothing, whatever its method."""
    scope[_READS] = True


def exported_in(scope: Scope) -> str | None:
    """Tell what leaves with the answer, where that is to be recorded."""
    what: str | None = scope.get(_EXPORT)
    return what


def owes_record(scope: Scope) -> bool:
    """Tell whether a request that succeeded ought to be in the record, and is not yet."""
    actor = admitted(scope)
    if actor is None or actor.origin is None or actor.origin.recorded:
        return False
    return exported_in(scope) is not None or (scope["method"] not in SAFE and _READS not in scope)

"""What is under embargo is not there for those who need not know: every question that a door asks is limited by itself.

A door reads through `seen_by(engine, …)`. From then on each ORM statement of a session on it leaves out the incidents
and exposures that whoever asks may not see, all rows of any table that belong to them, and the own advisories and names
behind them. No list has to remember it, and a table that is added later is limited as soon as it has `incident_id`,
`exposure_id`, `advisory_id` or `vulnerability_id`. Sessions on the engine itself see everything: jobs and flows must.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, event, exists, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.orm.interfaces import ORMOption

from service.access.visibility import Sight
from service.advisories.models import Advisory, Vulnerability, VulnerabilityAdvisory
from service.db import Base, ReadSession, any_of
from service.errors import NotFound
from service.incidents.models import Exposure, Incident
from service.incidents.representing import number_of

_OPTION = "muster_sight"
_KEPT_LIMITS = 256

# Tables under names of their own: nothing around these subqueries can be mistaken for them.
_incident = Incident.__table__.alias("embargoed")
_exposure = Exposure.__table__.alias("concerned")
_evidence = VulnerabilityAdvisory.__table__.alias("embargoed_evidence")
_named = Vulnerability.__table__.alias("embargoed_vulnerability")
_advisory = Advisory.__table__.alias("any_advisory")


def seen_by(engine: Engine, sight: Callable[[], Sight]) -> Engine:
    """Give the engine as somebody sees it; *sight* is asked at each statement, since doors learn late who asks."""
    return engine.execution_options(**{_OPTION: sight})


@event.listens_for(Session, "do_orm_execute")
def _limit(state: ORMExecuteState) -> None:
    sight = state.session.get_bind().get_execution_options().get(_OPTION)
    if sight is not None and state.is_select and not state.is_column_load:
        state.statement = state.statement.options(*limits(sight()))


@lru_cache(maxsize=_KEPT_LIMITS)
def limits(sight: Sight) -> tuple[ORMOption, ...]:
    """Give the options that limit a statement to what somebody may see."""
    if sight.unlimited:
        return ()
    return tuple(_limits(sight))


def _limits(sight: Sight) -> Iterator[ORMOption]:
    hidden = {
        "incident_id": _hidden_incidents(sight),
        "exposure_id": _hidden_exposures(sight),
        "advisory_id": _hidden_advisories(sight),
        "vulnerability_id": _hidden_vulnerabilities(sight),
    }
    for kind, name in _OWN.items():
        yield with_loader_criteria(kind, _without("id", hidden[name]), include_aliases=True)
    for mapper in Base.registry.mappers:
        for name, rows in hidden.items():
            if name in mapper.columns and mapper.class_ not in (Incident, Exposure):
                yield with_loader_criteria(mapper.class_, _without(name, rows), include_aliases=True)


_OWN = {Incident: "incident_id", Exposure: "exposure_id", Advisory: "advisory_id", Vulnerability: "vulnerability_id"}


def _without(column: str, hidden: Select[int]) -> Callable[[Any], ColumnElement[bool]]:
    """Give the condition on a class or an alias of it. SQLAlchemy reads the lambdas: each has to name its column."""
    match column:
        case "id":
            return lambda cls: cls.id.not_in(hidden)
        case "incident_id":
            return lambda cls: or_(cls.incident_id.is_(None), cls.incident_id.not_in(hidden))
        case "exposure_id":
            return lambda cls: or_(cls.exposure_id.is_(None), cls.exposure_id.not_in(hidden))
        case "advisory_id":
            return lambda cls: or_(cls.advisory_id.is_(None), cls.advisory_id.not_in(hidden))
        case _:
            return lambda cls: or_(cls.vulnerability_id.is_(None), cls.vulnerability_id.not_in(hidden))


# --- what is hidden --------------------------------------------------------------------------------------------------


def _hidden_incidents(sight: Sight) -> Select[int]:
    concerned = exists().where(_exposure.c.incident_id == _incident.c.id)
    hidden = []
    if not sight.whole:
        known = concerned.where(_exposure.c.team_id == sight.team_id)
        hidden.append(_incident.c.restricted if sight.team_id is None else and_(_incident.c.restricted, ~known))
    if sight.products is not None:
        hidden.append(~concerned.where(_exposure.c.product_id == any_of(sorted(sight.products))))
    return select(_incident.c.id).where(or_(*hidden))


def _hidden_exposures(sight: Sight) -> Select[int]:
    hidden = []
    if not sight.whole:
        others = _exposure.c.team_id != sight.team_id if sight.team_id is not None else true()
        hidden.append(and_(_incident.c.restricted, others))
    if sight.products is not None:
        hidden.append(~(_exposure.c.product_id == any_of(sorted(sight.products))))
    joined = _exposure.join(_incident, _incident.c.id == _exposure.c.incident_id)
    return select(_exposure.c.id).select_from(joined).where(or_(*hidden))


def _embargoed(sight: Sight) -> Select[int]:
    """Give the vulnerabilities of what is under embargo; a product that a key is bound to limits no advisory."""
    of = _hidden_incidents(Sight(whole=sight.whole, team_id=sight.team_id)) if not sight.whole else None
    rows = select(_incident.c.vulnerability_id).where(_incident.c.vulnerability_id.is_not(None))
    return rows.where(_incident.c.restricted, _incident.c.id.in_(of)) if of is not None else rows.where(~true())


def _hidden_advisories(sight: Sight) -> Select[int]:
    joined = _evidence.join(_advisory, _advisory.c.id == _evidence.c.advisory_id)
    own = select(_evidence.c.advisory_id).select_from(joined).where(_advisory.c.source == "own")
    return own.where(_evidence.c.vulnerability_id.in_(_embargoed(sight)))


def _hidden_vulnerabilities(sight: Sight) -> Select[int]:
    """Give those that only our own advisories speak of: what the world knows is no secret of ours."""
    joined = _evidence.join(_advisory, _advisory.c.id == _evidence.c.advisory_id)
    public = (
        exists().select_from(joined).where(_evidence.c.vulnerability_id == _named.c.id, _advisory.c.source != "own")
    )
    return select(_named.c.id).where(_named.c.id.in_(_embargoed(sight)), ~public)


#: What paths call what they name, and what its readable id begins with.
_NAMED: dict[str, tuple[str, InstrumentedAttribute[int]]] = {
    "incident": ("INC", Incident.id),
    "exposure": ("EXP", Exposure.id),
}
LIMITED = frozenset(_NAMED)

# --- one of them -----------------------------------------------------------------------------------------------------


def require_seen(session: ReadSession, sight: Sight, names: Mapping[str, object]) -> None:
    """Refuse a request whose path names an incident or exposure that is not there for whoever sends it.

    *names* are the path's: `incident` and `exposure` hold readable ids; others do not matter.

    Raises:
        NotFound: It is not there, or not for this sight.
    """
    if sight.unlimited:
        return
    for name, (prefix, column) in _NAMED.items():
        if name in names:
            readable = str(names[name])
            row = select(column).where(column == number_of(readable, prefix)).options(*limits(sight))
            if session.scalar(row) is None:
                raise NotFound(f"There is no {name} {readable}.")

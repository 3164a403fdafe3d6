"""What is under embargo is not there for those who need not know, whatever is asked and however."""

from collections.abc import Iterator

import pytest
from embargoed import HIDDEN, World, make_world
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from service.access.visibility import NOBODYS, WHOLE, Sight
from service.advisories.models import Advisory, Vulnerability
from service.db import Base, connect, reading
from service.errors import NotFound
from service.incidents.history import timeline_of
from service.incidents.listing import Wanted, incident_values, list_exposures, list_incidents
from service.incidents.models import Exposure, Incident, Transition
from service.incidents.seeing import limits, require_seen, seen_by
from service.inventory.models import Product


@pytest.fixture(scope="module")
def world(module_database: str) -> Iterator[World]:
    engine = connect(module_database)
    yield make_world(engine)
    engine.dispose()


def ids(world: World, sight: Sight) -> tuple[set[int], set[int]]:
    with reading(seen_by(world.engine, lambda: sight)) as session:
        incidents = {id_ for id_, _ in list_incidents(session, Wanted())}
        return incidents, {id_ for id_, _ in list_exposures(session)}


def test_each_sees_what_it_needs_to_know(world: World) -> None:
    every = set(world.exposures.values())
    public = {world.exposures["shop", False], world.exposures["blog", False]}
    assert ids(world, WHOLE) == ({world.public, world.secret}, every)
    assert ids(world, NOBODYS) == ({world.public}, public)
    # Alternating: what one may see must not be kept for the other.
    for _ in range(2):
        for team, product in (("payments", "shop"), ("press", "blog")):
            own = public | {world.exposures[product, True]}
            assert ids(world, Sight(team_id=world.teams[team])) == ({world.public, world.secret}, own)
    assert ids(world, Sight(team_id=world.teams["cert-triage"])) == ({world.public}, public)
    bound = Sight(products=frozenset({world.products["shop"]}))
    assert ids(world, bound) == ({world.public}, {world.exposures["shop", False]})
    assert ids(world, Sight(whole=True, products=frozenset({0}))) == (set(), set())


def test_what_is_counted_and_told_of_an_incident_leaves_out_other_teams(world: World) -> None:
    payments = Sight(team_id=world.teams["payments"])
    with reading(seen_by(world.engine, lambda: payments)) as session:
        assert incident_values(session, world.secret)["exposure_counts"] == {"open": 1}
        told = {step["exposure"] for _, step in timeline_of(session, incident_id=world.secret)}
        assert f"EXP-{world.exposures['shop', True]}" in told
        assert f"EXP-{world.exposures['blog', True]}" not in told
        again = aliased(Exposure)
        joined = select(func.count(again.id)).select_from(Product).outerjoin(again, again.product_id == Product.id)
        assert session.scalar(joined) == 3
        nested = select(Product.slug).where(Product.id.in_(select(Exposure.product_id)))
        assert set(session.scalars(nested)) == {"shop", "blog"}
        assert session.get(Exposure, world.exposures["blog", True]) is None
        assert session.get(Exposure, world.exposures["shop", True]) is not None


def test_the_advisory_behind_an_embargo_is_not_there_either(world: World) -> None:
    for sight, expected in (
        (NOBODYS, {"CVE-2026-1"}),
        (Sight(team_id=world.teams["press"]), {"CVE-2026-1", HIDDEN}),
        (WHOLE, {"CVE-2026-1", HIDDEN}),
    ):
        with reading(seen_by(world.engine, lambda sight=sight: sight)) as session:  # type: ignore[misc]
            assert set(session.scalars(select(Advisory.osv_id))) == expected
            assert set(session.scalars(select(Vulnerability.name))) == expected


def test_a_path_that_names_what_is_hidden_names_nothing(world: World) -> None:
    secret, exposure = f"INC-{world.secret}", f"EXP-{world.exposures['blog', True]}"
    with reading(world.engine) as session:
        require_seen(session, WHOLE, {"incident": secret, "exposure": exposure})
        require_seen(session, Sight(team_id=world.teams["press"]), {"incident": secret, "exposure": exposure})
        for names in ({"incident": secret}, {"exposure": exposure}):
            with pytest.raises(NotFound):
                require_seen(session, NOBODYS, names)
        with pytest.raises(NotFound):
            require_seen(session, Sight(team_id=world.teams["payments"]), {"exposure": exposure})


def test_every_table_that_belongs_to_an_incident_is_limited() -> None:
    limited = {option.entity.class_ for option in limits(NOBODYS)}  # type: ignore[attr-defined]
    assert limited >= {Incident, Exposure, Transition, Advisory, Vulnerability}
    names = {"incident_id", "exposure_id"}
    assert limited >= {mapper.class_ for mapper in Base.registry.mappers if names & set(mapper.columns.keys())}

from typing import get_args

import pytest

from service.access.roles import PERMISSIONS, Actor, Permission, Role
from service.errors import Forbidden


def test_every_role_has_a_list_and_only_known_permissions() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert frozenset().union(*PERMISSIONS.values()) == set(get_args(Permission))


def test_cert_has_everything_but_keys_settings_and_erasing() -> None:
    assert PERMISSIONS[Role.ADMIN] - PERMISSIONS[Role.CERT] == {"manage_keys", "manage_settings", "erase"}


@pytest.mark.parametrize("role", [Role.UPLOADER, Role.READER, Role.INTEGRATION, Role.OWNER])
def test_nobody_else_declares_publishes_or_manages(role: Role) -> None:
    actor = Actor("someone", role)
    for permission in ("declare", "publish_advisory", "manage_products", "manage_keys"):
        with pytest.raises(Forbidden, match=permission):
            actor.require(permission)


def test_whoever_acts_on_exposures_may_also_claim_a_fix_and_link_a_ticket() -> None:
    for permissions in PERMISSIONS.values():
        assert "act_on_exposure" not in permissions or {"claim_fix", "set_links"} <= permissions


def test_an_owner_acts_for_its_own_team_only_and_cert_for_all() -> None:
    assert Actor("o", Role.OWNER, team_id=3).acts_for(3)
    assert not Actor("o", Role.OWNER, team_id=3).acts_for(4)
    assert Actor("c", Role.CERT).acts_for(4)
    assert not Actor("r", Role.READER, team_id=4).acts_for(4)


def test_a_bound_actor_sees_its_products_only() -> None:
    assert Actor("u", Role.UPLOADER).sees(1)
    assert not Actor("u", Role.UPLOADER, products=frozenset({2})).sees(1)

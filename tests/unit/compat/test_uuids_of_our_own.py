from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.compat.dependency_track.uuids import Kind, from_uuid, to_uuid


@given(st.sampled_from(Kind), st.integers(min_value=0, max_value=2**62 - 1))
def test_an_id_comes_back_from_its_uuid_and_from_no_other_kind(kind: Kind, id_: int) -> None:
    uuid = to_uuid(kind, id_)
    assert (UUID(uuid).version, UUID(uuid).variant) == (8, RFC_4122)
    assert [other for other in Kind if from_uuid(other, uuid) is not None] == [kind]
    assert from_uuid(kind, uuid.upper()) == id_


@pytest.mark.parametrize(
    "text", ["", "1", "f90934f5-cb88-47ce-81cb-db06fc67d4b4", "6d757374-6572-4001-8000-000000000001"]
)
def test_what_we_did_not_write_is_nobodys(text: str) -> None:
    assert [kind for kind in Kind if from_uuid(kind, text) is not None] == []


def test_the_layout_lasts() -> None:
    assert to_uuid(Kind.PROJECT, 41) == "6d757374-6572-8001-8000-000000000029"

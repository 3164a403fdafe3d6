"""Dependency graphs: packed, shared, and the paths in them."""

from service.inventory.graph import SUBJECT, Packed, pack, unpack

SSHD, SYSTEMD, LZMA, ZLIB = 40, 30, 20, 10
NODES = [SUBJECT, SSHD, SYSTEMD, LZMA, ZLIB]


def path_to(packed: Packed, component_id: int) -> list[int]:
    return unpack(packed.content).path_to(component_id)


def test_the_shortest_path_leads_from_the_subject_to_the_component() -> None:
    packed = pack(NODES, [(0, 1), (1, 2), (2, 3), (0, 4)])

    assert path_to(packed, LZMA) == [SUBJECT, SSHD, SYSTEMD, LZMA]


def test_the_order_of_nodes_and_edges_does_not_matter() -> None:
    one = pack(NODES, [(0, 1), (1, 2), (2, 3)])
    other = pack([SUBJECT, LZMA, ZLIB, SYSTEMD, SSHD], [(3, 1), (4, 3), (0, 4), (0, 4)])

    assert one == other


def test_a_component_below_the_subject_is_direct_whatever_else_leads_to_it() -> None:
    graph = unpack(pack(NODES, [(0, 1), (1, 2), (0, 2), (2, 3)]).content)

    assert [graph.relation(one) for one in (SYSTEMD, LZMA)] == ["direct", "transitive"]


def test_how_near_a_component_is_stays_unknown_where_the_document_does_not_connect_it() -> None:
    graph = unpack(pack(NODES, [(0, 1), (2, 3)]).content)

    assert {graph.relation(one) for one in (SYSTEMD, LZMA, ZLIB, 99)} == {"unknown"}


def test_a_path_that_does_not_reach_the_subject_begins_at_the_topmost_known() -> None:
    packed = pack(NODES, [(0, 4), (1, 2), (2, 3)])

    assert path_to(packed, LZMA) == [SSHD, SYSTEMD, LZMA]


def test_what_hangs_on_the_subject_comes_before_what_does_not() -> None:
    packed = pack(NODES, [(4, 3), (0, 1), (1, 2), (2, 3)])

    assert path_to(packed, LZMA) == [SUBJECT, SSHD, SYSTEMD, LZMA]


def test_a_component_that_nothing_leads_to_has_no_path() -> None:
    packed = pack(NODES, [(0, 1)])

    assert path_to(packed, LZMA) == []
    assert path_to(packed, 99) == []


def test_circles_end() -> None:
    packed = pack(NODES, [(0, 1), (1, 2), (2, 1), (2, 3), (3, 3), (3, 0)])
    apart = pack(NODES, [(1, 2), (2, 1), (2, 3)])

    assert path_to(packed, LZMA) == [SUBJECT, SSHD, SYSTEMD, LZMA]
    assert path_to(apart, LZMA)[-2:] == [SYSTEMD, LZMA]

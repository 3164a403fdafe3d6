"""Dependency graphs: packed, shared, and the paths in them."""

import itertools
import random
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from service.inventory.graph import SUBJECT, pack, paths_to, unpack

SSHD, SYSTEMD, LZMA, ZLIB = 40, 30, 20, 10
NODES = [SUBJECT, SSHD, SYSTEMD, LZMA, ZLIB]


def test_the_shortest_path_leads_from_the_subject_to_the_component() -> None:
    packed = pack(NODES, [(0, 1), (1, 2), (2, 3), (0, 4)])

    assert paths_to(packed.content, LZMA) == [[SUBJECT, SSHD, SYSTEMD, LZMA]]


def test_further_paths_come_in_order_of_their_length() -> None:
    packed = pack(NODES, [(0, 1), (1, 2), (2, 3), (0, 2), (4, 3), (1, 4)])

    assert paths_to(packed.content, LZMA, limit=9) == [
        [SUBJECT, SYSTEMD, LZMA],
        [SUBJECT, SSHD, ZLIB, LZMA],
        [SUBJECT, SSHD, SYSTEMD, LZMA],
    ]
    assert len(paths_to(packed.content, LZMA, limit=2)) == 2


def test_the_order_of_nodes_and_edges_does_not_matter() -> None:
    one = pack(NODES, [(0, 1), (1, 2), (2, 3)])
    other = pack([SUBJECT, LZMA, ZLIB, SYSTEMD, SSHD], [(3, 1), (4, 3), (0, 4), (0, 4)])

    assert one == other


def test_a_component_below_the_subject_is_direct_whatever_else_leads_to_it() -> None:
    graph = unpack(pack(NODES, [(0, 1), (1, 2), (0, 2), (2, 3)]).content)

    assert graph.is_direct(SYSTEMD)
    assert not graph.is_direct(LZMA)
    assert not graph.is_direct(99)


def test_a_path_that_does_not_reach_the_subject_begins_at_the_topmost_known() -> None:
    packed = pack(NODES, [(0, 4), (1, 2), (2, 3)])

    assert paths_to(packed.content, LZMA) == [[SSHD, SYSTEMD, LZMA]]


def test_what_hangs_on_the_subject_comes_before_what_does_not() -> None:
    packed = pack(NODES, [(4, 3), (0, 1), (1, 2), (2, 3)])

    assert paths_to(packed.content, LZMA) == [[SUBJECT, SSHD, SYSTEMD, LZMA]]


def test_a_component_that_nothing_leads_to_has_no_path() -> None:
    packed = pack(NODES, [(0, 1)])

    assert paths_to(packed.content, LZMA) == []
    assert paths_to(packed.content, 99) == []


def test_circles_end() -> None:
    packed = pack(NODES, [(0, 1), (1, 2), (2, 1), (2, 3), (3, 3), (3, 0)])
    apart = pack(NODES, [(1, 2), (2, 1), (2, 3)])

    assert paths_to(packed.content, LZMA, limit=9) == [[SUBJECT, SSHD, SYSTEMD, LZMA]]
    assert paths_to(apart.content, LZMA)[0][-2:] == [SYSTEMD, LZMA]


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.tuples(*[st.integers(0, n)] * 2)))))
def test_shortest_paths_are_as_short_as_a_walk_from_the_subject_finds(graph: tuple[int, set[tuple[int, int]]]) -> None:
    count, edges = graph
    nodes = [SUBJECT, *random.Random(count).sample(range(1, 99), count)]  # noqa: S311 - shuffling
    content = pack(nodes, edges).content
    distance = {0: 0}
    queue = deque([0])
    while queue:
        node = queue.popleft()
        for above, below in edges:
            if above == node and below not in distance:
                distance[below] = distance[node] + 1
                queue.append(below)

    for position in range(1, count + 1):
        paths = paths_to(content, nodes[position], limit=3)
        assert [len(path) for path in paths[:1]] == [len(path) for path in paths_to(content, nodes[position])]
        if position in distance:
            assert len(paths[0]) == distance[position] + 1
            assert paths[0][0] == SUBJECT
        for path in paths:
            assert all((nodes.index(a), nodes.index(b)) in edges for a, b in itertools.pairwise(path))

"""All ways to a component: the shortest of them, and how many there are, in graphs that nobody can walk through."""

import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from service.inventory.graph import SUBJECT, Graph, pack, unpack
from service.inventory.ways import MAX_COUNT, NO_WAY, ways_to

SSHD, SYSTEMD, LZMA, ZLIB = 40, 30, 20, 10
NODES = [SUBJECT, SSHD, SYSTEMD, LZMA, ZLIB]

Edges = set[tuple[int, int]]


def graph_of(nodes: list[int], edges: Iterable[tuple[int, int]]) -> Graph:
    return unpack(pack(nodes, edges).content)


def test_further_paths_come_in_order_of_their_length() -> None:
    graph = graph_of(NODES, [(0, 1), (1, 2), (2, 3), (0, 2), (4, 3), (1, 4)])

    ways = ways_to(graph, LZMA, 9)

    assert ways.paths == [[SUBJECT, SYSTEMD, LZMA], [SUBJECT, SSHD, SYSTEMD, LZMA], [SUBJECT, SSHD, ZLIB, LZMA]]
    assert (ways.total, ways.at_least, ways.roots, ways.entries) == (3, False, 1, 2)
    assert ways_to(graph, LZMA, 2) == ways._replace(paths=ways.paths[:2])


def test_paths_from_the_subject_come_before_shorter_ones_from_elsewhere() -> None:
    graph = graph_of(NODES, [(0, 1), (1, 2), (2, 3), (4, 3)])

    ways = ways_to(graph, LZMA, 9)

    assert ways.paths == [[SUBJECT, SSHD, SYSTEMD, LZMA], [ZLIB, LZMA]]
    assert (ways.total, ways.roots, ways.entries) == (2, 2, 1)


def test_a_component_that_nothing_leads_to_has_no_way() -> None:
    graph = graph_of(NODES, [(0, 1)])

    assert ways_to(graph, LZMA, 9) == ways_to(graph, 99, 9) == ways_to(graph, SUBJECT, 9) == NO_WAY


def ladder(rungs: int) -> tuple[list[int], Edges]:
    """Make diamonds one below the other, each doubling the number of paths to the last node."""
    edges = set()
    for top in range(0, 3 * rungs, 3):
        edges |= {(top, top + 1), (top, top + 2), (top + 1, top + 3), (top + 2, top + 3)}
    return list(range(3 * rungs + 1)), edges


def test_a_ladder_of_diamonds_is_counted_without_being_walked_through() -> None:
    for rungs, total, at_least in ((10, 1024, False), (19, 2**19, False), (2_000, MAX_COUNT, True)):
        nodes, edges = ladder(rungs)
        graph = graph_of(nodes, edges)
        began = time.perf_counter()
        ways = ways_to(graph, nodes[-1], 20)
        took = time.perf_counter() - began
        assert (ways.total, ways.at_least, ways.roots, ways.entries) == (total, at_least, 1, 2)
        assert {len(path) for path in ways.paths} == {2 * rungs + 1}
        assert len({tuple(path) for path in ways.paths}) == len(ways.paths) > 5
        assert took < 2


def test_where_everything_depends_on_everything_the_answer_says_at_least() -> None:
    nodes = list(range(200))
    graph = graph_of(nodes, {(one, other) for one in nodes for other in nodes})
    began = time.perf_counter()
    ways = ways_to(graph, 199, 20)
    assert time.perf_counter() - began < 2
    assert (ways.paths[0], len(ways.paths), ways.at_least) == ([0, 199], 20, True)


def test_in_a_small_circle_all_paths_are_known_after_all() -> None:
    ways = ways_to(graph_of(NODES, [(0, 1), (1, 2), (2, 1), (2, 3), (3, 3)]), LZMA, 9)

    assert (ways.paths, ways.total, ways.at_least) == ([[SUBJECT, SSHD, SYSTEMD, LZMA]], 1, False)


def test_a_chain_as_long_as_the_largest_documents_is_one_path() -> None:
    nodes = list(range(40_000))
    ways = ways_to(graph_of(nodes, pairwise(nodes)), 39_999, 5)

    assert (ways.paths, ways.total, ways.at_least) == ([nodes], 1, False)


def walked(edges: Edges, to: int) -> Iterator[list[int]]:
    """Find every path from the subject in the plainest way."""
    trails = [[0]]
    while trails:
        trail = trails.pop()
        if trail[-1] == to:
            yield trail
            continue
        trails += [[*trail, below] for above, below in edges if above == trail[-1] and below not in trail]


small_graphs = st.integers(1, 7).flatmap(
    lambda n: st.tuples(st.just(n), st.sets(st.tuples(st.integers(0, n), st.integers(0, n)), max_size=14))
)


@given(small_graphs, st.randoms(use_true_random=False))
def test_the_ways_are_those_that_walking_through_everything_finds(
    graph: tuple[int, Edges], chance: random.Random
) -> None:
    count, edges = graph
    nodes = [SUBJECT, *chance.sample(range(1, 99), count)]
    packed = graph_of(nodes, edges)
    for to in range(1, count + 1):
        naive = sorted(([nodes[step] for step in path] for path in walked(edges, to)), key=len)
        ways = ways_to(packed, nodes[to], 10_000)
        rooted = [path for path in ways.paths if path[0] == SUBJECT]
        assert sorted(rooted) == sorted(naive)
        assert list(map(len, ways.paths[: len(naive)])) == list(map(len, naive))
        assert (ways.total, ways.at_least) == (len(ways.paths), False)
        assert ways.entries == len({path[1] for path in naive})
        few = ways_to(packed, nodes[to], 1)
        assert few.paths == ways.paths[:1] or len(few.paths[0]) == len(ways.paths[0])
        assert few.total == ways.total or (few.at_least and few.total <= ways.total)
        expected = "unknown" if not naive else "direct" if len(naive[0]) == 2 else "transitive"
        assert packed.relation(nodes[to]) == expected
        assert packed.path_to(nodes[to]) == [] or len(packed.path_to(nodes[to])) == len(ways.paths[0])


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.tuples(*[st.integers(0, n)] * 2)))))
def test_the_nearest_chain_is_as_short_as_a_walk_from_the_subject_finds(graph: tuple[int, Edges]) -> None:
    count, edges = graph
    nodes = [SUBJECT, *random.Random(count).sample(range(1, 99), count)]  # noqa: S311 - shuffling
    packed = graph_of(nodes, edges)
    distance = {0: 0}
    queue = deque([0])
    while queue:
        node = queue.popleft()
        for above, below in edges:
            if above == node and below not in distance:
                distance[below] = distance[node] + 1
                queue.append(below)

    for position in set(range(1, count + 1)) & distance.keys():
        path = packed.path_to(nodes[position])
        assert (path[0], len(path)) == (SUBJECT, distance[position] + 1)

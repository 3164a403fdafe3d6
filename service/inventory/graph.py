"""Who depends on whom in one SBOM, packed small, and the paths that lead to a component.

Nodes are component ids; 0 is the subject. What is stored is, per node, its parents, those nearest to the subject
first, so that the shortest path is found by following first parents, without walking the rest of the graph. The
order of nodes and edges in the document does not matter: equal graphs have equal digests and are stored once.

Many documents link components to each other but not to their subject. Such a component's path begins at the topmost
ancestor that is known instead of at the subject.
"""

import heapq
import struct
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import Literal

import zstandard

SUBJECT = 0

#: Steps that one search for further paths may take; graphs with millions of paths exist.
MAX_STEPS = 20_000

_HEAD = struct.Struct("<II")
_UNSEEN = 2**31


@dataclass(frozen=True, slots=True)
class Packed:
    """A graph as stored. `digest` is of the content before compression."""

    digest: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph read back: sorted node ids; the parents of node *i* are ``parents[offsets[i]:offsets[i + 1]]``."""

    nodes: Sequence[int]
    offsets: Sequence[int]
    parents: Sequence[int]

    def is_direct(self, component_id: int) -> bool:
        """Tell whether the subject itself depends on the component."""
        position = self._find(component_id)
        if position is None:
            return False
        return any(self.nodes[parent] == SUBJECT for parent in self._parents_of(position))

    def paths_to(self, component_id: int, limit: int = 1) -> list[list[int]]:
        """Give the shortest paths to a component, shortest first.

        Returns:
            Component ids from the subject (0), or from the topmost known ancestor, down to the component. Empty
            when the graph does not say how the component came in. Fewer than *limit* when the search gets long.
        """
        start = self._find(component_id)
        if start is None or not self._parents_of(start):
            return []
        if limit == 1:
            return [[self.nodes[position] for position in reversed(list(self._first_ancestors(start)))]]
        return [[self.nodes[position] for position in path] for path in self._shortest(start, limit)]

    def _find(self, component_id: int) -> int | None:
        position = bisect_left(self.nodes, component_id)
        return position if position < len(self.nodes) and self.nodes[position] == component_id else None

    def _parents_of(self, position: int) -> Sequence[int]:
        return self.parents[self.offsets[position] : self.offsets[position + 1]]

    def _first_ancestors(self, position: int) -> Iterator[int]:
        yield position
        while parents := self._parents_of(position):
            position = parents[0]
            yield position

    def _shortest(self, start: int, limit: int) -> Iterator[list[int]]:
        # A*: what is left above a node is exactly as long as its chain of first parents.
        left: dict[int, int] = {}
        queue: list[tuple[int, list[int]]] = [(0, [start])]
        for _ in range(MAX_STEPS):
            if not queue or limit == 0:
                return
            _, path = heapq.heappop(queue)
            parents = self._parents_of(path[0])
            if not parents:
                limit -= 1
                yield path
            for parent in parents:
                if parent not in path:
                    left[parent] = left.get(parent) or self._left_above(parent)
                    heapq.heappush(queue, (len(path) + left[parent], [parent, *path]))

    def _left_above(self, position: int) -> int:
        chain = list(self._first_ancestors(position))
        # A chain that ends elsewhere counts as longer than any that ends at the subject.
        return len(chain) if self.nodes[chain[-1]] == SUBJECT else len(chain) + len(self.nodes)


def pack(nodes: Sequence[int], edges: Iterable[tuple[int, int]]) -> Packed:
    """Pack a graph.

    Args:
        nodes: Component ids without repeats; the first is `SUBJECT`.
        edges: (dependant, dependency) as positions in *nodes*, in any order, repeats and circles included.
    """
    rank = sorted(range(len(nodes)), key=nodes.__getitem__)
    place = {position: index for index, position in enumerate(rank)}
    distinct = {(place[above], place[below]) for above, below in edges if above != below}
    parents = _nearest_first(len(nodes), distinct)
    plain = _serialise([nodes[position] for position in rank], parents)
    return Packed(sha256(plain).digest(), zstandard.compress(plain, 9))


def unpack(content: bytes) -> Graph:
    """Read a packed graph."""
    plain = memoryview(zstandard.decompress(content))
    node_count, edge_count = _HEAD.unpack_from(plain)
    ends = list(accumulate((8 * node_count, 4 * (node_count + 1), 4 * edge_count), initial=_HEAD.size))
    nodes, offsets, parents = (plain[start:end] for start, end in pairwise(ends))
    return Graph(_numbers(nodes, "q"), _numbers(offsets, "I"), _numbers(parents, "I"))


def _numbers(part: memoryview, kind: Literal["q", "I"]) -> Sequence[int]:
    # Read in place: a page of search results looks at a few numbers each of fifty graphs.
    if sys.byteorder == "little":
        return part.cast(kind)
    return struct.unpack(f"<{len(part) // struct.calcsize(kind)}{kind}", part)


def paths_to(content: bytes, component_id: int, limit: int = 1) -> list[list[int]]:
    """Give the shortest paths to a component in a packed graph; see `Graph.paths_to`."""
    return unpack(content).paths_to(component_id, limit)


def _nearest_first(count: int, edges: set[tuple[int, int]]) -> list[list[int]]:
    children: list[list[int]] = [[] for _ in range(count)]
    parents: list[list[int]] = [[] for _ in range(count)]
    for above, below in sorted(edges):
        # What the subject is made of cannot lie above it.
        if below != SUBJECT:
            children[above].append(below)
            parents[below].append(above)
    depth = _depths(children, parents)
    for found in parents:
        found.sort(key=lambda parent: (depth[parent], parent))
    return parents


def _depths(children: list[list[int]], parents: list[list[int]]) -> list[int]:
    """Walk from the subject, then from tops that nothing leads to, then break circles open."""
    far = len(children)
    depth = [_UNSEEN] * len(children)
    _walk(children, depth, [SUBJECT], 0)
    # Whatever hangs on the subject comes before whatever does not: hence tops start at *far*.
    _walk(children, depth, [node for node, above in enumerate(parents) if not above and node != SUBJECT], far)
    for node in range(len(parents)):
        if depth[node] == _UNSEEN:
            top = _climb(parents, node)
            parents[top].clear()
            _walk(children, depth, [top], far)
    return depth


def _climb(parents: list[list[int]], node: int) -> int:
    """Go up until a node comes again: it lies on a circle."""
    passed = set()
    while node not in passed:
        passed.add(node)
        node = parents[node][0]
    return node


def _walk(children: list[list[int]], depth: list[int], level: list[int], distance: int) -> None:
    for node in level:
        depth[node] = distance
    while level:
        distance += 1
        following = []
        for node in level:
            for child in children[node]:
                if depth[child] == _UNSEEN:
                    depth[child] = distance
                    following.append(child)
        level = following


def _serialise(nodes: Sequence[int], parents: Sequence[Sequence[int]]) -> bytes:
    flat = [parent for found in parents for parent in found]
    offsets = list(accumulate((len(found) for found in parents), initial=0))
    return b"".join(
        (
            _HEAD.pack(len(nodes), len(flat)),
            struct.pack(f"<{len(nodes)}q", *nodes),
            struct.pack(f"<{len(offsets)}I", *offsets),
            struct.pack(f"<{len(flat)}I", *flat),
        )
    )

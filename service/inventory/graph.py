"""Who depends on whom in one SBOM, packed small, and how near to the subject a component is.

Nodes are component ids; 0 is the subject. What is stored is, per node, its parents, those nearest to the subject
first, so that the shortest path is found by following first parents, without walking the rest of the graph. The
order of nodes and edges in the document does not matter: equal graphs have equal digests and are stored once.

Many documents link components to each other but not to their subject. Such a component's path begins at the topmost
ancestor that is known instead of at the subject.
"""

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

#: ``unknown``: the document has no graph, or does not connect the component with its subject.
Relation = Literal["direct", "transitive", "unknown"]

_HEAD = struct.Struct("<II")
_UNSEEN = 2**31


@dataclass(frozen=True, slots=True)
class Packed:
    """A graph as stored. `digest` is of the content before compression."""

    digest: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph read back: sorted node ids; the parents of node *i* are ``parents[offsets[i]:offsets[i + 1]]``.

    Positions are indices into `nodes`. How many ways lead somewhere, and which, is for `ways` to say.
    """

    nodes: Sequence[int]
    offsets: Sequence[int]
    parents: Sequence[int]

    def relation(self, component_id: int) -> Relation:
        """Tell whether the subject depends on the component itself, or through others."""
        position = self.find(component_id)
        if position is None or not (above := self.above(position)):
            return "unknown"
        if self.nodes[above[0]] == SUBJECT:
            return "direct"
        *_, top = self.nearest_chain(position)
        return "transitive" if self.nodes[top] == SUBJECT else "unknown"

    def path_to(self, component_id: int) -> list[int]:
        """Give a shortest path to a component.

        Returns:
            Component ids from the subject (0), or from the topmost known ancestor, down to the component. Empty
            when the graph does not say how the component came in.
        """
        position = self.find(component_id)
        if position is None or not self.above(position):
            return []
        return [self.nodes[step] for step in self.nearest_chain(position)][::-1]

    def find(self, component_id: int) -> int | None:
        """Give a component's position."""
        position = bisect_left(self.nodes, component_id)
        return position if position < len(self.nodes) and self.nodes[position] == component_id else None

    def above(self, position: int) -> Sequence[int]:
        """Give the positions of a node's parents, those nearest to the subject first."""
        return self.parents[self.offsets[position] : self.offsets[position + 1]]

    def nearest_chain(self, position: int) -> Iterator[int]:
        """Go up by the nearest parents, beginning with the node itself."""
        yield position
        while above := self.above(position):
            position = above[0]
            yield position


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


def _nearest_first(count: int, edges: set[tuple[int, int]]) -> list[list[int]]:
    children: list[list[int]] = [[] for _ in range(count)]
    parents: list[list[int]] = [[] for _ in range(count)]
    for above, below in edges:
        # What the subject is made of cannot lie above it.
        if below != SUBJECT:
            children[above].append(below)
            parents[below].append(above)
    for found in parents:
        found.sort()  # where a circle is broken open must not depend on the order of the edges
    depth = _depths(children, parents)
    for found in parents:
        found.sort(key=depth.__getitem__)  # stable: among equals the smaller first
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

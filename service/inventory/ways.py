"""All ways that lead to a component in one graph: the shortest, and how many there are. Pure.

Graphs with millions of paths exist (a ladder of thirty diamonds has a thousand million), and in graphs with circles
even counting them is hopeless. So paths are enumerated shortest first and few, and counted without being enumerated,
by adding up along the graph. What gets too long ends in "at least".
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple, Optional

from service.inventory.graph import SUBJECT, Graph

#: Larger numbers of paths say nothing more.
MAX_COUNT = 1_000_000

#: Edges that one component may cost; the largest graphs in use have some ten thousand.
MAX_STEPS = 50_000


class Ways(NamedTuple):
    """How a component came in.

    Attributes:
        paths: Component ids from the subject (0), or from a topmost known ancestor, down to the component. Those from
            the subject come first, the shorter before the longer. Empty when the graph does not say.
        total: How many paths without repetition there are.
        at_least: There may be more than the numbers say.
        roots: How many topmost ancestors they begin at, the subject included.
        entries: Through how many of the subject's own dependencies they lead.
    """

    paths: list[list[int]]
    total: int
    at_least: bool
    roots: int
    entries: int


NO_WAY = Ways([], 0, at_least=False, roots=0, entries=0)


def ways_to(graph: Graph, component_id: int, limit: int) -> Ways:
    """Give the shortest *limit* paths to a component, fewer where the search gets long, and count them all."""
    start = graph.find(component_id)
    if start is None or not graph.above(start):
        return NO_WAY
    climb = _climb(graph, start)
    paths, complete = _shortest(graph, start, limit, circular=climb.circular)
    named = [[graph.nodes[position] for position in path] for path in paths]
    if complete:
        return Ways(named, len(named), at_least=False, roots=climb.roots, entries=climb.entries)
    at_least = climb.circular or climb.cut or climb.count >= MAX_COUNT
    return Ways(named, max(climb.count, len(named)), at_least=at_least, roots=climb.roots, entries=climb.entries)


@dataclass(slots=True)
class _Climb:
    """What lies above a node. `count` leaves out what only leads over edges that close a circle."""

    count: int = 0
    circular: bool = False
    cut: bool = False
    roots: int = 0
    entries: int = 0


def _climb(graph: Graph, start: int) -> _Climb:
    """Walk over all ancestors, depth first; a node's paths are those of its parents together."""
    found = _Climb()
    counts: dict[int, int] = {}
    on_the_way = {start}
    stack = [(start, iter(_looked_at(graph, start, found)))]
    steps = 0
    while stack:
        position, above = stack[-1]
        for parent in above:
            steps += 1
            if parent in on_the_way:
                found.circular = True
            elif parent not in counts:
                on_the_way.add(parent)
                stack.append((parent, iter(_looked_at(graph, parent, found))))
                break
        else:
            stack.pop()
            on_the_way.discard(position)
            parents = graph.above(position)
            ways = sum(counts[parent] for parent in parents if parent in counts) if parents else 1
            counts[position] = min(ways, MAX_COUNT)
        if steps > MAX_STEPS:
            found.cut = True
            return found
    found.count = counts[start]
    return found


def _looked_at(graph: Graph, position: int, found: _Climb) -> list[int]:
    parents = list(graph.above(position))
    found.roots += not parents
    found.entries += bool(parents) and graph.nodes[parents[0]] == SUBJECT
    return parents


#: A path's upper end and what hangs below it: paths share their lower parts.
_Trail = tuple[int, Optional["_Trail"]]


def _shortest(graph: Graph, start: int, limit: int, *, circular: bool) -> tuple[list[list[int]], bool]:
    """Enumerate by A*: what is left above a node is exactly as long as its chain of nearest parents.

    Among paths that promise to be equally short the longest part is pursued first, so that each costs its own length
    and not the number of all.

    Returns:
        Positions from the top, and whether these are all paths there are.
    """
    found: list[list[int]] = []
    height, serial, steps = _Heights(graph), count(), 0
    queue: list[tuple[int, int, int, _Trail]] = [(0, 0, 0, (start, None))]
    while queue and len(found) < limit and steps <= MAX_STEPS:
        _, length, _, trail = heappop(queue)
        parents = graph.above(trail[0])
        if not parents:
            found.append(_unrolled(trail))
        for parent in parents:
            steps += 1 - length if circular else 1
            if not (circular and _passes(trail, parent)):
                longer = length - 1
                heappush(queue, (height.of(parent) - longer, longer, next(serial), (parent, trail)))
    return found or [list(graph.nearest_chain(start))[::-1]], bool(found) and not queue


def _unrolled(trail: _Trail | None) -> list[int]:
    path = []
    while trail is not None:
        position, trail = trail
        path.append(position)
    return path


def _passes(trail: _Trail | None, position: int) -> bool:
    while trail is not None:
        passed, trail = trail
        if passed == position:
            return True
    return False


class _Heights:
    """How many nodes a node's nearest chain has; one that ends elsewhere counts as longer than any to the subject."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[int, int] = {}

    def of(self, position: int) -> int:
        """Give the height, remembering those on the way."""
        passed = []
        known = self._known.get(position)
        for step in self._graph.nearest_chain(position) if known is None else ():
            known = self._known.get(step)
            if known is not None:
                break
            passed.append(step)
        if known is None:
            known = 0 if self._graph.nodes[passed[-1]] == SUBJECT else len(self._graph.nodes)
        for step in reversed(passed):
            known += 1
            self._known[step] = known
        return known

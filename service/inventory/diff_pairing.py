"""Which component of one side became which of the other. Pure.

Only components of one package are paired. Equal versions come first (the same release under another purl), then
versions that are near to each other in order; of what has several variants (architectures, classifiers) each is paired
with its like before it is paired with another. Swapping the sides swaps the pairs and changes nothing else.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

from service.inventory.diff_order import in_order
from service.purls import BadPurl, parse

#: Pairs that are weighed against each other; beyond that, equally many of each side are paired in order.
_MAX_WEIGHED = 40_000

#: Qualifiers that follow from the version, or from the distribution's release: they change with every upgrade.
_FOLLOWING = frozenset({"checksum", "distro", "download_url", "epoch", "file_name", "upstream", "vcs_url"})


class Part(NamedTuple):
    """One component of a side, as the catalogue has it."""

    id: int
    package_id: int
    type: str
    namespace: str
    name: str
    version: str
    purl: str
    licence: str


Pair = tuple[Part | None, Part | None]


def pair(gone: Iterable[Part], come: Iterable[Part]) -> list[Pair]:
    """Pair what only one side has with what only the other has; what is left over is alone."""
    sides: dict[int, tuple[list[Part], list[Part]]] = defaultdict(lambda: ([], []))
    for index, parts in enumerate((gone, come)):
        for part in parts:
            sides[part.package_id][index].append(part)
    return [paired for before, after in sides.values() for paired in _of_package(before, after)]


def _of_package(before: list[Part], after: list[Part]) -> list[Pair]:
    if not before or not after:
        return _alone(before, after)
    if len(before) == len(after) == 1:
        return [(before[0], after[0])]
    pairs: list[Pair] = []
    rank = {version: place for place, version in enumerate(in_order(before[0].type, _versions(before, after)))}
    for key in (_variant_and_version, _version, _variant, _package):
        pairs += _nearest_by(key, before, after, rank)
        paired = {part.id for couple in pairs for part in couple if part}
        before = [part for part in before if part.id not in paired]
        after = [part for part in after if part.id not in paired]
    return pairs + _alone(before, after)


def _alone(before: list[Part], after: list[Part]) -> list[Pair]:
    return [(part, None) for part in before] + [(None, part) for part in after]


def _versions(*sides: list[Part]) -> set[str]:
    return {part.version for side in sides for part in side}


def _nearest_by(
    key: Callable[[Part], Hashable], before: list[Part], after: list[Part], rank: dict[str, int]
) -> list[Pair]:
    groups: dict[Hashable, tuple[list[Part], list[Part]]] = defaultdict(lambda: ([], []))
    for index, parts in enumerate((before, after)):
        for part in sorted(parts, key=lambda part: (rank[part.version], part.purl, part.id)):
            groups[key(part)][index].append(part)
    pairs: list[Pair] = []
    for ours, theirs in groups.values():
        # The shorter list chooses, whichever side it is.
        if len(ours) <= len(theirs):
            pairs += [(ours[i], theirs[j]) for i, j in _choose(_ranks(ours, rank), _ranks(theirs, rank))]
        else:
            pairs += [(ours[j], theirs[i]) for i, j in _choose(_ranks(theirs, rank), _ranks(ours, rank))]
    return pairs


def _ranks(parts: list[Part], rank: dict[str, int]) -> list[int]:
    return [rank[part.version] for part in parts]


def _choose(few: Sequence[int], many: Sequence[int]) -> list[tuple[int, int]]:
    """Give each of *few* one of *many* so that the distances add up to the least; pairs never cross.

    Both are sorted. A row of the table is one of *few*, a column how many of *many* were passed over before it.
    """
    spare = len(many) - len(few)
    if spare == 0 or len(few) * (spare + 1) > _MAX_WEIGHED:
        return [(index, index) for index in range(len(few))]
    costs = [0] * (spare + 1)
    skipped: list[list[int]] = []
    for index, rank in enumerate(few):
        best, row, choices = None, [], []
        for passed in range(spare + 1):
            cost = costs[passed] + abs(many[index + passed] - rank)
            if best is None or cost < best[0]:
                best = cost, passed
            row.append(best[0])
            choices.append(best[1])
        costs = row
        skipped.append(choices)
    chosen, passed = [], spare
    for index in reversed(range(len(few))):
        passed = skipped[index][passed]
        chosen.append((index, index + passed))
    return chosen[::-1]


def _variant_and_version(part: Part) -> tuple[str, str]:
    return _variant(part), part.version


def _version(part: Part) -> str:
    return part.version


def _package(_: Part) -> None:
    return None


def _variant(part: Part) -> str:
    """Give what tells builds of one version apart: architecture, classifier, subpath."""
    if "?" not in part.purl and "#" not in part.purl:
        return ""
    try:
        purl = parse(part.purl)
    except BadPurl:  # none of ours
        return ""
    kept = {name: value for name, value in purl.qualifiers.items() if name not in _FOLLOWING}
    return str(purl._replace(version="", qualifiers=kept))

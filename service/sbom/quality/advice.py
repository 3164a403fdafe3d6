"""What to change in the build so that the next SBOM says more: exact where we know the generator, else in general."""

from collections.abc import Iterator, Mapping

from service.sbom.quality.facts import PER_DOCUMENT, SCORED
from service.sbom.quality.known_tools import CHANGES, GENERAL
from service.sbom.quality.profiles import PROFILES

#: A build is changed a few things at a time.
MOST = 6

#: One change serves several facts; the rest stand for themselves.
_TOGETHER = {
    "linked": "dependencies",
    "sha512": "hash",
    "contact": "supplier",
    "author-contact": "author",
    "filename": "files",
    "executable": "files",
    "archive": "files",
    "structured": "files",
}


def advice(lacks: Mapping[str, int], of: int, tool: str) -> list[dict[str, object]]:
    """List what to change, the most gainful first.

    Args:
        lacks: Fact to how many components lack it, 1 for the document.
        of: Listed components.
        tool: Key of the generator, or ``""``.

    Returns:
        ``{element, change, gains}``; *gains* are points of ``score`` and of each profile's score, those above zero.
    """
    if not of:
        return [{"element": "components", "change": GENERAL["components"], "gains": {"score": 100}}]
    gains: dict[str, dict[str, float]] = {}
    for fact, kind, points in _points(lacks, of):
        topic = gains.setdefault(_TOGETHER.get(fact, fact), {})
        topic[kind] = topic.get(kind, 0.0) + points
    ranked = sorted(gains.items(), key=lambda item: -sum(item[1].values()))
    changes = CHANGES.get(tool, {})
    return [
        {"element": topic, "change": changes.get(topic, GENERAL[topic]), "gains": _rounded(points)}
        for topic, points in ranked[:MOST]
    ]


def _points(lacks: Mapping[str, int], of: int) -> Iterator[tuple[str, str, float]]:
    """Give (fact, score or profile, points) for all that is lacking and counts."""
    counting = {"score": list(SCORED)} | {
        name: [element.fact for element in elements if element.required] for name, elements in PROFILES.items()
    }
    for kind, facts in counting.items():
        for fact in facts:
            if lack := lacks.get(fact, 0):
                yield fact, kind, 100 / len(facts) * lack / (1 if fact in PER_DOCUMENT else of)


def _rounded(points: Mapping[str, float]) -> dict[str, int]:
    return {kind: max(1, round(gained)) for kind, gained in points.items()}

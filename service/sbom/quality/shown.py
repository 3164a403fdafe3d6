"""Stored counts as the API shows them: score, profiles, advice."""

from collections.abc import Mapping
from typing import Any

from service.sbom.quality.advice import advice
from service.sbom.quality.profiles import PROFILES, counted, judged


def shown(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Judge what `Quality` counted.

    Args:
        stored: `Quality` as values. Uploads from before there were profiles have ``score`` and ``missing`` only.

    Returns:
        ``{score, missing, profiles: {name: {met, score, elements}}, advice: [{element, change, gains}]}``; without
        profiles and advice where they were not counted.
    """
    score, missing = stored.get("score", 0), stored.get("missing", {})
    if "of" not in stored:
        return {"score": score, "missing": missing, "profiles": {}, "advice": []}
    lacks, of = missing | stored["lacks"], stored["of"]
    profiles = {name: judged(counted(elements, lacks, of)) for name, elements in PROFILES.items()}
    return {"score": score, "missing": missing, "profiles": profiles, "advice": advice(lacks, of, stored["tool"])}

"""What a CVSS vector says about automation and impact, in the words of the decision tables. Pure.

Over the network, without privileges and without anybody's help is what can be automated; full loss of confidentiality
and of integrity is total. Version 2 has other letters for the same, and asks nobody's help.
"""

from typing import NamedTuple


class Reading(NamedTuple):
    """Whether an attack can be automated (``yes``, ``no``), and its technical impact (``total``, ``partial``)."""

    automatable: str
    technical_impact: str


def read_vector(vector: str) -> Reading:
    """Read a vector that the CVSS library has accepted, of version 2, 3 or 4."""
    said = dict(part.split(":", 1) for part in vector.strip().strip("()").split("/") if ":" in part)
    unaided = (said.get("AV"), said.get("PR", said.get("Au")), said.get("UI", "N")) == ("N", "N", "N")
    losses = {said.get("VC", said.get("C")), said.get("VI", said.get("I"))}
    return Reading("yes" if unaided else "no", "total" if losses in ({"H"}, {"C"}) else "partial")

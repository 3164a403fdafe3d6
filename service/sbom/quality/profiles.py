"""Published lists of what an SBOM has to say, as tables over the facts that `facts` counts.

A profile is met when every required element is there for every component. What no SBOM can prove of itself (that the
list is complete, how often it is renewed, how it is delivered) is no element here.
"""

from collections.abc import Mapping
from typing import NamedTuple

from service.sbom.quality.facts import PER_DOCUMENT


class Element(NamedTuple):
    """One thing a profile asks for, in its words, and the fact that answers it; optional ones only inform."""

    name: str
    fact: str
    required: bool = True


#: Data fields of "The Minimum Elements For a Software Bill of Materials", NTIA, 12 July 2021, chapter IV. A tool is
#: no author: the author is the entity that creates the data.
_NTIA = (
    Element("supplier name", "supplier"),
    Element("component name", "name"),
    Element("version of the component", "version"),
    Element("other unique identifiers", "identifier"),
    Element("dependency relationship", "linked"),
    Element("author of SBOM data", "author"),
    Element("timestamp", "timestamp"),
)

#: Data fields of "2025 Minimum Elements for a Software Bill of Materials (SBOM)", CISA, draft for comment of 22 August
#: 2025. New against NTIA: hash, licence, tool name, generation context; at least one identifier is now required.
_CISA = (
    Element("SBOM author", "author"),
    Element("software producer", "supplier"),
    Element("component name", "name"),
    Element("component version", "version"),
    Element("software identifiers", "identifier"),
    Element("component hash", "hash"),
    Element("license", "licence"),
    Element("dependency relationship", "linked"),
    Element("tool name", "tool"),
    Element("timestamp", "timestamp"),
    Element("generation context", "lifecycle"),
)

#: BSI TR-03183-2 v2.1.0, 20 August 2025: formats (§4), required fields of the SBOM (§5.2.1) and of each component
#: (§5.2.2); of the additional ones (§5.2.3, §5.2.4: to be given where they exist) those that stand in every format.
#: Creators are named by mail or web address. The hash is taken from the component wherever the document has it; the
#: guideline wants it beside the link to the distribution. Properties of the file are read from the BSI's taxonomy.
_BSI = (
    Element("format", "current-format"),
    Element("creator of the SBOM", "author-contact"),
    Element("timestamp", "timestamp"),
    Element("component creator", "contact"),
    Element("component name", "name"),
    Element("component version", "version"),
    Element("filename of the component", "filename"),
    Element("dependencies on other components", "linked"),
    Element("distribution licences", "licence"),
    Element("hash value of the deployable component", "sha512"),
    Element("executable property", "executable"),
    Element("archive property", "archive"),
    Element("structured property", "structured"),
    Element("SBOM-URI", "serial", required=False),
    Element("other unique identifiers", "identifier", required=False),
)

PROFILES: Mapping[str, tuple[Element, ...]] = {"ntia": _NTIA, "cisa-2025": _CISA, "bsi-tr-03183": _BSI}


class Counted(NamedTuple):
    """How far one element is there."""

    element: str
    required: bool
    present: int
    of: int

    @property
    def share(self) -> float:
        """0 to 1; nothing of nothing is nothing."""
        return self.present / self.of if self.of else 0.0


def counted(elements: tuple[Element, ...], lacks: Mapping[str, int], of: int) -> list[Counted]:
    """Count the elements of one profile.

    Args:
        elements: The profile.
        lacks: Fact to how many components lack it, 1 for the document; what is not in it is complete.
        of: Listed components.
    """
    mosts = [1 if element.fact in PER_DOCUMENT else of for element in elements]
    return [
        Counted(e.name, e.required, most - lacks.get(e.fact, 0), most) for e, most in zip(elements, mosts, strict=True)
    ]


def judged(counts: list[Counted]) -> dict[str, object]:
    """Judge one profile as the API shows it.

    The score is the mean share over the required elements, rounded down: 100 is all of them for every component.
    """
    shares = [one.share for one in counts if one.required]
    score = int(100 * sum(shares) / len(shares) + 1e-9)
    met = all(share == 1 for share in shares)
    return {"met": met, "score": score if met else min(score, 99), "elements": [one._asdict() for one in counts]}

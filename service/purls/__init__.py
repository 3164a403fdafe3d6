"""From what an SBOM says of a component to what OSV and search need. Pure.

`identify` is the one way in for components; `normalise_name` writes advisories' names the same way.
"""

from service.purls.canonical import BadPurl, Purl, canonical, parse
from service.purls.ecosystems import base_of, normalise_name
from service.purls.identity import Coordinate, Identity, identify
from service.purls.releases import RELEASE_PACKAGES, release_among

__all__ = [
    "RELEASE_PACKAGES",
    "BadPurl",
    "Coordinate",
    "Identity",
    "Purl",
    "base_of",
    "canonical",
    "identify",
    "normalise_name",
    "parse",
    "release_among",
]

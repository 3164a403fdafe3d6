"""From what an SBOM says of a component to what OSV and search need. Pure.

`identify` is the one way in for components; `normalise_name` writes advisories' names the same way.
"""

from service.purls.advised import place_of_purl
from service.purls.canonical import BadPurl, Purl, canonical, parse
from service.purls.coordinates import PURL_PLACE, Coordinate
from service.purls.ecosystems import base_of, canonical_ecosystem, normalise_name
from service.purls.identity import Identity, identify
from service.purls.places import place_of
from service.purls.releases import RELEASE_PACKAGES, release_among
from service.purls.repositories import GIT, repository_name, revision

__all__ = [
    "GIT",
    "PURL_PLACE",
    "RELEASE_PACKAGES",
    "BadPurl",
    "Coordinate",
    "Identity",
    "Purl",
    "base_of",
    "canonical",
    "canonical_ecosystem",
    "identify",
    "normalise_name",
    "parse",
    "place_of",
    "place_of_purl",
    "release_among",
    "repository_name",
    "revision",
]

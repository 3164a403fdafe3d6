"""One ordering per family of ecosystems. Pure.

`sort_key` turns a version into bytes whose memcmp order is the ecosystem's, so that matching is a range join on an
index; `compare` decides the few pairs where no key can. Each family is a module that documents its encoding.
"""

from service.versions.families import ECOSYSTEMS, family_of
from service.versions.ordering import KEY_VERSION, MAX_CHARACTERS, compare, compare_to_bound, sort_key
from service.versions.unparsable import UnparsableVersion

__all__ = [
    "ECOSYSTEMS",
    "KEY_VERSION",
    "MAX_CHARACTERS",
    "UnparsableVersion",
    "compare",
    "compare_to_bound",
    "family_of",
    "sort_key",
]

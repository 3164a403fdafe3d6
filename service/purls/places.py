"""Where a record's ecosystem leads: names that say one place in several ways become one. Pure.

Red Hat's suffixes are CPEs of products: ``enterprise_linux:9::appstream``, ``rhel_eus:9.4::baseos``,
``satellite:6.15::el8``. What tells packages apart is the product and its release; the repository within it does not,
and a scanner never knows it. The updates that are sold beyond a minor release's life come under many names (EUS, AUS,
TUS, E4S, ELS): they are one place, ``extended:9.4``, since no SBOM says which of them a system is subscribed to.

Ubuntu's long-term releases carry ``:LTS``, which some writers leave out.
"""

import re
from typing import Final

RED_HAT: Final = "Red Hat"

_ENTERPRISE = re.compile(r"(?:enterprise_linux|rhel)(?:_(?:server|workstation|client|computenode))?:(\d+)(?:\.\d+)?")
_EXTENDED = re.compile(r"rhel_(?:eus|aus|tus|e4s|els|eus_long_life|mission_critical)[a-z_]*:(\d+(?:\.\d+)?)")
_UBUNTU = re.compile(r"Ubuntu:(Pro:|Pro:FIPS(?:-[a-z]+)?:)?(\d\d)\.04")


def place_of(ecosystem: str) -> str:
    """Give the ecosystem under which components stand that an advisory for *ecosystem* speaks of."""
    if ecosystem.startswith("Red Hat:"):
        return f"{RED_HAT}:{_product(ecosystem.removeprefix('Red Hat:'))}"
    if (found := _UBUNTU.fullmatch(ecosystem)) and int(found[2]) % 2 == 0:
        return f"{ecosystem}:LTS"
    return ecosystem


def _product(cpe: str) -> str:
    # The repository, or the release that a layered product is built for, stands behind two colons.
    product, _, built_for = cpe.partition("::")
    if found := _ENTERPRISE.fullmatch(product):
        return f"enterprise_linux:{found[1]}"
    if found := _EXTENDED.fullmatch(product):
        return f"extended:{found[1]}"
    return f"{product}::{built_for}" if built_for else product


#: Its extended life cycle is sold for the whole major release; that of later ones for a minor release.
_LAST_SOLD_WHOLE: Final = 7


def enterprise_suffix(release: str) -> tuple[str, ...]:
    """Give the product that a release of Red Hat Enterprise Linux (``9.4``) is of."""
    return (f"enterprise_linux:{release.partition('.')[0]}",)


def extended_places(release: str) -> tuple[str, ...]:
    """Give the ecosystems of a release's extended updates, to which a system may be subscribed."""
    major = release.partition(".")[0]
    sold = dict.fromkeys((release, major) if int(major) <= _LAST_SOLD_WHOLE else (release,))
    return tuple(f"{RED_HAT}:extended:{each}" for each in sold)

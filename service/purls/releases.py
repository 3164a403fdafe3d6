"""The release that a document states by listing the package which owns os-release.

``/etc/os-release``, from which scanners know the release, is a file of one package: base-files, alpine-release,
rocky-release. A document that lists this package names the release as surely as one that quotes the file, since its
version is the release's (bom's SBOMs say it no other way). Only versions that belong to exactly one release count.
"""

import re
from collections.abc import Iterable
from typing import Final

_DEBIAN_UPDATE = re.compile(r"[\d.]+\+deb(\d{1,2})u\d+")
#: What base-files was when a release came out; updates are numbered after the release (11.1+deb11u6).
_DEBIAN_FIRST: Final = {"8": "8", "9.9": "9", "10.3": "10", "11.1": "11", "12.4": "12", "13.8": "13"}
_UBUNTU = re.compile(r"(\d[\d.]*ubuntu\d+)(?:\.\d+)*")
_UBUNTU_FIRST: Final = {
    "7.2ubuntu5": "14.04",
    "9.4ubuntu4": "16.04",
    "10.1ubuntu2": "18.04",
    "10.2ubuntu7": "19.10",
    "11ubuntu5": "20.04",
    "11ubuntu19": "21.04",
    "12ubuntu4": "22.04",
    "12.2ubuntu3": "22.10",
    "13ubuntu10": "24.04",
}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
#: Whose version begins with the release's number, by os-release's ID.
_NUMBERED: Final = {
    "almalinux-release": "almalinux",
    "alpine-release": "alpine",
    "azurelinux-release": "azurelinux",
    "centos-linux-release": "centos",
    "centos-release": "centos",
    "fedora-release-common": "fedora",
    "mageia-release-common": "mageia",
    "mariner-release": "mariner",
    "oraclelinux-release": "ol",
    "photon-release": "photon",
    "redhat-release": "rhel",
    "redhat-release-server": "rhel",
    "rocky-release": "rocky",
    "sles-release": "sles",
}

#: Names of the packages that `release_of` knows.
RELEASE_PACKAGES: Final = frozenset({"base-files", *_NUMBERED})


def release_of(name: str, version: str) -> tuple[str, str] | None:
    """Give os-release's ID and VERSION_ID of the release that *version* of a release package belongs to."""
    if name == "base-files":
        return _of_base_files(version)
    number = _NUMBER.match(version)
    return (_NUMBERED[name], number[0]) if number and name in _NUMBERED else None


def release_among(packages: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """Give the one release that (name, version) of listed packages state; None where they state several or none."""
    found = {release for name, version in packages if (release := release_of(name, version))}
    if len(found) > 1:  # Those who rebuild Red Hat's packages ship its redhat-release beside their own.
        found = {release for release in found if release[0] != "rhel"}
    return found.pop() if len(found) == 1 else None


def _of_base_files(version: str) -> tuple[str, str] | None:
    update = _DEBIAN_UPDATE.fullmatch(version)
    if release := update[1] if update else _DEBIAN_FIRST.get(version):
        return "debian", release
    ubuntu = _UBUNTU.fullmatch(version)
    release = _UBUNTU_FIRST.get(ubuntu[1]) if ubuntu else None
    return ("ubuntu", release) if release else None

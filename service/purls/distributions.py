"""Which release of which distribution a package belongs to, and what OSV calls it.

A release comes from the purl's ``distro`` or, where that is missing, from the operating system that the document is
about. Nothing is guessed: a package whose release nobody names stands in the bare ecosystem. A derivative (Raspbian,
Kali) is itself, never its parent: it rebuilds packages under the parent's version numbers.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from service.purls.canonical import VENDORS
from service.purls.ecosystems import hardened
from service.purls.places import RED_HAT, enterprise_suffix, extended_places


class Distribution(NamedTuple):
    """A distribution's release: a label (``debian:13``), and OSV's ecosystems for it.

    `ecosystems` is empty where OSV has none, and bare where `release_known` is false. `perhaps` are further ones, of
    which nobody says whether they are meant.
    """

    label: str
    ecosystems: tuple[str, ...]
    release_known: bool
    perhaps: tuple[str, ...] = ()


class _Vendor(NamedTuple):
    """How one distribution numbers its releases; '' is a release that OSV does not tell apart."""

    type: str
    ecosystem: str
    release: Callable[[str], str]
    suffixes: Callable[[str], tuple[str, ...]] = lambda release: (release,)


UNKNOWN: Final = Distribution("", (), release_known=False)

_DEBIAN_NAMES: Final = {
    "woody": "3.0",
    "sarge": "3.1",
    "etch": "4.0",
    "lenny": "5.0",
    "squeeze": "6.0",
    "wheezy": "7",
    "jessie": "8",
    "stretch": "9",
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "forky": "14",
    "duke": "15",
}
_UBUNTU_NAMES: Final = {
    "precise": "12.04",
    "trusty": "14.04",
    "xenial": "16.04",
    "bionic": "18.04",
    "eoan": "19.10",
    "focal": "20.04",
    "hirsute": "21.04",
    "impish": "21.10",
    "jammy": "22.04",
    "kinetic": "22.10",
    "lunar": "23.04",
    "mantic": "23.10",
    "noble": "24.04",
    "oracular": "24.10",
    "plucky": "25.04",
    "questing": "25.10",
    "resolute": "26.04",
}
#: Debian wrote both numbers until 6.0, and OSV with it.
_LAST_TWO_PART_DEBIAN = 6

_NUMBER = re.compile(r"v?(\d{1,8})(?:\.(\d{1,4}))?")
_EULER = re.compile(r"(\d\d\.\d\d)(-lts(?:-sp\d+)?)", re.IGNORECASE)
_SUSE_PACK = re.compile(r"(\d{2})(?:[. -]?(?:sp)?(\d))?")
_OTHER = re.compile(r"([a-z][a-z0-9._+]*(?:-[a-z][a-z0-9._+]*)*)(?:-(.*))?")
_SEPARATOR = re.compile(r"[-:/ ]+")
_BARE_NUMBER = re.compile(r"v?\d")
#: Where in a release's archive a package lies: its advisories do not tell.
_POCKET = re.compile(r"[-/](?:security|updates|backports|proposed(?:-updates)?)$")
#: Words that are a release by themselves, without a vendor before them.
_RELEASE_WORDS: Final = frozenset(
    {*_DEBIAN_NAMES, *_UBUNTU_NAMES, "edge", "leap", "sid", "stream", "testing", "tumbleweed", "unstable"}
)
#: Of a label; nobody's release is longer.
_LONGEST = 100


def _named_or(names: dict[str, str], number: Callable[[str], str]) -> Callable[[str], str]:
    def release(text: str) -> str:
        # "trixie/sid" and "esm-infra/bionic" name theirs among other words.
        named = (names[part] for part in text.split("/") if part in names)
        return next(named, "") or number(text)

    return release


def _major(text: str) -> str:
    found = _NUMBER.match(text)
    return found[1] if found else ""


def _major_minor(text: str) -> str:
    found = _NUMBER.match(text)
    return f"{found[1]}.{found[2]}" if found and found[2] else (found[1] if found else "")


def _two_parts(text: str) -> str:
    found = _NUMBER.match(text)
    return f"{found[1]}.{found[2]}" if found and found[2] else ""


def _debian(text: str) -> str:
    found = _NUMBER.match(text)
    if found and int(found[1]) <= _LAST_TWO_PART_DEBIAN:
        return f"{found[1]}.{found[2] or 0}"
    return found[1] if found else ""


def _alpine(text: str) -> str:
    if text.startswith("edge") or "_alpha" in text or "_git" in text:
        return "edge"
    release = _two_parts(text)
    return f"v{release}" if release else ""


def _alpaquita(text: str) -> str:
    return "stream" if text.startswith("stream") else _major(text)


def _opensuse(text: str) -> str:
    if "tumbleweed" in text:
        return "tumbleweed"
    release = _two_parts(text.removeprefix("leap").lstrip(" -.:"))
    return f"leap-{release}" if release else ""


def _suse(text: str) -> str:
    found = _SUSE_PACK.match(text.removeprefix("linux enterprise server").strip())
    return f"{found[1]}.{found[2] or 0}" if found else ""


def _euler(text: str) -> str:
    found = _EULER.match(text)
    return f"{found[1]}{found[2].upper()}" if found else ""


def _photon(text: str) -> str:
    release = _major_minor(text)
    return release if "." in release or not release else f"{release}.0"


def _none(_: str) -> str:
    return ""


def _ubuntu_suffix(release: str) -> tuple[str, ...]:
    year, _, month = release.partition(".")
    return (f"{release}:LTS" if month == "04" and int(year) % 2 == 0 else release,)


def _opensuse_suffix(release: str) -> tuple[str, ...]:
    return (release.capitalize().replace("-", " "),)


def _suse_suffixes(release: str) -> tuple[str, ...]:
    # Since 15 the base system is a module beside the server, and advisories name either.
    major, _, pack = release.partition(".")
    product = f"{major} SP{pack}" if pack != "0" else major
    server = f"Linux Enterprise Server {product}"
    if int(major) < 15:  # noqa: PLR2004 - SUSE Linux Enterprise 15
        return (server,)
    return f"Linux Enterprise Module for Basesystem {product}", server


_VENDORS: Final = {
    "debian": _Vendor("deb", "Debian", _named_or(_DEBIAN_NAMES, _debian)),
    "ubuntu": _Vendor("deb", "Ubuntu", _named_or(_UBUNTU_NAMES, _two_parts), _ubuntu_suffix),
    "echo": _Vendor("deb", "Echo", _none),
    "alpine": _Vendor("apk", "Alpine", _alpine),
    "alpaquita": _Vendor("apk", "Alpaquita", _alpaquita),
    "bellsoft-hardened-containers": _Vendor("apk", "BellSoft Hardened Containers", _alpaquita),
    "wolfi": _Vendor("apk", "Wolfi", _none),
    "chainguard": _Vendor("apk", "Chainguard", _none),
    "minimos": _Vendor("apk", "MinimOS", _none),
    "cleanstart": _Vendor("apk", "CleanStart", _none),
    "almalinux": _Vendor("rpm", "AlmaLinux", _major),
    "rocky": _Vendor("rpm", "Rocky Linux", _major),
    "redhat": _Vendor("rpm", RED_HAT, _major_minor, enterprise_suffix),
    "suse": _Vendor("rpm", "SUSE", _suse, _suse_suffixes),
    "opensuse": _Vendor("rpm", "openSUSE", _opensuse, _opensuse_suffix),
    "openeuler": _Vendor("rpm", "openEuler", _euler),
    "mageia": _Vendor("rpm", "Mageia", _major),
    "azurelinux": _Vendor("rpm", "Azure Linux", _major),
    "photon": _Vendor("rpm", "Photon OS", _photon),
    "amazon": _Vendor("rpm", "", _major),
    "centos": _Vendor("rpm", "", _major),
    "fedora": _Vendor("rpm", "", _major),
    "oracle": _Vendor("rpm", "", _major),
    "arch": _Vendor("alpm", "", _none),
}
#: The namespace of what Docker rebuilds, whatever distribution it is for.
_HARDENED: Final = "dhi"
#: One list for all its releases.
_ROLLING: Final = frozenset({"Echo", "Wolfi", "Chainguard", "MinimOS", "CleanStart"})

_IDS: Final = sorted({*_VENDORS, *(alias for alias in VENDORS if not alias.startswith("opensuse"))}, key=len)[::-1]


@lru_cache(maxsize=4_096)
def distribution_of(kind: str, namespace: str, distro: str, os_id: str, os_version: str) -> Distribution:
    """Work out a package's distribution.

    Args:
        kind: The purl's type; ``deb``, ``rpm``, ``apk`` and ``alpm`` have distributions.
        namespace: The purl's, canonical; '' if none.
        distro: The purl's qualifier: ``debian-13``, ``3.18.4``, ``trixie``; '' if none.
        os_id: os-release's ID of what the document is about; '' if unknown.
        os_version: Its VERSION_ID.
    """
    if namespace == _HARDENED:
        return _hardened(distribution_of(kind, "", distro.removeprefix(f"{_HARDENED}-"), os_id, os_version))
    vendor, release = _read(distro.strip().lower(), namespace)
    if _is_elsewhere(vendor, kind):
        vendor, release = namespace, ""
    if not release:
        running, running_release = _read(f"{os_id}-{os_version}".strip("- ").lower(), "")
        if not vendor and not _is_elsewhere(running, kind):
            vendor = running
        if running == vendor:
            release = running_release
    return _distribution(kind, vendor, release)


def _hardened(base: Distribution) -> Distribution:
    """Give Docker's rebuild of a release, which is not the distribution's own."""
    vendor = _VENDORS.get(base.label.partition(":")[0])
    if vendor is None or not base.release_known:
        return Distribution(_HARDENED, (hardened("", ""),), release_known=False)
    ecosystem = hardened(vendor.ecosystem, base.label.partition(":")[2])
    return Distribution(f"{_HARDENED}:{base.label}", (ecosystem,), release_known=True)


def _is_elsewhere(vendor: str, kind: str) -> bool:
    return vendor in _VENDORS and _VENDORS[vendor].type != kind


def _read(text: str, namespace: str) -> tuple[str, str]:
    """Split ``opensuse-leap-15.3`` into vendor and release; what names a release alone is *namespace*'s."""
    if not text or not text.isprintable():
        return namespace, ""
    text = _POCKET.sub("", text)
    for known in _IDS:
        if text == known or (text.startswith(known) and _SEPARATOR.match(text, len(known))):
            return VENDORS.get(known, known), _SEPARATOR.sub("", text[len(known) :], count=1)
    if text.startswith("opensuse."):
        return "opensuse", text.removeprefix("opensuse.")
    if _BARE_NUMBER.match(text) or not _RELEASE_WORDS.isdisjoint(text.split("/")):
        return namespace, text
    other = _OTHER.fullmatch(text)
    return (other[1], other[2] or "") if other else (namespace, "")


def _distribution(kind: str, name: str, text: str) -> Distribution:
    vendor = _VENDORS.get(name)
    if not name:
        return UNKNOWN
    if vendor is None or vendor.type != kind:
        return Distribution((f"{name}:{text}" if text else name)[:_LONGEST], (), release_known=False)
    release = vendor.release(text)
    label = f"{name}:{release}" if release else name
    if not vendor.ecosystem:
        return Distribution(label, (), release_known=False)
    if vendor.ecosystem in _ROLLING:
        return Distribution(label, (vendor.ecosystem,), release_known=True)
    if not release:
        return Distribution(label, (vendor.ecosystem,), release_known=False)
    ecosystems = tuple(f"{vendor.ecosystem}:{suffix}" for suffix in vendor.suffixes(release))
    perhaps = extended_places(release) if vendor.ecosystem == RED_HAT else ()
    return Distribution(label, ecosystems, release_known=True, perhaps=perhaps)

"""Where a package came from, as its purl and its document say: the public registry, another one, a commit. Pure.

Two packages share a name when one of them is private. Malware records condemn names; whether they mean this package
depends on where it came from. That is no part of a component's identity (`qualifiers`): it is a fact beside it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from service.purls.canonical import BadPurl, parse

#: It came from its type's public registry.
PUBLIC: Final = "public"
#: Its purl names another registry, another address, or a commit.
ELSEWHERE: Final = "elsewhere"
#: Its name or registry is one of the organisation's own (`internal_namespace`).
PRIVATE: Final = "private"

#: Hosts of public registries by purl type; ``|`` stands for the last dot.
_HOSTS: Final = {
    "cargo": "crates|io static.crates|io index.crates|io",
    "composer": "packagist|org repo.packagist|org",
    "gem": "rubygems|org index.rubygems|org",
    "golang": "proxy.golang|org sum.golang|org",
    "hex": "hex|pm repo.hex|pm",
    "maven": "repo.maven.apache|org repo1.maven|org central.sonatype|com",
    "npm": "registry.npmjs|org registry.npmjs|com registry.yarnpkg|com",
    "nuget": "nuget|org www.nuget|org api.nuget|org",
    "pub": "pub|dev pub.dartlang|org",
    "pypi": "pypi|org pypi.python|org files.pythonhosted|org",
}
_PUBLIC: Final = {kind: frozenset(hosts.replace("|", ".").split()) for kind, hosts in _HOSTS.items()}
#: Cargo names the registry by the repository of its index.
_INDEX: Final = "github.com/rust-lang/" + "crates" + ".io-index"
_SAYING: Final = ("repository_url", "download_url", "vcs_url")
#: Characters of an address that are kept, and of a purl whose answer is remembered.
_MOST: Final = 200
_REMEMBERED: Final = 500


class Provenance(NamedTuple):
    """`said`: `PUBLIC`, `ELSEWHERE` or ''. `address`: the address without its scheme, the public one's host; or ''."""

    said: str = ""
    address: str = ""

    @property
    def strength(self) -> int:
        """How much it says: nothing, an address, or what kind of address that is."""
        return 2 if self.said else 1 if self.address else 0


#: Nobody says.
NOTHING: Final = Provenance()


def provenance(purl: str, obtained_from: str) -> Provenance:
    """Say where a package came from.

    Args:
        purl: As the document gives it.
        obtained_from: The address that the document gives beside the purl, or ''. Many are home pages or proxies: it
            counts for the public registry, never against it.
    """
    if "_url=" not in purl and not obtained_from:
        return NOTHING
    if "_url=" not in purl:
        return _remembered(purl.partition("/")[0], obtained_from[:_MOST])
    # What is remembered outlives its document, and must not keep its longest texts.
    return (_remembered if len(purl) <= _REMEMBERED else _provenance)(purl, obtained_from[:_MOST])


def _provenance(purl: str, obtained_from: str) -> Provenance:
    kind, addresses = _said_by(purl)
    hosts = _PUBLIC.get(kind)
    if hosts is None:
        return NOTHING
    for address in addresses:
        place = _place(address)
        if not _is_public(place, hosts):
            return Provenance(ELSEWHERE, place)
    place = _place(addresses[0] if addresses else obtained_from)
    return Provenance(PUBLIC, place.partition("/")[0]) if _is_public(place, hosts) else Provenance("", place)


_remembered = lru_cache(maxsize=8_192)(_provenance)


def is_public_host(matches: Callable[[str], object]) -> bool:
    """Tell whether something that is asked about hosts matches one of a public registry."""
    return any(matches(host) for hosts in _PUBLIC.values() for host in hosts)


def _said_by(purl: str) -> tuple[str, list[str]]:
    """Give the type and the addresses of a purl, the most telling last: a commit beats what it was downloaded from."""
    if "?" not in purl:
        return purl.removeprefix("pkg:").lower(), []
    try:
        parsed = parse(purl)
    except BadPurl:
        return "", []
    return parsed.type, [parsed.qualifiers[name] for name in _SAYING if name in parsed.qualifiers]


def _place(address: str) -> str:
    """Write an address without scheme, user, port and query: ``nexus.acme.example/repository/npm``."""
    if "://" not in address:
        address = f"https://{address}"
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    return f"{host}{parts.path.rstrip('/')}"[:_MOST] if host and host.isprintable() and parts.path.isprintable() else ""


def _is_public(place: str, hosts: frozenset[str]) -> bool:
    return place.partition("/")[0] in hosts or place == _INDEX

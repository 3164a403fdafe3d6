"""OSV's ecosystems: which purl type belongs to which, and how each writes names.

Source: OSV schema "Defined ecosystems", purl-spec types, and what OSV's database exports. NuGet is the one that
purl-spec calls case-sensitive and whose registry is not.
"""

import re
from collections.abc import Callable
from typing import Final

from service.purls.canonical import Purl

#: Registries by purl type. Distribution packages (deb, rpm, apk) are not here: see `distributions`.
ECOSYSTEMS: Final = {
    "bitnami": "Bitnami",
    "brew": "Homebrew",
    "cargo": "crates.io",
    "composer": "Packagist",
    "conan": "ConanCenter",
    "cran": "CRAN",
    "gem": "RubyGems",
    "github": "GitHub Actions",
    "golang": "Go",
    "hackage": "Hackage",
    "hex": "Hex",
    "julia": "Julia",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "opam": "opam",
    "pub": "Pub",
    "pypi": "PyPI",
    "swift": "SwiftURL",
    "vscode-extension": "VSCode",
}

#: Outside OSV's schema and without an order: only listed versions match.
UNORDERED: Final = frozenset({"Homebrew"})

#: What stands between namespace and name where it is no slash.
_SEPARATORS: Final = {"maven": ":", "vscode-extension": "."}

#: Ecosystems whose suffix is a release; elsewhere it is a registry (``Maven:https://repo.example``).
_RELEASED: Final = frozenset(
    {
        "AlmaLinux",
        "Alpaquita",
        "Alpine",
        "Azure Linux",
        "BellSoft Hardened Containers",
        "Debian",
        "Mageia",
        "Photon OS",
        "Red Hat",
        "Rocky Linux",
        "SUSE",
        "Ubuntu",
        "openEuler",
        "openSUSE",
    }
)

#: Drupal's modules come from a repository of their own, and OSV files their advisories there.
_DRUPAL: Final = "Packagist:https://packages.drupal.org/8"

_PEP503 = re.compile(r"[-_.]+")
_NOT_PUB = re.compile(r"[^a-z0-9]")
_SCHEME = re.compile(r"(?:git\+)?[a-z]+://|git@")


def _pep503(name: str) -> str:
    return _PEP503.sub("-", name).lower()


def _pub(name: str) -> str:
    return _NOT_PUB.sub("_", name.lower())


def _repository(name: str) -> str:
    # github.com/Owner/Repo and github.com/owner/repo are one repository.
    return _SCHEME.sub("", name.lower(), count=1).removesuffix("/").removesuffix(".git")


_NORMALISERS: Final[dict[str, Callable[[str], str]]] = {
    "Bitnami": str.lower,
    "GitHub Actions": str.lower,
    "Hex": str.lower,
    "NuGet": str.lower,
    "Packagist": str.lower,
    "Pub": _pub,
    "PyPI": _pep503,
    "SwiftURL": _repository,
    "VSCode": str.lower,
}


def normalise_name(ecosystem: str, name: str) -> str:
    """Write a package's name as its ecosystem compares it, on the advisory's side and on the component's alike.

    Args:
        ecosystem: With or without suffix.
        name: As OSV writes it: ``group:artifact``, ``@scope/name``, a module path.
    """
    normaliser = _NORMALISERS.get(ecosystem.partition(":")[0])
    return normaliser(name) if normaliser else name


def base_of(ecosystem: str) -> str:
    """Give the distribution of a release (``Debian`` of ``Debian:13``); '' where there is no release to drop."""
    base, _, release = ecosystem.partition(":")
    return base if release and base in _RELEASED else ""


def registry_names(purl: Purl) -> tuple[tuple[str, str], ...]:
    """Give (ecosystem, normalised name) of a package from a registry; empty where OSV knows none."""
    ecosystem = ECOSYSTEMS.get(purl.type)
    if ecosystem is None or (purl.type == "maven" and not purl.namespace):
        return ()
    separator = _SEPARATORS.get(purl.type)
    name = f"{purl.namespace}{separator}{purl.name}" if separator and purl.namespace else purl.path
    named = (ecosystem, normalise_name(ecosystem, name))
    if purl.type == "composer" and purl.namespace == "drupal":
        return named, (_DRUPAL, named[1])
    return (named,)

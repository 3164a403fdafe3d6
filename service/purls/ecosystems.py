"""Which of OSV's ecosystems a package of a registry stands in, and how each ecosystem writes names.

What is true of an ecosystem is in `ecosystem_table`; here is what needs code. Distribution packages: see
`distributions`.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from service.purls.canonical import Purl
from service.purls.ecosystem_table import BY_NAME, TABLE, Ecosystem, Names
from service.purls.repositories import repository_name

#: Registries' ecosystems by purl type. The first row that names a type has it: ``github`` means GitHub Actions.
_BY_TYPE: Final = {
    purl: row.name
    for row in reversed(TABLE)
    for purl in row.purls
    if "/" not in purl and row.name not in ("GIT", "OSS-Fuzz")
}

#: The same, of those whose versions have an order.
ECOSYSTEMS: Final = {purl: name for purl, name in _BY_TYPE.items() if BY_NAME[name].order}

#: Only listed versions match here.
UNORDERED: Final = frozenset(row.name for row in TABLE if not row.order)

#: Their advisories name packages as they are installed.
BY_BINARY: Final = frozenset(row.name for row in TABLE if row.speaks_of == "binary")

_REPACKAGERS: Final = frozenset(row.name for row in TABLE if row.suffix == "repackaged")
_RELEASED: Final = frozenset(row.name for row in TABLE if row.suffix in ("release", "product"))
_WITH_REPOSITORIES: Final = frozenset(row.name for row in TABLE if row.suffix == "repository")

#: What the packages of distributions that OSV does not know (``purl:rpm/fedora``) are ordered like, by purl type.
_PACKAGED_LIKE: Final = {
    "alpm": Ecosystem("Arch Linux", "alpm", in_schema=False),
    "apk": BY_NAME["Alpine"],
    "deb": BY_NAME["Debian"],
    "rpm": BY_NAME["Red Hat"],
}

#: What feeds write instead of a name of the table, in records and as folders.
_ALIASES: Final = {"kubernetes": "Kubernetes", "purl-type": "SwiftURL", "purl-type:swift": "SwiftURL"}
#: Records of repackagers are not at one about capitals (``Echo:PyPi``).
_FOLDED: Final = {row.name.lower(): row.name for row in TABLE}

#: What stands between namespace and name where it is no slash.
_SEPARATORS: Final = {"maven": ":", "vscode-extension": "."}

#: Packages that come from a repository of their own whatever their purl says, and whose advisories OSV files there.
_DRUPAL: Final = "https://packages.drupal" + ".org/8"
_GOOGLE: Final = "https://maven.google" + ".com"
_GOOGLES: Final = ("androidx.", "com.android.", "com.google.android.")

_HARDENED: Final = "Docker Hardened Images"
_HARDENED_TYPE: Final = "dhi"

#: How rebuilt packages of registries show in their versions: ``2.2.5+echo.1``, ``4.17.20.root.io.1``.
_REBUILT: Final = {"+echo.": "Echo", "root.io.": "Root"}
#: How they show in a distribution's names.
_ROOT_NAME: Final = "root-"

_PEP503 = re.compile(r"[-_.]+")
_NOT_PUB = re.compile(r"[^a-z0-9]")
_RELEASE_V1 = re.compile(r"v?[1-9]")


def _pep503(name: str) -> str:
    return _PEP503.sub("-", name).lower()


def _pub(name: str) -> str:
    return _NOT_PUB.sub("_", name.lower())


#: None where names are compared as they are written.
_RULES: Final[dict[Names, Callable[[str], str] | None]] = {
    "as written": None,
    "lower case": str.lower,
    "PEP 503": _pep503,
    "lower case and _": _pub,
    "host/path": repository_name,
}


@lru_cache(maxsize=4_096)
def canonical_ecosystem(ecosystem: str) -> str:
    """Write an ecosystem as the table does, where a feed has another name for it; unknown ones stay as they are."""
    if ecosystem in _ALIASES:
        return _ALIASES[ecosystem]
    name, _, suffix = ecosystem.partition(":")
    if not suffix or name not in _REPACKAGERS:
        return ecosystem
    inner, colon, release = suffix.partition(":")
    return f"{name}:{_FOLDED.get(inner.lower(), inner)}{colon}{release}"


@lru_cache(maxsize=4_096)
def rules_of(ecosystem: str) -> Ecosystem | None:
    """Find the row whose order and names an ecosystem follows: its own, or that of what it repackages.

    Args:
        ecosystem: With or without suffix (``Debian:13``, ``Echo:PyPI``).
    """
    name, _, suffix = canonical_ecosystem(ecosystem).partition(":")
    while suffix and name in _REPACKAGERS:
        name, _, suffix = suffix.partition(":")
    return _PACKAGED_LIKE.get(suffix.partition("/")[0]) if name == "purl" else BY_NAME.get(name)


def is_repackaged(ecosystem: str) -> bool:
    """Tell whether an ecosystem rebuilds what another publishes: ``Echo:PyPI``, not ``Echo`` itself."""
    name, _, suffix = ecosystem.partition(":")
    return bool(suffix) and name in _REPACKAGERS


def normalise_name(ecosystem: str, name: str) -> str:
    """Write a package's name as its ecosystem compares it, on the advisory's side and on the component's alike.

    Args:
        ecosystem: With or without suffix.
        name: As OSV writes it: ``group:artifact``, ``@scope/name``, a module path.
    """
    row = rules_of(ecosystem)
    rule = _RULES[row.names] if row else None
    return rule(name) if rule else name


def base_of(ecosystem: str) -> str:
    """Give the distribution of a release (``Debian`` of ``Debian:13``); '' where there is no release to drop."""
    base, _, release = ecosystem.partition(":")
    return base if release and base in _RELEASED else ""


def registry_names(purl: Purl, version: str) -> tuple[tuple[str, str], ...]:
    """Give (ecosystem, normalised name) of a package from a registry; empty where OSV knows none.

    The registry itself comes first; behind it what the same package is to others: a repository of its own, a rebuild.
    """
    ecosystem = _BY_TYPE.get(purl.type)
    if ecosystem is None or (purl.type == "maven" and not purl.namespace):
        return ()
    separator = _SEPARATORS.get(purl.type)
    written = f"{purl.namespace}{separator}{purl.name}" if separator and purl.namespace else purl.path
    name = normalise_name(ecosystem, written)
    if purl.type == _HARDENED_TYPE:
        ecosystem = hardened(purl.qualifiers.get("os_name", ""), purl.qualifiers.get("os_version", ""))
    names = [(ecosystem, name)]
    if ecosystem in _WITH_REPOSITORIES and (repository := _repository_of(purl)):
        names.append((f"{ecosystem}:{repository}", name))
    elif purl.namespace == "k8s.io" and purl.type == "golang" and _RELEASE_V1.match(version):
        names.append(("Kubernetes", name))
    for sign, rebuilder in _REBUILT.items():
        if sign in version:
            names.append((f"{rebuilder}:{ecosystem}", name))
    return tuple(names)


def _repository_of(purl: Purl) -> str:
    """Name the repository that a package comes from, if it is not the registry itself; '' otherwise."""
    if purl.type == "composer" and purl.namespace == "drupal":
        return _DRUPAL
    if purl.type == "maven" and purl.namespace.startswith(_GOOGLES):
        return _GOOGLE
    stated = purl.qualifiers.get("repository_url", "") if purl.qualifiers else ""
    return stated.rstrip("/") if stated.startswith("https://") else ""


def hardened(system: str, release: str) -> str:
    """Name the ecosystem of Docker's hardened images for a system: ``Docker Hardened Images:Debian:13``."""
    name = _FOLDED.get(system.lower(), "")
    suffix = f":{name}:{release}" if name and release else f":{name}" if name else ""
    return f"{_HARDENED}{suffix}"


def rebuilt_for(ecosystem: str, name: str) -> str:
    """Name the ecosystem in which Root files a package that it rebuilt for a distribution's release; '' if none.

    Root writes ``Root:Alpine:3.18`` and ``Root:Debian:12``, and its packages are called ``root-openssl``.
    """
    base, _, release = ecosystem.partition(":")
    if not name.startswith(_ROOT_NAME) or base not in ("Alpine", "Debian", "Ubuntu"):
        return ""
    return f"Root:{base}:{release.removeprefix('v').removesuffix(':LTS')}" if release else f"Root:{base}"

"""Which ecosystem orders its versions how.

The names are OSV's (osv-schema, "Defined ecosystems", and what its database exports). A suffix after ``:`` names a
release or a registry and does not change the order, except where an ecosystem repackages others.
"""

from typing import Final

#: Ecosystems by the family that orders them; those without an order are compared as text with listed versions.
_MEMBERS: Final[dict[str | None, tuple[str, ...]]] = {
    "semver": (
        "npm",
        "crates.io",
        "Go",
        "Hex",
        "SwiftURL",
        "kubernetes",
        "Kubernetes",
        "GHC",
        "Bioconductor",
        "VSCode",
        "ConanCenter",
        # OSV's own database does not order these, so its API misses every range of them; their tags are semantic.
        "GitHub Actions",
    ),
    "julia": ("Julia",),
    "bitnami": ("Bitnami",),
    "pypi": ("PyPI",),
    "maven": ("Maven",),
    "nuget": ("NuGet",),
    "gem": ("RubyGems",),
    "packagist": ("Packagist",),
    "pub": ("Pub",),
    "cran": ("CRAN",),
    "hackage": ("Hackage",),
    "dpkg": ("Debian", "Ubuntu", "Echo", "opam"),
    "apk": (
        "Alpine",
        "Alpaquita",
        "BellSoft Hardened Containers",
        "Wolfi",
        "Chainguard",
        "MinimOS",
        "CleanStart",
    ),
    "rpm": (
        "AlmaLinux",
        "Rocky Linux",
        "Red Hat",
        "SUSE",
        "openSUSE",
        "openEuler",
        "Mageia",
        "Azure Linux",
        "Photon OS",
    ),
    None: ("FreeBSD", "Android", "Linux", "OSS-Fuzz", "Homebrew", "GIT", "Root", "TuxCare", "Docker Hardened Images"),
}
_FAMILIES: Final = {ecosystem: family for family, ecosystems in _MEMBERS.items() for ecosystem in ecosystems}

#: They rebuild other ecosystems' packages and keep their order: ``Root:Alpine:3.18``, ``Echo:PyPI``.
_REPACKAGERS: Final = frozenset({"Root", "Echo", "TuxCare", "Docker Hardened Images"})

#: Every ecosystem that the table knows, without suffix.
ECOSYSTEMS: Final = frozenset(_FAMILIES)


def family_of(ecosystem: str) -> str | None:
    """Name the family whose order an ecosystem's versions follow.

    Args:
        ecosystem: As OSV writes it, with or without suffix (``Debian:13``, ``Maven:https://repo.example``).

    Returns:
        None where versions have no order, and for ecosystems that we do not know: listed versions only.
    """
    name, _, suffix = ecosystem.partition(":")
    while suffix and name in _REPACKAGERS:
        name, _, suffix = suffix.partition(":")
    return _FAMILIES.get(name)

"""Which qualifiers tell packages apart, and which only say where or for what one was seen.

A component is what an advisory can be about. Scanners qualify the same package differently (syft says architecture,
release and source, trivy the release, bom the architecture), so what an identity says elsewhere, and what one release
of a package is built for many times over, is no part of it. Qualifiers that nobody here knows stay: they may name
another package.
"""

from typing import Final

from service.purls.canonical import Purl

#: Types whose packages a distribution builds.
DISTRIBUTION_TYPES: Final = frozenset({"deb", "rpm", "apk", "alpm"})

#: Of a distribution's package. The release, the source and the epoch are in the identity; architecture and repository
#: are where this copy came from, and no advisory tells them apart.
_OF_DISTRIBUTIONS: Final = frozenset(
    {
        "arch", "distro", "distro_codename", "distro_id", "distro_name", "distro_version", "epoch", "os_name",
        "os_version", "repository_id", "source", "upstream",
    }
)  # fmt: skip
#: Of registries' packages: which of a release's files it was, or the platform it was built for.
_OF_BUILDS: Final = {
    "bitnami": frozenset({"arch", "distro"}),
    "golang": frozenset({"goarch", "goos", "type"}),
    "pypi": frozenset({"extension", "file_name"}),
}
#: Where a type's packages come from if nothing is said; all of these registries are under ``.org``.
_REGISTRIES: Final = {"gem": "rubygems", "maven": "repo.maven.apache", "npm": "registry.npmjs", "pypi": "pypi"}
#: What else they mean where nothing is said.
_BUILT: Final = {"gem": {"platform": "ruby"}, "maven": {"packaging": "jar", "type": "jar"}}
_DEFAULTS: Final = {
    kind: _BUILT.get(kind, {}) | {"repository_url": f"https://{host}.org{'/maven2' * (kind == 'maven')}"}
    for kind, host in _REGISTRIES.items()
}


def telling(purl: Purl) -> dict[str, str]:
    """Give the qualifiers of *purl* that tell it from another package."""
    said = purl.qualifiers
    if not said:
        return said
    if purl.type in DISTRIBUTION_TYPES:
        return {key: value for key, value in said.items() if key not in _OF_DISTRIBUTIONS}
    builds, defaults = _OF_BUILDS.get(purl.type), _DEFAULTS.get(purl.type)
    if builds is None and defaults is None:
        return said
    return {
        key: value
        for key, value in said.items()
        if key not in (builds or ()) and (defaults or {}).get(key) != value.removesuffix("/")
    }


def distro_of(purl: Purl) -> str:
    """Give what the purl says of its distribution's release, as ``distro`` would say it; '' if nothing.

    Beside ``distro`` there are ``distro_id`` with ``distro_version`` and ``os_name`` with ``os_version``; a codename
    (cdxgen's ``distro_name``) or a bare number names the release of the namespace's distribution.
    """
    said = purl.qualifiers
    if distro := said.get("distro", ""):
        return distro
    vendor = said.get("distro_id") or said.get("os_name") or ""
    release = said.get("distro_version") or said.get("os_version") or ""
    if not release:
        return said.get("distro_codename") or said.get("distro_name") or vendor
    return f"{vendor}-{release}" if vendor else release

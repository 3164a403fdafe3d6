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
#: What a registry means where nothing is said.
_DEFAULTS: Final = {
    "gem": {"platform": "ruby", "repository_url": "https://rubygems.org"},
    "maven": {"packaging": "jar", "repository_url": "https://repo.maven.apache.org/maven2", "type": "jar"},
    "npm": {"repository_url": "https://registry.npmjs.org"},
    "pypi": {"repository_url": "https://pypi.org"},
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

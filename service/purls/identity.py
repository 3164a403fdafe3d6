"""Who a component is: from what an SBOM says of it to what OSV and search need. Pure; never raises.

A component has coordinates where OSV could speak of it, and a reason in `Identity.unevaluated` wherever an answer
would be less than certain. Coordinates never leave the component's own distribution: Debian's advisories say nothing
about Ubuntu's or SUSE's package of the same name.
"""

import hashlib
import re
from typing import Final

import msgspec

from service.purls import sources
from service.purls.canonical import BadPurl, Purl, parse
from service.purls.distributions import Distribution, distribution_of
from service.purls.ecosystems import UNORDERED, registry_names
from service.purls.sources import Source, built_from, source_of

#: Why advisories cannot be matched, or not with certainty.
NO_PURL: Final = "no-purl"
BAD_PURL: Final = "bad-purl"
NO_VERSION: Final = "no-version"
#: OSV has no ecosystem for it.
NO_ECOSYSTEM: Final = "no-ecosystem"
#: OSV has one whose versions nobody orders: coordinates stand, for advisories that list versions.
NO_ORDERING: Final = "no-ordering"
#: A distribution package that names no distribution.
UNKNOWN_DISTRIBUTION: Final = "unknown-distribution"
#: Its distribution is known, its release is not: coordinates stand in the bare ecosystem.
UNKNOWN_RELEASE: Final = "unknown-release"
#: Go's build tools leave the main module, and what is replaced by a folder, without a version of its own.
GO_DEVEL_VERSION: Final = "go-devel-version"
#: A Go module replaced by a folder (``../api``) is published nowhere.
GO_LOCAL_MODULE: Final = "go-local-module"

#: Characters of a name or namespace. With type and namespace it fits into one index entry of 2,704 bytes.
MAX_NAME: Final = 300
MAX_VERSION: Final = 400

_DISTRIBUTION_TYPES: Final = frozenset({"deb", "rpm", "apk", "alpm"})
#: Their advisories name packages as they are installed.
_BY_BINARY: Final = frozenset({"Wolfi", "Chainguard", "MinimOS", "CleanStart", "Photon OS"})
#: Its records leave the epoch out.
_WITHOUT_EPOCH: Final = "openEuler"

_PLACEHOLDERS: Final = frozenset(
    {"(unknown)", "latest", "n/a", "noassertion", "none", "null", "undefined", "unknown", "unspecified"}
)
_GO_DEVEL: Final = frozenset({"(devel)", "devel"})
_GO_SYNTHETIC = "-000000000000"
_EPOCH = re.compile(r"\d+:")
_EPOCH_NUMBER = re.compile(r"[1-9]\d{0,8}")


class Coordinate(msgspec.Struct, frozen=True):
    """Where a component stands in OSV.

    `ecosystem` is OSV's, with its release where that is known; `name` is normalised by the ecosystem's rule;
    `version` is to be ordered by it. `relation` is ``package``, or ``source`` where name and version are those of the
    source package. Where `release_known` is false the ecosystem is the bare distribution.
    """

    ecosystem: str
    name: str
    version: str
    relation: str
    release_known: bool


class Identity(msgspec.Struct, frozen=True):
    """Who a component is. `purl`, `type` and `namespace` are '' where the document gives no usable purl.

    `distribution` is ``debian:13``, ``alpine:v3.18``, ``fedora:40``, a bare ``debian``, or ''. `version` carries the
    epoch that a purl keeps in a qualifier. `unevaluated` is '' or one of this module's reasons.
    """

    purl: str
    type: str
    namespace: str
    name: str
    version: str
    source_name: str
    source_version: str
    distribution: str
    coordinates: tuple[Coordinate, ...]
    unevaluated: str


def identify(
    *,
    purl: str,
    name: str,
    version: str,
    cpes: tuple[str, ...] = (),  # noqa: ARG001 - they will settle Red Hat's products
    source_name: str = "",
    source_version: str = "",
    os_id: str = "",
    os_version: str = "",
) -> Identity:
    """Work out who a component is.

    Args:
        purl: As the document gives it; '' if it gives none.
        name: The component's own; counts where the purl does not.
        version: The component's own; the purl's goes first, since some tools shorten this one.
        cpes: The component's.
        source_name: Of the distribution's source package, as the document says it outside the purl.
        source_version: The same.
        os_id: os-release's ID of what the document is about.
        os_version: Its VERSION_ID.
    """
    hint = Source(_shown(source_name, MAX_NAME), _shown(source_version, MAX_VERSION))
    if not purl:
        return _by_name(name, version, hint, NO_PURL)
    try:
        parsed = parse(purl)
    except BadPurl:
        return _by_name(name, version, hint, BAD_PURL)
    if parsed.type in _DISTRIBUTION_TYPES:
        distro = parsed.qualifiers.get("distro", "")
        distribution = distribution_of(parsed.type, parsed.namespace, distro, os_id, os_version)
        return _distributed(parsed, _version(parsed, version), hint, distribution)
    return _published(parsed, _version(parsed, version), name)


def _by_name(name: str, version: str, hint: Source, reason: str) -> Identity:
    shown = _shown(name, MAX_NAME), _stated(_shown(version, MAX_VERSION))
    return Identity("", "", "", *shown, hint.name, hint.version, "", (), reason)


def _published(purl: Purl, version: str, name: str) -> Identity:
    """Identify a package of a registry, or of none."""
    written = str(purl)
    if purl.type == "golang":
        purl = _whole_module(purl, name)
    names = registry_names(purl)
    reason = _registry_problem(purl, names, version)
    coordinates = [Coordinate(ecosystem, own, version, "package", True) for ecosystem, own in names]
    if reason not in ("", NO_ORDERING):
        coordinates = []
    return _identity(purl, version, written=written, coordinates=tuple(coordinates), unevaluated=reason)


def _whole_module(purl: Purl, name: str) -> Purl:
    # Older syft files the end of a module's path as a subpath: github.com/cespare/xxhash#v2. Elsewhere a subpath is a
    # folder within the module; the component's own name tells which.
    if not purl.subpath or name != f"{purl.path}/{purl.subpath}":
        return purl
    namespace, _, last = name.rpartition("/")
    return purl._replace(namespace=namespace, name=last, subpath="")


def _registry_problem(purl: Purl, names: tuple[tuple[str, str], ...], version: str) -> str:
    if not names:
        return NO_ECOSYSTEM
    if purl.type == "golang" and purl.path.startswith("."):
        return GO_LOCAL_MODULE
    if not version:
        return NO_VERSION
    if purl.type == "golang" and (version in _GO_DEVEL or version.endswith(_GO_SYNTHETIC)):
        return GO_DEVEL_VERSION
    return NO_ORDERING if names[0][0] in UNORDERED else ""


def _distributed(purl: Purl, version: str, hint: Source, distribution: Distribution) -> Identity:
    """Identify a distribution's package, by its source and by its own name."""
    source = source_of(purl, hint)
    if source.name:
        source = Source(source.name, source.version or built_from(purl.type, version))
        source = source._replace(
            version=_with_epoch_of(version, source.version) if purl.type == "rpm" else source.version
        )
    reason = ""
    if not version:
        reason = NO_VERSION
    elif not distribution.ecosystems:
        reason = NO_ECOSYSTEM if distribution.label else UNKNOWN_DISTRIBUTION
    elif not distribution.release_known:
        reason = UNKNOWN_RELEASE
    coordinates = _of_distribution(purl, version, source, distribution) if version else ()
    return _identity(
        purl,
        version,
        written=str(purl),
        source=source,
        distribution=distribution.label,
        coordinates=coordinates,
        unevaluated=reason,
    )


def _of_distribution(purl: Purl, version: str, source: Source, distribution: Distribution) -> tuple[Coordinate, ...]:
    own = purl.name, built_from(purl.type, version), "package"
    by_source = own
    if source.name:
        by_source = source.name, source.version, "package" if source.name == purl.name else "source"
    known = distribution.release_known
    found: list[Coordinate] = []
    for ecosystem in distribution.ecosystems:
        base = ecosystem.partition(":")[0]
        names = [own] if base in _BY_BINARY else [by_source, own]
        if names[0][0] == names[-1][0]:
            del names[1:]
        for name, its_version, relation in names:
            ordered = _EPOCH.sub("", its_version, count=1) if base == _WITHOUT_EPOCH else its_version
            found.append(Coordinate(ecosystem, name, ordered, relation, known))
    return tuple(found)


def _identity(
    purl: Purl,
    version: str,
    *,
    written: str,
    source: Source = sources.UNKNOWN,
    distribution: str = "",
    coordinates: tuple[Coordinate, ...],
    unevaluated: str,
) -> Identity:
    namespace, name = _shown(purl.namespace, MAX_NAME), _shown(purl.name, MAX_NAME)
    return Identity(written, purl.type, namespace, name, version, *source, distribution, coordinates, unevaluated)


def _version(purl: Purl, given: str) -> str:
    version = _stated(purl.version) or _stated(_shown(given, MAX_VERSION))
    epoch = purl.qualifiers.get("epoch", "")
    if epoch and version and _EPOCH_NUMBER.fullmatch(epoch) and not _EPOCH.match(version):
        version = f"{epoch}:{version}"
    return version if len(version) <= MAX_VERSION else _shown(version, MAX_VERSION)


def _with_epoch_of(version: str, other: str) -> str:
    # The file name of a source rpm leaves out the epoch that it shares with what was built from it.
    epoch = _EPOCH.match(version)
    return f"{epoch[0]}{other}" if epoch and other and not _EPOCH.match(other) else other


def _stated(version: str) -> str:
    """Give '' for the words that tools put where they know no version."""
    return "" if version.lower() in _PLACEHOLDERS or "${" in version else version


def _shown(text: str, limit: int) -> str:
    """Give *text* without what cannot be stored; one that is too long keeps its beginning and a digest of the rest."""
    if len(text) <= limit and text.isprintable():
        return text.strip()
    clean = "".join([character if character.isprintable() else " " for character in text]).strip()
    if len(clean) <= limit:
        return clean
    digest = hashlib.blake2b(clean.encode(), digest_size=8).hexdigest()
    return f"{clean[: limit - 17]}~{digest}"

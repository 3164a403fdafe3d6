"""Who a component is: from what an SBOM says of it to what OSV and search need. Pure; never raises.

Equal identities are one component, whichever scanner listed it: what is the same is written the same (README.md).
A component has coordinates where OSV could speak of it, and a reason in `Identity.unevaluated` wherever an answer
would be less than certain. Coordinates never leave the component's own distribution: Debian's advisories say nothing
about Ubuntu's or SUSE's package of the same name.
"""

import hashlib
import re
from typing import Final

import msgspec

from service.purls import sources
from service.purls.canonical import BadPurl, Purl, named, parse
from service.purls.coordinates import PURL_PLACE, Coordinate, coordinates_of
from service.purls.distributions import Distribution, distribution_of
from service.purls.ecosystems import UNORDERED, registry_names
from service.purls.qualifiers import DISTRIBUTION_TYPES, distro_of, telling
from service.purls.repositories import GIT, REPOSITORY_TYPES, repository_of
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
#: A version without the packaging's release (``4.2.46`` of 4.2.46-34): coordinates stand, but what is between two
#: releases of one version cannot be told.
NO_RELEASE: Final = "no-release"
#: A layer of an image, named by its digest.
IMAGE_LAYER: Final = "image-layer"
#: Go's build tools leave the main module, and what is replaced by a folder, without a version of its own.
GO_DEVEL_VERSION: Final = "go-devel-version"
#: The language version that a go.mod asks for says nothing of the toolchain that built it.
GO_LANGUAGE_VERSION: Final = "go-language-version"
#: A Go module replaced by a folder (``../api``) is published nowhere.
GO_LOCAL_MODULE: Final = "go-local-module"

#: Characters of a name or namespace. With type and namespace it fits into one index entry of 2,704 bytes.
MAX_NAME: Final = 300
MAX_VERSION: Final = 400

#: Of `Identity.identified_by`.
BY_PURL: Final = "purl"
BY_CPE: Final = "cpe"
BY_DISTRIBUTION: Final = "name+distribution"
BY_NOTHING: Final = "none"

_PLACEHOLDERS: Final = frozenset(
    {"(unknown)", "latest", "n/a", "noassertion", "none", "null", "undefined", "unknown", "unspecified"}
)
_GO_DEVEL_VERSION: Final = "(devel)"
_GO_DEVEL: Final = frozenset({_GO_DEVEL_VERSION, "devel"})
_GO_SYNTHETIC = "-000000000000"
#: What stands for a main module's version where its repository has tags that the build did not look for.
_GO_UNTAGGED = re.compile(r"v0\.0\.0-\d{14}-[0-9a-f]{12}(?:\+dirty)?")
_GO_MAIN: Final = "golang-main"
#: Since 1.21 the first release of a minor version is 1.21.0, and 1.21 is only a language.
_GO_LANGUAGE = re.compile(r"1\.(\d+)")
_GO_FIRST_TOOLCHAIN: Final = 21
#: Packagings that append a release to every version.
_RELEASE: Final = {"apk": re.compile(r"-r\d"), "rpm": re.compile(r"-")}
_LAYER = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_GO_NUMBER = re.compile(r"\d+\.\d+\.\d")
_GO_OWN: Final = frozenset({"stdlib", "toolchain"})
_EPOCH = re.compile(r"\d+:")
_EPOCH_NUMBER = re.compile(r"[1-9]\d{0,8}")


class Identity(msgspec.Struct, frozen=True):
    """Who a component is. `purl`, `type` and `namespace` are '' where the document says no kind of package.

    `purl` is written from the identity: architecture and source are left out, the release is as we label it.
    `distribution` is ``debian:13``, ``alpine:v3.18``, ``fedora:40``, a bare ``debian``, or ''. `version` carries the
    epoch that a purl keeps in a qualifier. The source is '' where it is the package's own, or unknown. `unevaluated`
    is '' or one of this module's reasons, `identified_by` one of its `BY_…`.
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
    identified_by: str = BY_PURL


def identify(
    *,
    purl: str,
    name: str,
    version: str,
    cpes: tuple[str, ...] = (),
    package_type: str = "",
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
        package_type: Of a distribution's package without purl: the type that the document states for it elsewhere.
            ``golang-main`` for the module that a Go binary was built from.
        source_name: Of the distribution's source package, as the document says it outside the purl.
        source_version: The same.
        os_id: os-release's ID of what the document is about.
        os_version: Its VERSION_ID.
    """
    hint = Source(_shown(source_name, MAX_NAME), _shown(source_version, MAX_VERSION))
    parsed, by, reason = None, BY_PURL, NO_PURL
    if purl:
        try:
            parsed = parse(purl)
        except BadPurl:
            reason = BAD_PURL
    elif package_type in DISTRIBUTION_TYPES:
        parsed, by = _installed(package_type, name, os_id, os_version), BY_DISTRIBUTION
    if parsed is None:
        return _by_name(name, version, hint, cpes, reason)
    if parsed.type not in DISTRIBUTION_TYPES:
        stated = _version(parsed, version)
        if package_type == _GO_MAIN and _GO_UNTAGGED.fullmatch(stated):
            stated = _GO_DEVEL_VERSION
        return _published(parsed, stated, name)
    distribution = distribution_of(parsed.type, parsed.namespace, distro_of(parsed), os_id, os_version)
    if not parsed.namespace:
        parsed = parsed._replace(namespace=distribution.label.partition(":")[0])
    return _distributed(parsed, _version(parsed, version), hint, distribution, by)


def _installed(kind: str, name: str, os_id: str, os_version: str) -> Purl | None:
    """Write the purl of a package that is known by its package database and the system around it."""
    vendor = distribution_of(kind, "", "", os_id, os_version).label.partition(":")[0]
    shown = _shown(name, MAX_NAME)
    return named(kind, vendor, shown) if vendor and shown else None


def _by_name(name: str, version: str, hint: Source, cpes: tuple[str, ...], reason: str) -> Identity:
    shown = _shown(name, MAX_NAME), _stated(_shown(version, MAX_VERSION))
    by = BY_NOTHING
    if cpes:
        by, reason = BY_CPE, NO_ECOSYSTEM if reason == NO_PURL else reason
    elif not version and _LAYER.fullmatch(name):
        reason = IMAGE_LAYER
    return Identity("", "", "", *shown, hint.name, hint.version, "", (), reason, by)


def _published(purl: Purl, version: str, name: str) -> Identity:
    """Identify a package of a registry, or of none."""
    if purl.type in _NAMED_IN_CASE:
        purl = _as_named(purl, name)
    if purl.type == "golang":
        version = _go_version(purl, version)
    names = registry_names(purl, version)
    reason = _registry_problem(purl, names, version)
    coordinates = [Coordinate(ecosystem, own, version, "package", True) for ecosystem, own in names]
    if version and not names and purl.type not in REPOSITORY_TYPES:
        coordinates = [Coordinate(f"{PURL_PLACE}:{purl.type}", purl.path, version, "package", True)]
    if reason == GO_LANGUAGE_VERSION and int(version.partition(".")[2]) < _GO_FIRST_TOOLCHAIN:
        # The first toolchain of that line had the same name.
        coordinates = [Coordinate(*names[0], version, "package", False)]
    elif reason not in ("", NO_ORDERING, NO_ECOSYSTEM):
        coordinates = []
    if repository := repository_of(purl, version):
        coordinates.append(Coordinate(GIT, *repository, "package", True))
        reason = NO_ORDERING if reason == NO_ECOSYSTEM else reason
    elif purl.type == "generic" and version and not purl.namespace:
        # OSV reads it so, but a bare name is a guess.
        coordinates.append(Coordinate("OSS-Fuzz", purl.name, version, "package", False))
    written = purl.written(version, telling(purl))
    return _identity(purl, version, written=written, coordinates=tuple(coordinates), unevaluated=reason)


#: Registries that tell names apart by case, although some tools write purls in lower case (trivy for Go).
_NAMED_IN_CASE: Final = frozenset({"golang", "npm"})


def _as_named(purl: Purl, name: str) -> Purl:
    """Take the name's own case and end from the component, where the purl has lost them."""
    path = purl.path
    # Older syft files the end of a module's path as a subpath: github.com/cespare/xxhash#v2. Elsewhere a subpath is a
    # folder within the module; the component's own name tells which.
    ended = purl.type == "golang" and purl.subpath and name == f"{path}/{purl.subpath}"
    if not ended and (name == path or name.lower() != path.lower()):
        return purl
    namespace, _, last = _shown(name, MAX_NAME).rpartition("/")
    return purl._replace(namespace=namespace, name=last, subpath="" if ended else purl.subpath)


def _go_version(purl: Purl, version: str) -> str:
    # Modules' versions begin with a v, those of Go itself do not; some tools leave it out, or write go1.21.1.
    if purl.name in _GO_OWN and not purl.namespace:
        return version.removeprefix("go").removeprefix("v")
    return f"v{version}" if _GO_NUMBER.match(version) else version


def _registry_problem(purl: Purl, names: tuple[tuple[str, str], ...], version: str) -> str:
    if not names:
        return NO_ECOSYSTEM
    if purl.type == "golang" and purl.path.startswith("."):
        return GO_LOCAL_MODULE
    if not version:
        return NO_VERSION
    if purl.type == "golang" and (version in _GO_DEVEL or version.endswith(_GO_SYNTHETIC)):
        return GO_DEVEL_VERSION
    if purl.type == "golang" and not purl.namespace and purl.name in _GO_OWN and _GO_LANGUAGE.fullmatch(version):
        return GO_LANGUAGE_VERSION
    return NO_ORDERING if names[0][0] in UNORDERED else ""


def _distributed(purl: Purl, version: str, hint: Source, distribution: Distribution, by: str) -> Identity:
    """Identify a distribution's package, by its source and by its own name."""
    source = _source(purl, version, hint, distribution.label)
    release = _RELEASE.get(purl.type)
    whole = release is None or bool(release.search(version))
    reason = ""
    if not version:
        reason = NO_VERSION
    elif not distribution.ecosystems:
        reason = NO_ECOSYSTEM if distribution.label else UNKNOWN_DISTRIBUTION
    elif not distribution.release_known:
        reason = UNKNOWN_RELEASE
    elif not whole:
        reason = NO_RELEASE
    known = (distribution.release_known or not distribution.ecosystems) and whole
    return _identity(
        purl,
        version,
        written=_written(purl, version, distribution.label),
        source=source,
        distribution=distribution.label,
        coordinates=coordinates_of(purl, version, source, distribution, known=known) if version else (),
        unevaluated=reason,
        by=by,
    )


def _source(purl: Purl, version: str, hint: Source, distribution: str) -> Source:
    """Find the source package; `UNKNOWN` where it is the package's own, as scanners say or leave to be understood."""
    source = source_of(purl, hint, distribution)
    if not source.name:
        return source
    own = built_from(purl.type, version)
    of_source = _with_epoch_of(purl, version, _no_zero(source.version)) or own
    source = Source(_shown(source.name, MAX_NAME), _shown(of_source, MAX_VERSION))
    return sources.UNKNOWN if source == (purl.name, own) else source


def _written(purl: Purl, version: str, label: str) -> str:
    qualifiers = telling(purl)
    if label != purl.namespace and label:
        qualifiers["distro"] = label.replace(":v", "-").replace(":", "-")
    epoch = _EPOCH.match(version) if purl.type == "rpm" else None
    if epoch:
        qualifiers["epoch"], version = epoch[0][:-1], version[epoch.end() :]
    return purl.written(version, qualifiers)


def _identity(
    purl: Purl,
    version: str,
    *,
    written: str,
    source: Source = sources.UNKNOWN,
    distribution: str = "",
    coordinates: tuple[Coordinate, ...],
    unevaluated: str,
    by: str = BY_PURL,
) -> Identity:
    namespace, name = _shown(purl.namespace, MAX_NAME), _shown(purl.name, MAX_NAME)
    return Identity(written, purl.type, namespace, name, version, *source, distribution, coordinates, unevaluated, by)


def _version(purl: Purl, given: str) -> str:
    version = _stated(purl.version) or _stated(_shown(given, MAX_VERSION))
    epoch = purl.qualifiers.get("epoch", "")
    if epoch and version and _EPOCH_NUMBER.fullmatch(epoch) and not _EPOCH.match(version):
        version = f"{epoch}:{version}"
    if purl.type in DISTRIBUTION_TYPES:
        version = _no_zero(version)
    return version if len(version) <= MAX_VERSION else _shown(version, MAX_VERSION)


def _no_zero(version: str) -> str:
    # 0:1.2-3 is 1.2-3 to dpkg and rpm alike.
    return version.removeprefix("0:")


def _with_epoch_of(purl: Purl, version: str, other: str) -> str:
    # The file name of a source rpm leaves out the epoch that it shares with what was built from it.
    epoch = _EPOCH.match(version) if purl.type == "rpm" else None
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

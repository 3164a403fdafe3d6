"""What tools say beside the standard: source packages, CPEs, distributions and development scopes."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from service.sbom.document import OperatingSystem, Scope

# trivy's SPDX: "built package from: xz-utils 5.6.1-1". syft's "acquired package info from ..." names files instead.
_BUILT_FROM = re.compile(r"built package from:\s+(\S+)(?:\s+(\S+))?")

#: Names as os-release writes them for people, and the ID that belongs to them.
_PRETTY_NAMES = {
    "AlmaLinux": "almalinux",
    "Alpine Linux": "alpine",
    "Amazon Linux": "amzn",
    "CentOS Linux": "centos",
    "Debian GNU/Linux": "debian",
    "Distroless - Debian GNU/Linux": "debian",
    "Fedora Linux": "fedora",
    "Oracle Linux Server": "ol",
    "Red Hat Enterprise Linux": "rhel",
    "Red Hat Enterprise Linux Server": "rhel",
    "Rocky Linux": "rocky",
    "SUSE Linux Enterprise Server": "sles",
    "Ubuntu": "ubuntu",
    "VMware Photon OS/Linux": "photon",
    "openSUSE Leap": "opensuse-leap",
}
_PRETTY = re.compile(r"(?P<name>[A-Z a-z/-]+?) v?(?P<release>\d+(?:\.\d+)*)(?: SP(?P<pack>\d+))?(?:[ ;].*)?")

_TRIVY_NAME = "aquasecurity:trivy:SrcName"
_TRIVY_VERSION = tuple(f"aquasecurity:trivy:Src{part}" for part in ("Version", "Release", "Epoch"))
_SYFT = "syft:metadata:"
_SYFT_RPM, _SYFT_SOURCE, _SYFT_VERSION, _SYFT_ORIGIN = (
    f"{_SYFT}{part}" for part in ("sourceRpm", "source", "sourceVersion", "originPackage")
)
_SYFT_MAIN_MODULE = f"{_SYFT}mainModule"
#: Of `Component.package_type`: the module that a Go binary was built from, whose version its build made up.
GO_MAIN_MODULE = "golang-main"
#: The property in which syft gives a further CPE.
SYFT_CPE = "syft:cpe23"

# The CycloneDX property taxonomy and what generators write; the value "true" makes it a development dependency.
_DEV_FLAGS = (":development", ":isDevRequirement", ":isDevDependency", ":dev")
# Those whose value names the group or scope.
_GROUPS = (":poetry:group", ":pipenv:category", ":pyproject:group", ":component_scope")
_SCOPES = {
    "dev": Scope.DEV,
    "develop": Scope.DEV,
    "development": Scope.DEV,
    "packaged": Scope.PACKAGED,  # by our own exports
    "test": Scope.TEST,
    "tests": Scope.TEST,
}
_FLAG = {"true": Scope.DEV}
_LONGEST_ENDING = max(map(len, _DEV_FLAGS + _GROUPS))


# The BSI's taxonomy for TR-03183-2, and the file names of two others.
_STATED = {
    "bsi:component:filename": "filename",
    "aboutcode:filename": "filename",
    "siemens:filename": "filename",
    "bsi:component:executable": "executable",
    "bsi:component:archive": "archive",
    "bsi:component:structured": "structured",
}
#: Nearly no component has one of them, and every component is asked.
STATING = frozenset(_STATED)


def stated_in(properties: Mapping[str, str]) -> tuple[str, ...]:
    """Name what properties say of the file that a component is; see `Component.stated`."""
    return tuple(dict.fromkeys(word for name, word in _STATED.items() if properties.get(name)))


def source_from_info(info: str) -> tuple[str, str]:
    """Read SPDX ``sourceInfo``: the source package's name and version, or empty."""
    match = _BUILT_FROM.match(info)
    return (match[1], match[2] or "") if match else ("", "")


def source_from_properties(properties: Mapping[str, str]) -> tuple[str, str]:
    """Read CycloneDX properties of trivy and syft: the source package's name and version, or empty."""
    if name := properties.get(_TRIVY_NAME):
        return name, _rpm_version(properties)
    if rpm := properties.get(_SYFT_RPM):
        return _of_source_rpm(rpm)
    if name := properties.get(_SYFT_SOURCE):
        return name, properties.get(_SYFT_VERSION, "")
    return properties.get(_SYFT_ORIGIN, ""), ""


def package_type_from_properties(name: str, properties: Mapping[str, str]) -> str:
    """Tell a Go binary's main module, which syft names beside each of the binary's modules, from the others."""
    return GO_MAIN_MODULE if properties.get(_SYFT_MAIN_MODULE) == name else ""


def cpes_from_properties(properties: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Read the CPEs that syft writes into CycloneDX properties, one property of the same name for each."""
    return tuple(value for name, value in properties if name == SYFT_CPE and value.startswith("cpe:"))


def system_from_pretty_name(name: str) -> OperatingSystem | None:
    """Read ``Debian GNU/Linux 11 (bullseye)``; None where it names no distribution's release that we know."""
    said = _PRETTY.fullmatch(name)
    if said is None or said["name"] not in _PRETTY_NAMES:
        return None
    release = f"{said['release']}.{said['pack']}" if said["pack"] else said["release"]
    return OperatingSystem(id=_PRETTY_NAMES[said["name"]], version=release)


def _rpm_version(properties: Mapping[str, str]) -> str:
    version, release, epoch = (properties.get(name, "") for name in _TRIVY_VERSION)
    if epoch not in ("", "0"):
        version = f"{epoch}:{version}"
    return f"{version}-{release}" if release and version else version


def _of_source_rpm(file: str) -> tuple[str, str]:
    """Split ``perl-5.32.1-481.el9.src.rpm``; the name may contain dashes, version and release may not."""
    parts = re.sub(r"\.(no)?src\.rpm$", "", file).rsplit("-", 2)
    return (parts[0], f"{parts[1]}-{parts[2]}") if len(parts) == 3 else (file, "")  # noqa: PLR2004 - name, version, release


def scope_from_properties(properties: Mapping[str, str]) -> Scope | None:
    """Tell whether the properties make a component a development or test dependency."""
    for name, value in properties.items():
        values = _scopes_by(name[-_LONGEST_ENDING:])
        if values and (scope := values.get(value.lower())):
            return scope
    return None


@lru_cache(maxsize=1024)
def _scopes_by(ending: str) -> dict[str, Scope]:
    """Give the scopes that a property whose name ends so has values for; those in a document are few."""
    return _FLAG if ending.endswith(_DEV_FLAGS) else _SCOPES if ending.endswith(_GROUPS) else {}

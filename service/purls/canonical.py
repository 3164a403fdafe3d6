"""Package URLs read with tolerance and written in one form.

The splitting is ours rather than packageurl-python's: that one folds npm names to lower case, where OSV keeps
``JSONStream`` apart, reads ``%40scope%2Fname`` as one name, and takes four times as long. Otherwise the two agree, and
a test on real purls holds them together.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from service.errors import Unreadable

#: Characters; a longer purl names nothing that a registry would accept.
MAX_PURL = 4_000
#: The same of a name with its namespace. At four bytes each it fits into one index entry of 2,704 bytes.
MAX_PATH = 600

#: Types that tools have used for packages of another type: (type, namespace when none is given).
_TYPES = {
    "alpine": ("apk", "alpine"),
    "arch": ("alpm", "arch"),
    "debian": ("deb", "debian"),
    "dotnet": ("nuget", ""),
    "dotnet-core": ("nuget", ""),
    "githubactions": ("github", ""),
    "ubuntu": ("deb", "ubuntu"),
}

#: Namespaces that name the release too; the vendor's name alone would lose it.
_ROLLING = {"opensuse-tumbleweed": "opensuse-tumbleweed", "opensuse.tumbleweed": "opensuse-tumbleweed"}

#: Vendors of distribution packages under their other names. os-release, purl types and scanners each have their own.
VENDORS = {
    "alma": "almalinux",
    "amzn": "amazon",
    "azure-linux": "azurelinux",
    "cbl-mariner": "azurelinux",
    "mariner": "azurelinux",
    "ol": "oracle",
    "oraclelinux": "oracle",
    "opensuse-leap": "opensuse",
    "opensuse.leap": "opensuse",
    "opensuse-tumbleweed": "opensuse",
    "opensuse.tumbleweed": "opensuse",
    "photon-os": "photon",
    "red-hat": "redhat",
    "rhel": "redhat",
    "rocky-linux": "rocky",
    "rockylinux": "rocky",
    "sle": "suse",
    "sled": "suse",
    "sles": "suse",
}

_LOWER_NAMESPACE = frozenset(
    {"alpm", "apk", "bitbucket", "composer", "deb", "github", "gitlab", "hex", "luarocks", "pypi", "rpm"}
)
_LOWER_NAME = frozenset(
    {"alpm", "apk", "bitbucket", "bitnami", "composer", "deb", "github", "gitlab", "hex", "luarocks", "oci", "pypi"}
)
_VENDORED = frozenset({"deb", "rpm", "apk"})

#: Qualifiers that number a component within its document (syft): they would make every upload's components new ones.
_VOLATILE = frozenset({"package-id"})

_TYPE = re.compile(r"[a-z][a-z0-9.-]{0,63}")
_KEY = re.compile(r"[a-z][a-z0-9._-]*")
_PLAIN = re.compile(r"[A-Za-z0-9._~:/-]*")
_NOT_PUB = re.compile(r"[^a-z0-9]")


class BadPurl(Unreadable):
    """The package URL cannot be read."""

    slug = "bad-purl"


class Purl(NamedTuple):
    """A package URL in parts, decoded and in canonical case. Absent parts are ''."""

    type: str
    namespace: str
    name: str
    version: str
    qualifiers: dict[str, str]
    subpath: str

    @property
    def path(self) -> str:
        """The name with its namespace, as most registries write it."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return self.written(self.version, self.qualifiers)

    def written(self, version: str, qualifiers: dict[str, str]) -> str:
        """Write it with another version and other qualifiers."""
        path = self.path
        if not _PLAIN.fullmatch(path + version):
            path, version = _encoded(path), _encoded(version)
        text = f"pkg:{self.type}/{path}@{version}" if version else f"pkg:{self.type}/{path}"
        if qualifiers:
            text += "?" + "&".join([f"{key}={_encoded(qualifiers[key])}" for key in sorted(qualifiers)])
        return f"{text}#{_encoded(self.subpath)}" if self.subpath else text


def canonical(purl: str) -> str:
    """Write *purl* in the one form that equal packages share.

    Raises:
        BadPurl: It names no package.
    """
    return str(parse(purl))


def parse(purl: str) -> Purl:
    """Read a package URL as scanners write it: scheme in any case, ``+`` raw or encoded, scopes encoded or not.

    Raises:
        BadPurl: It names no package, or holds what cannot be shown.
    """
    if len(purl) > MAX_PURL or not purl.isprintable():
        raise BadPurl("The package URL is too long or holds control characters.")
    scheme, _, rest = purl.strip().partition(":")
    if scheme.lower() != "pkg":
        raise BadPurl("A package URL begins with pkg:.")
    rest, _, subpath = rest.lstrip("/").partition("#")
    rest, _, qualifiers = rest.partition("?")
    kind, _, path = rest.partition("/")
    kind = kind.lower()
    if not _TYPE.fullmatch(kind):
        raise BadPurl("A package URL names its type: pkg:type/name@version.")
    path, version = _split_version(path)
    segments = [segment for segment in _decoded(path).split("/") if segment.strip()]
    if not segments or segments[-1].lstrip().startswith("@"):
        raise BadPurl("A package URL names a package: pkg:type/name@version.")
    *namespaces, name = segments
    if sum(map(len, segments)) + len(namespaces) > MAX_PATH:
        raise BadPurl("The package URL's name is too long.")
    if not version and name.find("@") > 0:  # pkg:golang/example.com/xz%40v0.5.9
        name, _, version = name.partition("@")
    said = _qualifiers(qualifiers)
    if kind == "rpm" and namespaces and (rolling := _ROLLING.get(namespaces[0].lower())):
        said.setdefault("distro", rolling)
    kind, namespace, name = _folded(kind, "/".join(namespaces), name.strip())
    return Purl(kind, namespace, name, _decoded(version).strip(), said, _subpath(subpath))


def named(kind: str, namespace: str, name: str) -> Purl:
    """Make the package URL of a package whose parts are known."""
    return Purl(*_folded(kind, namespace, name), "", {}, "")


def _split_version(path: str) -> tuple[str, str]:
    head, at, version = path.rpartition("@")
    # The @ of an npm scope opens its segment; that of a version never does.
    return (head, version) if at and head and not head.endswith("/") else (path, "")


def _folded(kind: str, namespace: str, name: str) -> tuple[str, str, str]:
    if kind in _TYPES:
        kind, default = _TYPES[kind]
        namespace = namespace or default
    if kind in _LOWER_NAMESPACE:
        namespace = namespace.lower()
    if kind in _LOWER_NAME:
        name = name.lower()
    if kind in _VENDORED:
        namespace = VENDORS.get(namespace, namespace)
    elif kind == "pypi":
        name = name.replace("_", "-")
    elif kind == "pub":
        name = _NOT_PUB.sub("_", name.lower())
    return kind, namespace, name


def _qualifiers(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in text.split("&") if text else ():
        key, _, value = pair.partition("=")
        key = key.strip().lower()
        if value and key not in _VOLATILE and _KEY.fullmatch(key):
            found.setdefault(key, _decoded(value))
    return found


def _subpath(text: str) -> str:
    return "/".join([part for part in _decoded(text).split("/") if part not in ("", ".", "..")]) if text else ""


def _decoded(text: str) -> str:
    if "%" not in text:
        return text
    decoded = unquote(text)  # A plus is a plus: purls are no forms.
    if not decoded.isprintable():
        raise BadPurl("The package URL encodes control characters.")
    return decoded


@lru_cache(maxsize=8_192)
def _encoded_slowly(text: str) -> str:
    return quote(text, safe="/:")


def _encoded(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else _encoded_slowly(text)

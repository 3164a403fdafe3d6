"""Which of a distribution's builds a package is, where one name and release has several. Pure.

A module of Red Hat's kind (AlmaLinux, Rocky Linux, CentOS, Oracle) builds the same package once for each of its
streams, and beside them there may be an ordinary package of that name: nodejs 16 and 18 in one release, each fixed on
its own. Ubuntu Pro rebuilds what Ubuntu no longer maintains.

A build is written ``''`` for the ordinary one, ``esm`` for Ubuntu Pro's, and ``stream/line`` for a module's: the stream
as ``nodejs:18``, '' where nobody names it; the line is how its versions begin, ending in a dot.
"""

import re
from collections.abc import Mapping
from typing import Final

#: Of a component that Ubuntu Pro built.
ESM: Final = "esm"
#: Of an advisory: what was not built by Ubuntu Pro, and so lacks its fixes.
STANDARD: Final = "standard"

_ESM = re.compile(r"[~+]esm\d")
#: ``16.20.2-8.module_el8.10.0+3892+7d9d6b0a`` at AlmaLinux, ``.module+el8…`` elsewhere.
_MODULE = re.compile(r"[.~]module[_+]")
_EPOCH = re.compile(r"\d+:")
_LINE = re.compile(r"\d+(?:\.\d+)?")
#: syft's qualifier, and trivy's.
_LABELS: Final = ("rpmmod", "modularitylabel", "modularity")
#: ``nodejs:18:8060020220523160029:ad008a3a``; what follows the stream is one build of it.
_LABEL = re.compile(r"([^:/\s]{1,80}:[^:/\s]{1,40})(?::.*)?")


def is_module_build(version: str) -> bool:
    """Tell whether an rpm's version says that a module built it."""
    return _MODULE.search(version) is not None


def without_module(version: str) -> str:
    """Give the version and release that all builds of the same source share: ``16.20.2-8``."""
    return _MODULE.split(version, maxsplit=1)[0]


def line_of(version: str, stream: str = "") -> str:
    """Tell how versions of the same line begin: ``18.`` in the stream ``nodejs:18``, otherwise ``16.20.``."""
    upstream = _EPOCH.sub("", version, count=1)
    number = stream.partition(":")[2]
    if number and number.replace(".", "").isdecimal() and f"{upstream}.".startswith(f"{number}."):
        return f"{number}."
    found = _LINE.match(upstream)
    return f"{found[0]}." if found else upstream


def build_of(kind: str, version: str, qualifiers: Mapping[str, str]) -> str:
    """Tell which build a component is.

    Args:
        kind: The purl's type.
        version: With the distribution's release.
        qualifiers: The purl's.
    """
    if kind == "deb":
        return ESM if _ESM.search(version) else ""
    if kind != "rpm":
        return ""
    label = next((found[1] for key in _LABELS if (found := _LABEL.fullmatch(qualifiers.get(key, "")))), "")
    if not label and not is_module_build(version):
        return ""
    upstream = _EPOCH.sub("", version, count=1).partition("-")[0]
    return f"{label}/{upstream[:100]}."

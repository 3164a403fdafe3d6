"""What upstream calls the version that a packaging displays, and one order over such versions.

``1:5.6.1-1ubuntu2`` is upstream's 5.6.1. Distributions that step back without lowering their version number say so
inside it: ``5.6.1+really5.4.5-1`` contains 5.4.5, ``5.6.1.revertto5.4`` contains 5.4. Comparing what is displayed
would count exactly the fixed builds as affected. Pure.
"""

import re
from functools import lru_cache
from typing import NamedTuple

#: Packagings that append a release of their own to upstream's version. '' is a component without purl: most of
#: these come from tools that read a distribution's package database.
_RELEASED = frozenset({"deb", "rpm", "apk", "alpm", "alpine", "ebuild", "opkg", ""})

_EPOCH = re.compile(r"^\d+[:!]")
_RELEASE = {"apk": re.compile(r"-r\d+$"), "alpine": re.compile(r"-r\d+$"), "": re.compile(r"-r?\d[^-]*$")}
_ANY_RELEASE = re.compile(r"-[^-]*$")
_STEPPED_BACK = re.compile(r"[+.~-]?(?:really|revertto)[.-]?(?=\d)")
_REPACKED = re.compile(r"[+~.-]*(?:dfsg|ds\d|repack|nmu|deb\d|bpo\d|ubuntu).*$")
_BEFORE_RELEASE = frozenset({"alpha", "beta", "a", "b", "c", "rc", "pre", "preview", "dev", "snapshot", "m", "cr"})
_PARTS = re.compile(r"[0-9]+|~?[a-z]+|~")
_LEADING_V = re.compile(r"^[vV](?=\d)")

# Places in the order of what may follow a number: a pre-release, nothing, letters (1.1.1k), a further number.
_PRE, _END, _LETTERS, _NUMBER = range(4)

Key = tuple[tuple[int, int, str], ...]


class Upstream(NamedTuple):
    """Upstream's version of what is inside, and the one that is shown; they differ where a packaging stepped back."""

    version: str
    shown: str

    @property
    def stepped_back(self) -> bool:
        """Tell whether the displayed version hides an older one."""
        return self.version != self.shown


@lru_cache(maxsize=65_536)
def upstream_of(purl_type: str, displayed: str) -> Upstream:
    """Strip epoch, packaging release and repacking marks; follow a "really" or "revertto"."""
    version = _LEADING_V.sub("", _EPOCH.sub("", displayed, count=1), count=1)
    if purl_type in _RELEASED:
        version = _RELEASE.get(purl_type, _ANY_RELEASE).sub("", version)
    shown, *older = (_plain(part) for part in _STEPPED_BACK.split(version))
    return Upstream(older[-1] if older else shown, shown)


def _plain(version: str) -> str:
    return _REPACKED.sub("", version).partition("+")[0] or version


@lru_cache(maxsize=65_536)
def upstream_key(version: str) -> Key:
    """Give a key whose order is that of upstream versions, whoever packages them.

    Numbers compare as numbers, ``5.6`` equals ``5.6.0``, alpha, beta, rc and ``~`` come before the release, other
    letters after it (``1.1.1k``). Build metadata after ``+`` does not count.
    """
    parts = _PARTS.findall(version.lower().partition("+")[0])
    key: list[tuple[int, int, str]] = []
    for part in parts:
        if part.isdigit():
            digits = part.lstrip("0")
            key.append((_NUMBER, len(digits), digits))
            continue
        _drop_zeros(key)
        key.append((_PRE if _is_pre(part, version) else _LETTERS, 0, part.lstrip("~")))
    _drop_zeros(key)
    return (*key, (_END, 0, ""))


def _is_pre(part: str, version: str) -> bool:
    # A single letter at the very end is a patch level (openssl 1.0.2b); followed by a number it is a pre-release.
    return part[0] == "~" or (part in _BEFORE_RELEASE and (len(part) > 1 or not version.lower().endswith(part)))


def _drop_zeros(key: list[tuple[int, int, str]]) -> None:
    while len(key) > 1 and key[-1][:2] == (_NUMBER, 0) and key[-2][0] == _NUMBER:
        key.pop()


def begins_with(purl_type: str, displayed: str, prefix: str) -> bool:
    """Tell whether a version begins with *prefix* at a boundary: ``5.6`` is ``5.6.1`` but not ``5.60``.

    Upstream's version counts. The displayed one counts too where it does not hide an older one, or where the
    prefix itself spells that out.
    """
    wanted = _LEADING_V.sub("", prefix, count=1)
    upstream = upstream_of(purl_type, displayed)
    if _is_prefix(wanted, upstream.version):
        return True
    if upstream.stepped_back and not _STEPPED_BACK.search(wanted):
        return False
    return seems_to_begin_with(displayed, prefix)


def seems_to_begin_with(displayed: str, prefix: str) -> bool:
    """Tell whether a reader who knows no packaging rules would say that the version begins with *prefix*."""
    wanted = _LEADING_V.sub("", prefix, count=1)
    return _is_prefix(wanted, _LEADING_V.sub("", displayed, count=1)) or _is_prefix(wanted, _EPOCH.sub("", displayed))


def _is_prefix(prefix: str, version: str) -> bool:
    if not version.startswith(prefix):
        return False
    following = version[len(prefix) : len(prefix) + 1]
    return not (following.isdigit() and prefix[-1:].isdigit())

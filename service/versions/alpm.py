"""Arch Linux's versions, ``[epoch:]version[-pkgrel]``: as rpm's, but letters right behind a number sort below it.

``1.0rc1`` < ``1.0`` < ``1.0.1``, where rpm has ``1.0`` < ``1.0rc1``.

Source: pacman's alpm_pkg_vercmp(), "we never want a remaining alpha string to beat an empty string".
"""

import re

from service.versions.rpm import rpm_key

_ATTACHED = re.compile(r"(?<=[0-9])(?=[A-Za-z])")


def alpm_key(version: str) -> bytes:
    """Encode epoch, version and release; any text has an order, so nothing is refused."""
    # rpm's tilde is the same rule: what follows it sorts below the end.
    return rpm_key(_ATTACHED.sub("~", version))

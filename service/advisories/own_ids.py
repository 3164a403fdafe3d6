"""What our own advisories may be called. Pure.

OSV's schema keeps a prefix for each public database, and ``x_`` for everybody else. An own advisory under a public
prefix would hide the public one when that comes: a feed never replaces what is ours. Names of other shapes
(``ACME-2024-1``) were always taken; they still are, with a word about it.

Source: OSV schema 1.7, "id, modified fields", and the pattern of its JSON schema.
"""

import re
from typing import Final

from service.errors import Conflict

#: Home databases of the schema, and further ones that feeds are known to carry.
PUBLIC_PREFIXES: Final = (
    "ALBA", "ALEA", "ALPINE", "ALSA", "ASB-A", "AZL", "BELL", "BIT", "CGA", "CLEANSTART", "CLSA", "CURL", "CVE",
    "DEBIAN", "DHI", "DLA", "DRUPAL", "DSA", "DTSA", "ECHO", "EEF", "ELA", "FreeBSD", "GHSA", "GO", "GSD", "HSEC",
    "JLSEC", "KUBE", "LBSEC", "LSN", "MAL", "MGASA", "MINI", "OESA", "OSEC", "OSV", "PHSA", "PSF", "PUB-A", "PYSEC",
    "RHBA", "RHEA", "RHSA", "RLSA", "ROOT", "RSEC", "RUSTSEC", "RXSA", "SUSE-FU", "SUSE-OU", "SUSE-RU", "SUSE-SU",
    "UBUNTU", "USN", "V8", "openSUSE-SU",
)  # fmt: skip

#: Everybody reads these two in any case; the others are words that may begin an id of one's own (``go-live-1``).
_PUBLIC = re.compile(rf"(?:(?i:CVE|GHSA)|{'|'.join(map(re.escape, PUBLIC_PREFIXES))})-")
_PRIVATE: Final = "x_"
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


class PublicId(Conflict):
    """This id belongs to a public database."""

    slug = "public-id"


def is_public(osv_id: str) -> bool:
    """Tell whether an id has the prefix of a public database."""
    return _PUBLIC.match(osv_id) is not None


def is_private(osv_id: str) -> bool:
    """Tell whether an id has the form that the schema gives to private databases."""
    return osv_id.startswith(_PRIVATE) and len(osv_id) > len(_PRIVATE)


def suggested_id(osv_id: str, *, year: int) -> str:
    """Give an id of the right form in place of one that is not."""
    if is_public(osv_id):
        stated = _YEAR.search(osv_id)
        return f"{_PRIVATE}ACME-{stated[0] if stated else year}-0001"
    return f"{_PRIVATE}{osv_id}"


def refuse_public(osv_id: str, *, year: int) -> None:
    """Refuse an id of a public database for an advisory that is new.

    Raises:
        PublicId: It has a public prefix.
    """
    if is_public(osv_id):
        suggestion = suggested_id(osv_id, year=year)
        raise PublicId(
            f"{osv_id} is the kind of id that a public database gives out, and ours would hide theirs. Publish it as"
            f' {suggestion} (x_, then your own) with "aliases": ["{osv_id}"]; both are then one vulnerability.',
            suggestion=suggestion,
        )

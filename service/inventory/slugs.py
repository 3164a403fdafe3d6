"""Slugs: the names of products in addresses. Any name can be turned into one."""

import re
import unicodedata
from hashlib import sha256

LONGEST = 100
_SLUG = re.compile(r"(?=[._-]*[a-z0-9])[a-z0-9_-][a-z0-9._-]{0,99}")
_OTHER = re.compile(r"[^a-z0-9._-]+")


def slugify(name: str) -> tuple[str, str]:
    """Turn a name into (slug, title).

    A slug is ``[a-z0-9._-]{1,100}`` and stays as it is. Spaces and signs become dashes, accents are dropped. Where
    letters would be lost (other scripts, very long names) a digest keeps different names apart.
    """
    title = " ".join(name.split())
    if _SLUG.fullmatch(title):
        return title, title
    folded = unicodedata.normalize("NFKD", title).lower()
    plain = "".join(sign for sign in folded if not unicodedata.combining(sign))
    slug = _OTHER.sub("-", plain).strip("-.")
    if any(sign.isalnum() and not sign.isascii() for sign in plain) or not _SLUG.fullmatch(slug):
        digest = sha256(title.encode()).hexdigest()[:8]
        slug = f"{slug[: LONGEST - 9].rstrip('-.')}-{digest}".lstrip("-.")
    return slug, title

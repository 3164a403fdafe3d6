"""Repositories of source code: what OSV means by ``GIT``, and which of them a purl names.

Without the graph of commits only what is written counts: a tag that a record lists, or a commit that it names.
"""

import re
from typing import Final

from service.purls.canonical import Purl

GIT: Final = "GIT"

_HOSTS: Final = {"bitbucket": "bitbucket.org", "github": "github.com", "gitlab": "gitlab.com"}
#: Types that name a repository and nothing else.
REPOSITORY_TYPES: Final = frozenset(_HOSTS)
#: Their paths are not case-sensitive.
_CASELESS: Final = frozenset(_HOSTS.values())

_SCHEME = re.compile(r"(?:[a-z]+\+)?(?:[a-z]+:)?//", re.IGNORECASE)
_USER = re.compile(r"[^/@]*@")
_NUMBERED_TAG = re.compile(r"v\d")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.IGNORECASE)


def repository_name(address: str) -> str:
    """Write a repository's address as ``host/path``, whatever its scheme: ``github.com/curl/curl``.

    The host is in lower case, and the path where the host does not tell paths apart by case.
    """
    scheme = _SCHEME.match(address)
    rest = _USER.sub("", address[scheme.end() if scheme else 0 :], count=1)
    host, slash, path = rest.partition("/")
    if not scheme and ":" in host:  # git@github.com:curl/curl.git
        host, _, start = host.partition(":")
        path, slash = f"{start}{slash}{path}", "/"
    host = host.lower()
    path = path.rstrip("/").removesuffix(".git")
    return f"{host}{slash}{path.lower() if host in _CASELESS else path}".rstrip("/")


def revision(text: str) -> str:
    """Write a tag or a commit as it is compared: commits in lower case, tags without the ``v`` before a number.

    The same release is ``v1.2.11`` to its repository and ``1.2.11`` to most who list it.
    """
    if _COMMIT.fullmatch(text):
        return text.lower()
    return text[1:] if _NUMBERED_TAG.match(text) else text


def repository_of(purl: Purl, version: str) -> tuple[str, str] | None:
    """Give (``host/path``, tag or commit) of the repository that a purl names; None where it names none.

    ``pkg:github/curl/curl@curl-8_4_0``, or a ``vcs_url`` with a revision (``git+https://host/path@commit``). A generic
    package's own version serves as the tag where its ``vcs_url`` has none.
    """
    if purl.type in _HOSTS and purl.namespace and version:
        return repository_name(f"{_HOSTS[purl.type]}/{purl.path}"), revision(version)
    stated = purl.qualifiers.get("vcs_url") if purl.qualifiers else None
    if not stated:
        return None
    address, _, ref = stated.partition("#")[0].rpartition("@")
    if "/" in ref or not address:  # the @ of a user: git@host:path
        address, ref = stated.partition("#")[0], ""
    if not ref and purl.type == "generic":
        ref = version
    name = repository_name(address)
    return (name, revision(ref)) if ref and "/" in name else None

"""The place that a purl without version names: for advisories of our own about what OSV has no ecosystem for. Pure."""

from service.purls.canonical import BadPurl, Purl, parse
from service.purls.coordinates import PURL_PLACE
from service.purls.distributions import distribution_of
from service.purls.ecosystems import normalise_name, registry_names
from service.purls.qualifiers import DISTRIBUTION_TYPES, distro_of, telling
from service.purls.repositories import REPOSITORY_TYPES


def place_of_purl(purl: str) -> tuple[str, str] | None:
    """Give (ecosystem, normalised name) of the packages that *purl* names, or None.

    ``pkg:pypi/flask`` is PyPI's, ``pkg:deb/debian/xz-utils?distro=debian-13`` Debian 13's; ``pkg:rpm/fedora/xz`` and
    ``pkg:generic/xz`` are nobody's in OSV, and places of our own (``purl:rpm/fedora``). A purl that says more than a
    place can hold (a version, another registry, the release of a distribution without ecosystem) names none: it would
    be met by packages that it does not mean.
    """
    try:
        parsed = parse(purl)
    except BadPurl:
        return None
    if parsed.version or parsed.subpath or telling(parsed):
        return None
    return _of_distribution(parsed) if parsed.type in DISTRIBUTION_TYPES else _published(parsed)


def _of_distribution(purl: Purl) -> tuple[str, str] | None:
    distribution = distribution_of(purl.type, purl.namespace, distro_of(purl), "", "")
    if distribution.ecosystems:
        return distribution.ecosystems[0], purl.name
    if not purl.namespace or distro_of(purl):
        return None
    return f"{PURL_PLACE}:{purl.type}/{purl.namespace}", purl.name


def _published(purl: Purl) -> tuple[str, str] | None:
    names = registry_names(purl, "")
    if not names:
        return None if purl.type in REPOSITORY_TYPES else (f"{PURL_PLACE}:{purl.type}", purl.path)
    ecosystem, name = names[0]
    return ecosystem, normalise_name(ecosystem, name)

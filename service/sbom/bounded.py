"""Texts of a length that is still a name; what is longer is a mistake or an attack."""

import msgspec

from service.sbom.document import Component
from service.sbom.oddities import Oddities

#: Characters. At four bytes each still below the 2,704 bytes that a Postgres index takes.
LONGEST_NAME = 600
#: A purl or a CPE beyond this is left out: cutting it would make another one of it.
LONGEST_IDENTIFIER = 4_000
LONGEST_LICENCE = 20_000


def within_bounds(component: Component, where: str, oddities: Oddities) -> Component:
    """Cut the names and drop the identifiers that are too long, with a warning; nearly always *component* itself."""
    c = component
    plainly = len(c.name) + len(c.version) + len(c.purl) + len(c.licence) + len(c.supplier) + len(c.source_version)
    if plainly + len(c.namespace) + len(c.source_name) <= LONGEST_NAME and not c.cpes:
        return component
    if (
        len(c.name) <= LONGEST_NAME
        and len(c.version) <= LONGEST_NAME
        and len(c.purl) <= LONGEST_IDENTIFIER
        and len(c.namespace) + len(c.supplier) + len(c.source_name) + len(c.source_version) <= LONGEST_NAME
        and len(c.licence) <= LONGEST_LICENCE
        and max(map(len, c.cpes), default=0) <= LONGEST_IDENTIFIER
    ):
        return component
    oddities.note("text-too-long", where)
    return msgspec.structs.replace(
        c,
        name=c.name[:LONGEST_NAME],
        version=c.version[:LONGEST_NAME],
        namespace=c.namespace[:LONGEST_NAME],
        supplier=c.supplier[:LONGEST_NAME],
        source_name=c.source_name[:LONGEST_NAME],
        source_version=c.source_version[:LONGEST_NAME],
        licence=c.licence[:LONGEST_LICENCE],
        purl=c.purl if len(c.purl) <= LONGEST_IDENTIFIER else "",
        cpes=tuple(cpe for cpe in c.cpes if len(cpe) <= LONGEST_IDENTIFIER),
    )

"""What the model of `lives` says of one exposure: what carries its flaw, what keeps it from being proved clean."""

from collections.abc import Iterator
from typing import Any

from histories import SHIPPED
from lives import Build, Lives

Row = Any


def pair_of(lives: Lives, exposure: Row) -> tuple[str, str]:
    return exposure.product, lives.model.flaw(exposure.name)


def carriers_of(lives: Lives, flaw: str) -> set[str]:
    """Give the components that are affected by a vulnerability, for certain."""
    return {purl for purl, flaws in lives.model.said("certain").items() if any(name == flaw for name, _ in flaws)}


def unproved(lives: Lives, product: str, flaw: str) -> Iterator[str]:
    if (product, flaw) in lives.model.affected("possible"):
        yield "and something may be affected"
    carriers = carriers_of(lives, flaw)
    in_field = [contents for line in lives.lines(product) for contents in line.in_field()]
    is_xz = any("liblzma5@" in purl for purl in carriers)
    if is_xz and any(contents.get("liblzma5") in SHIPPED for contents in in_field):
        yield "and something of its kin cannot be evaluated"
    if any(line.is_unclear for line in lives.lines(product)):
        yield "and a stream says nothing of today"
    for line in lives.lines(product):
        head = line.head()
        if line.retired and not line.preview and head is not None and ships(head, carriers):
            yield "and what is retired has it still"
    yield from doubted(lives, product, flaw)


def doubted(lives: Lives, product: str, flaw: str) -> Iterator[str]:
    carriers = carriers_of(lives, flaw)
    for line in lives.lines(product):
        head = line.head()
        had_it = any(carriers & upload.contents.keys() for upload in line.live())
        if not line.preview and not line.retired and had_it and head is not None and is_doubtful(head):
            yield "and the newest SBOM where it was is doubtful"


def ships(build: Build, carriers: set[str]) -> bool:
    return any(build.contents.get(purl) in SHIPPED for purl in carriers)


def is_doubtful(build: Build) -> bool:
    return build.doubtful and build.confirmed_at is None


def affecting(lives: Lives, exposure: Row) -> set[str]:
    """Name the packages in the field that affect a product."""
    product, flaw = pair_of(lives, exposure)
    carriers = carriers_of(lives, flaw)
    fields = [contents for line in lives.lines(product) for contents in line.in_field()]
    purls = {purl for contents in fields for purl in carriers & contents.keys() if contents[purl] in SHIPPED}
    return {purl.partition("@")[0].rpartition("/")[2] for purl in purls}


def comes_with_base(lives: Lives, exposure: Row) -> bool:
    base, stream = lives.bases.get(exposure.product, ("", ""))
    line = lives.line(base, stream)
    head = line.head() if line and not line.retired and not line.preview else None
    carriers = carriers_of(lives, pair_of(lives, exposure)[1])
    malware = {purl for purl in carriers if "evil-pad" in purl}
    fields = [contents for each in lives.lines(exposure.product) for contents in each.in_field()]
    own = {p for contents in fields for p in carriers & contents.keys() if contents[p] in SHIPPED or p in malware}
    return (
        bool(own)
        and head is not None
        and all(head.contents.get(p) in SHIPPED or p in malware & head.contents.keys() for p in own)
    )

"""Packages that tern lists by layer: no purl, but the layer says what read them and on which distribution.

tern writes an image's layers as packages whose comment is a report ("Found 'Debian GNU/Linux 11 (bullseye)' in
/etc/os-release.", "Retrieved package metadata using dpkg default method."). A layer contains the packages found in it,
and a package is ``GENERATED_FROM`` its source, which the document lists too and says is not installed.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from service.sbom.document import Component, OperatingSystem, Scope
from service.sbom.hints import system_from_pretty_name
from service.sbom.spdx_model import Package, Relationship
from service.sbom.texts import given

_REPORT = "Layer "
_FOUND = re.compile(r"Found '([^'\n]{1,200})' in /\S*os-release")
_METHOD = re.compile(r"Retrieved package metadata using (\w+) default method")
#: What read the package database → the purl type of what it holds. Distroless images keep dpkg's, file by file.
_TYPES = {"apk": "apk", "distroless": "deb", "dpkg": "deb", "rpm": "rpm"}
_NOT_INSTALLED = "This package refers to a source package associated with"


class Layered(NamedTuple):
    """A tern document's components, told what they are, and the system they belong to."""

    components: list[Component]
    system: OperatingSystem | None


def layered(
    packages: Iterable[Package],
    relationships: Iterable[Relationship],
    components: Sequence[Component],
    edges: Iterable[tuple[str, str]],
) -> Layered | None:
    """Tell a tern document's components what they are; None where nothing is listed by layer.

    A source package stays in the list as ``excluded``: it is not in the image. tern cuts the versions of source rpms
    short ("2.26-62" of glibc-2.26-62.amzn2), so only their names count, and nobody is told that they are rpms.
    """
    reports = {given(one.id): one.comment for one in packages if one.comment and one.comment.startswith(_REPORT)}
    if not reports:
        return None
    types = _types(reports, edges)
    by_ref = {one.ref: one for one in components}
    sources = {
        given(one.start): by_ref[given(one.end)]
        for one in relationships
        if one.kind == "GENERATED_FROM" and given(one.end) in by_ref
    }
    built = {source.ref: types[ref] for ref, source in sources.items() if types.get(ref, "rpm") != "rpm"}
    absent = {given(one.id) for one in packages if one.comment and one.comment.startswith(_NOT_INSTALLED)}
    told = [_told(one, types.get(one.ref) or built.get(one.ref, ""), sources.get(one.ref)) for one in components]
    installed = [replace(one, scope=Scope.EXCLUDED) if one.ref in absent else one for one in told]
    return Layered(installed, _system(reports.values()))


def _types(reports: dict[str, str], edges: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Find the purl type of what lies in each layer; a package in layers of several kinds has none."""
    of_layer = {}
    for ref, report in reports.items():
        read = {_TYPES.get(method, "") for method in _METHOD.findall(report)}
        if len(read) == 1:
            of_layer[ref] = read.pop()
    found: dict[str, str] = {}
    for user, used in edges:
        if user in of_layer and used not in reports and found.setdefault(used, of_layer[user]) != of_layer[user]:
            found[used] = ""
    return found


def _told(one: Component, kind: str, source: Component | None) -> Component:
    if not kind or one.purl:
        return one
    if source is None:
        return replace(one, package_type=kind)
    version = "" if kind == "rpm" else source.version
    return replace(one, package_type=kind, source_name=source.name, source_version=version)


def _system(reports: Iterable[str]) -> OperatingSystem | None:
    found = {name for report in reports for name in _FOUND.findall(report)}
    return system_from_pretty_name(found.pop()) if len(found) == 1 else None

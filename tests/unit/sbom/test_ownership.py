"""What a distribution's package brought along, as syft and nesting say it, and as our own exports do."""

import json
from datetime import UTC, datetime

import pytest

from service.sbom import read
from service.sbom.document import Component, Document, Scope
from service.sbom.export.spdx import write
from service.sbom.ownership import owned

OVERLAP = "ownership-by-file-overlap: indicates that the parent package claims ownership of a child package"
DEB, PYTHON = "pkg:deb/debian/python3-six@1.16.0-4?distro=debian-12", "pkg:pypi/six@1.16.0"

TAG_VALUE = f"""SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: image
DocumentNamespace: https://e.example/1
Creator: Tool: syft-1
Created: 2024-01-01T00:00:00Z

PackageName: python3-six
SPDXID: SPDXRef-deb
PackageVersion: 1.16.0-4
PackageDownloadLocation: NOASSERTION
ExternalRef: PACKAGE-MANAGER purl {DEB}

PackageName: six
SPDXID: SPDXRef-six
PackageVersion: 1.16.0
PackageDownloadLocation: NOASSERTION
ExternalRef: PACKAGE-MANAGER purl {PYTHON}

Relationship: SPDXRef-deb OTHER SPDXRef-six
RelationshipComment: <text>{OVERLAP}</text>
"""


def called(document: Document, name: str) -> Component:
    return next(one for one in document.components if one.name == name)


def test_syft_says_in_a_comment_whose_a_component_is() -> None:
    document = read(TAG_VALUE.encode())

    assert called(document, "six").owner == "SPDXRef-deb"
    assert called(document, "python3-six").owner == ""


def test_other_comments_say_nothing_of_owners() -> None:
    document = read(TAG_VALUE.replace("ownership-by-file-overlap", "evident-by").encode())

    assert called(document, "six").owner == ""


@pytest.mark.parametrize(("outer", "owner"), [(DEB, "deb"), ("pkg:npm/app@1.0.0", "")])
def test_cyclonedx_says_it_by_nesting_in_a_distributions_package(outer: str, owner: str) -> None:
    inner = {"type": "library", "bom-ref": "six", "name": "six", "version": "1.16.0", "purl": PYTHON}
    around = {"type": "library", "bom-ref": "deb", "name": "outer", "purl": outer, "components": [inner]}

    document = read(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [around]}).encode())

    assert called(document, "six").owner == owner


def test_a_distributions_package_is_nobodys_copy() -> None:
    parts = [Component(ref="a", name="a", purl=DEB), Component(ref="b", name="b", purl=DEB)]

    assert [one.owner for one in owned(parts, {"b": "a"}, frozenset())] == ["", ""]


@pytest.mark.parametrize("tag_value", [False, True])
def test_our_exports_keep_the_scope_and_the_owner(tag_value: bool) -> None:  # noqa: FBT001 - a parameter
    document = read(TAG_VALUE.encode())
    again = read(write(document, now=datetime(2024, 1, 1, tzinfo=UTC), tag_value=tag_value))
    scoped = [Component(ref="six", name="six", version="1.16.0", purl=PYTHON, scope=Scope.PACKAGED)]
    packaged = Document(format=document.format, spec_version="2.3", subject=document.subject, components=tuple(scoped))
    read_back = read(write(packaged, now=datetime(2024, 1, 1, tzinfo=UTC), tag_value=tag_value))

    assert called(again, "six").owner == called(again, "python3-six").ref
    assert called(read_back, "six").scope is Scope.PACKAGED

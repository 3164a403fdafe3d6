"""One package of four scanners is one row, and what only one of them knows makes another."""

from sqlalchemy import select

from service.db import WriteSession
from service.inventory.catalogue import resolve, resolve_all
from service.inventory.catalogue_models import Component as Row
from service.inventory.catalogue_models import ComponentCoord, OsvPackage
from service.sbom.document import Component, Document, Format, OperatingSystem


def _document(*listed: Component, system: OperatingSystem | None = None) -> Document:
    return Document(
        format=Format.SPDX_JSON, spec_version="2.3", subject=None, components=listed, operating_system=system
    )


def _component(name: str, version: str, **said: str) -> Component:
    return Component(ref=name, name=name, version=version, **said)  # type: ignore[arg-type]


SYFT = _document(
    _component(
        "liblzma5", "5.2.5-2", purl="pkg:deb/debian/liblzma5@5.2.5-2?arch=amd64&upstream=xz-utils&distro=debian-11"
    )
)
TRIVY = _document(
    _component(
        "liblzma5",
        "5.2.5-2",
        purl="pkg:deb/debian/liblzma5@5.2.5-2?distro=debian-11.6",
        source_name="xz-utils",
        source_version="5.2.5-2",
    )
)
BOM = _document(
    _component("liblzma5", "5.2.5-2", purl="pkg:deb/debian/liblzma5@5.2.5-2?arch=arm64"),
    _component("base-files", "11.1+deb11u6", purl="pkg:deb/debian/base-files@11.1+deb11u6?arch=arm64"),
)
TERN = _document(
    _component("liblzma5", "5.2.5-2", package_type="deb", source_name="xz-utils", source_version="5.2.5-2"),
    system=OperatingSystem(id="debian", version="11"),
)


def test_four_scanners_list_one_component(session: WriteSession) -> None:
    resolved = resolve_all(session, [SYFT, TRIVY, BOM, TERN])

    (id_,) = {one.refs["liblzma5"] for one in resolved}
    assert session.scalar(select(Row.purl).where(Row.id == id_)) == "pkg:deb/debian/liblzma5@5.2.5-2?distro=debian-11"
    found = session.execute(
        select(OsvPackage.ecosystem, OsvPackage.name, ComponentCoord.release_known)
        .join(ComponentCoord, ComponentCoord.osv_package_id == OsvPackage.id)
        .where(ComponentCoord.component_id == id_)
        .order_by(OsvPackage.name)
    ).all()
    assert [tuple(row) for row in found] == [("Debian:11", "liblzma5", True), ("Debian:11", "xz-utils", True)]


def test_the_order_of_uploads_does_not_decide_who_a_component_is(session: WriteSession) -> None:
    first = resolve(session, TERN).refs["liblzma5"]
    again = resolve(session, SYFT)

    assert (again.refs["liblzma5"], again.new) == (first, [])


def test_a_listing_without_release_is_a_component_of_its_own(session: WriteSession) -> None:
    known = resolve(session, SYFT).refs["liblzma5"]
    unknown = resolve(session, _document(BOM.components[0]))

    assert known not in unknown.components
    assert unknown.components[unknown.refs["liblzma5"]].unevaluated == "unknown-release"

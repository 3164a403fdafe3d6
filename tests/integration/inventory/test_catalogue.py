"""Components in the catalogue, whatever an SBOM makes of itself."""

from sqlalchemy import func, select

from service.db import WriteSession
from service.inventory.catalogue import resolve
from service.inventory.catalogue_models import FamilyMember
from service.sbom.document import Component, Document, Format


def test_any_number_of_packages_may_be_built_from_one_source(session: WriteSession) -> None:
    # One statement takes 65,535 parameters, and a family member has four columns.
    count = 16_500
    listed = (
        Component(ref=str(n), name=f"part-{n}", version="1", purl=f"pkg:deb/debian/part-{n}@1?upstream=xz-utils")
        for n in range(count)
    )
    document = Document(format=Format.CYCLONEDX_JSON, spec_version="1.6", subject=None, components=tuple(listed))
    assert len(resolve(session, document).components) == count
    members = select(func.count()).select_from(FamilyMember).where(FamilyMember.family == "xz")
    assert session.scalar(members) == count

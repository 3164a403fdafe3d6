"""CycloneDX VEX, written through cyclonedx-python-lib. Pure.

The document stands by itself: each version of the product is a component that holds those of its components that a
statement is about, so that every ``affects`` leads to one component in one version of the product. An external
reference of kind ``bom`` leads from there to the whole SBOM that we export (BOM-Link).
"""

from collections.abc import Iterable
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import msgspec
from cyclonedx.model import ExternalReference, ExternalReferenceType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.impact_analysis import (
    ImpactAnalysisAffectedStatus,
    ImpactAnalysisJustification,
    ImpactAnalysisResponse,
    ImpactAnalysisState,
)
from cyclonedx.model.tool import ToolRepository
from cyclonedx.model.vulnerability import (
    BomTarget,
    BomTargetVersionRange,
    Vulnerability,
    VulnerabilityAnalysis,
    VulnerabilityReference,
    VulnerabilitySource,
)
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from service.incidents.vex.statements import Part, ProductVersion, Status, Telling, Told
from service.purls import parse

_STATES: Final = {
    Status.UNDER_INVESTIGATION: ImpactAnalysisState.IN_TRIAGE,
    Status.AFFECTED: ImpactAnalysisState.EXPLOITABLE,
    Status.FIXED: ImpactAnalysisState.RESOLVED,
    Status.NOT_AFFECTED: ImpactAnalysisState.NOT_AFFECTED,
    Status.RETRACTED: ImpactAnalysisState.FALSE_POSITIVE,
}
_RESPONSES: Final = {
    "update": ImpactAnalysisResponse.UPDATE,
    "removal": ImpactAnalysisResponse.UPDATE,
    "claimed": ImpactAnalysisResponse.UPDATE,
    "rollback": ImpactAnalysisResponse.ROLLBACK,
    "workaround": ImpactAnalysisResponse.WORKAROUND_AVAILABLE,
    "accepted": ImpactAnalysisResponse.WILL_NOT_FIX,
}
_AFFECTED: Final = {
    Status.UNDER_INVESTIGATION: ImpactAnalysisAffectedStatus.UNKNOWN,
    Status.AFFECTED: ImpactAnalysisAffectedStatus.AFFECTED,
}
#: Who numbers vulnerabilities under a prefix, for readers who look them up.
_SOURCES: Final = {"CVE": "NVD", "GHSA": "GitHub Advisories"}


def write(telling: Telling) -> bytes:
    """Write what we say as CycloneDX 1.6 in JSON."""
    issue = telling.issue
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, issue.id),
        version=issue.version,
        metadata=BomMetaData(
            timestamp=issue.dates[-1],
            supplier=OrganizationalEntity(name=telling.publisher.name, urls=[XsUri(telling.publisher.namespace)]),
            component=Component(type=ComponentType.APPLICATION, name=telling.title, bom_ref=telling.address),
            tools=ToolRepository(
                components=[Component(type=ComponentType.APPLICATION, name="muster", version=telling.tool_version)]
            ),
        ),
        components=_products(telling),
        vulnerabilities=[_vulnerability(told) for told in telling.statements],
    )
    # It asks for a graph, which is the SBOM's to tell.
    bom.validate = _valid  # type: ignore[method-assign]
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string().encode()


def fulfil(data: bytes) -> bytes:
    """Write what comes as msgpack (`order`): for a process of its own, since the library takes a millisecond a part."""
    return write(msgspec.msgpack.decode(data, type=Telling))


def order(telling: Telling) -> bytes:
    """Write down what is to be written elsewhere."""
    return msgspec.msgpack.encode(telling)


def _valid() -> bool:
    return True


def _products(telling: Telling) -> Iterable[Component]:
    inside: dict[ProductVersion, dict[str, Part]] = {}
    for told in telling.statements:
        for place, part in told.places:
            inside.setdefault(place, {})[part.purl] = part
    return [_product(place, parts.values()) for place, parts in inside.items()]


def _product(place: ProductVersion, parts: Iterable[Part]) -> Component:
    named = {"muster:stream": place.stream, "muster:release": place.release}
    return Component(
        type=ComponentType.APPLICATION,
        name=place.name,
        version=place.version or None,
        bom_ref=place.purl,
        purl=PackageURL.from_string(place.purl),
        components=[_part(place, part) for part in parts],
        external_references=[ExternalReference(type=ExternalReferenceType.BOM, url=XsUri(place.bom_link))],
        properties=[Property(name=name, value=value) for name, value in named.items() if value],
    )


def _part(place: ProductVersion, part: Part) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        # The library folds purls to lower case, so that a name alone tells JSONStream from jsonstream.
        name=part.name,
        group=parse(part.purl).namespace or None,
        version=part.version or None,
        bom_ref=_ref(place, part),
        purl=PackageURL.from_string(part.purl),
    )


def _ref(place: ProductVersion, part: Part) -> str:
    return f"{place.purl}#{part.purl}"


def _vulnerability(told: Told) -> Vulnerability:
    main, *aliases = told.names
    return Vulnerability(
        bom_ref=told.exposure,
        id=main,
        source=_source(main),
        references=[VulnerabilityReference(id=name, source=_source(name)) for name in aliases],
        description=told.title or None,
        analysis=VulnerabilityAnalysis(
            state=_STATES[told.status],
            justification=ImpactAnalysisJustification(told.justification) if told.justification else None,
            responses=[_RESPONSES[told.answer]] if told.answer in _RESPONSES else None,
            detail=told.reason or None,
            first_issued=told.first_at,
            last_updated=told.since,
        ),
        affects=[_target(told, place, part) for place, part in told.places],
        properties=[Property(name="muster:incident", value=told.incident)],
    )


def _source(name: str) -> VulnerabilitySource:
    prefix = name.partition("-")[0]
    return VulnerabilitySource(name=_SOURCES.get(prefix, prefix))


def _target(told: Told, place: ProductVersion, part: Part) -> BomTarget:
    """Bind a statement to a component; what it holds for else are ranges of versions of the same package."""
    status = _AFFECTED.get(told.status, ImpactAnalysisAffectedStatus.UNAFFECTED)
    package = part.purl.partition("?")[0].partition("@")[0]
    meant = [BomTargetVersionRange(version=part.version, status=status)] if part.version else []
    meant += [
        BomTargetVersionRange(range=one.versions, status=status)
        for one in told.ranges
        if one.package.partition("?")[0] == package
    ]
    return BomTarget(ref=_ref(place, part), versions=meant)

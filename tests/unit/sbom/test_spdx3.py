"""What an SPDX 3 graph means: components, subject, edges, scopes, licences, and who wrote it."""

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from service.sbom import Component, Document, Format, Scope, Subject, Tool, read, sniff

DATA = Path(__file__).parents[2] / "data" / "sbom"
CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
Element = dict[str, Any]
CREATION = {
    "type": "CreationInfo", "@id": "_:creation", "specVersion": "3.0.1", "created": "2026-03-01T10:00:00Z",
    "createdBy": ["urn:acme"], "createdUsing": ["urn:tool"],
}  # fmt: skip


def spdx3(*elements: Element, roots: tuple[str, ...] = (), context: Any = CONTEXT) -> bytes:  # noqa: ANN401
    document = element("SpdxDocument", "document", name="the document", rootElement=["urn:sbom"])
    sbom = element("software_Sbom", "sbom", rootElement=[f"urn:{root}" for root in roots])
    return orjson.dumps({"@context": context, "@graph": [CREATION, document, sbom, *elements]})


def element(kind: str, ref: str, /, **more: Any) -> Element:  # noqa: ANN401
    return {"type": kind, "spdxId": f"urn:{ref}", "creationInfo": "_:creation"} | more


def package(name: str, /, **more: Any) -> Element:  # noqa: ANN401
    return element("software_Package", name, name=name, **more)


def relation(start: str, kind: str, *ends: str, **more: Any) -> Element:  # noqa: ANN401
    scoped = "LifecycleScopedRelationship" if "scope" in more else "Relationship"
    ids = {"from": f"urn:{start}", "to": [f"urn:{end}" for end in ends]}
    return element(scoped, f"{start}-{kind}-{'-'.join(ends)}", relationshipType=kind, **ids, **more)


def names(document: Document) -> list[str]:
    return [one.name for one in document.components]


def called(document: Document, name: str) -> Component:
    (found,) = [one for one in document.components if one.name == name]
    return found


def warned(document: Document) -> set[str]:
    return {one.code for one in document.warnings}


def test_the_shop_is_the_same_as_in_spdx_2() -> None:
    old, new = (read((DATA / name).read_bytes()) for name in ("shop.spdx.json", "shop.spdx3.json"))

    def short(ref: str) -> str:
        return ref.partition("#")[2]

    assert tuple(msgspec.structs.replace(one, ref=short(one.ref)) for one in new.components) == old.components
    assert tuple((short(user), short(used)) for user, used in new.dependencies) == old.dependencies
    assert isinstance(new.subject, Subject)
    assert msgspec.structs.replace(new.subject, ref=short(new.subject.ref)) == old.subject
    assert (new.tools, new.authors, new.serial, new.created) == (old.tools, old.authors, old.serial, old.created)
    assert new.spec_version == "3.0.1"
    assert new.lifecycles == ("build",)


@pytest.mark.parametrize(
    "data",
    [
        orjson.dumps({"@graph": [package("a")], "@context": CONTEXT}),
        orjson.dumps({"@graph": [package("a")], "@context": [CONTEXT, {"ex": "https://example.org/"}]}),
        orjson.dumps({"@graph": [package("a")], "@context": {"spdx": "https://spdx.org/rdf/3.0.1/terms/"}}),
        orjson.dumps({"@context": CONTEXT} | package("a")),
        orjson.dumps(package("a") | {"@context": CONTEXT}),
        spdx3(package("a"), context="https://spdx.org/rdf/3.0.0/spdx-context.jsonld"),
    ],
)
def test_a_document_is_told_by_its_context_wherever_it_stands(data: bytes) -> None:
    assert sniff(data) is Format.SPDX3_JSON_LD
    assert names(read(data)) == ["a"]


def test_ai_models_datasets_and_hardware_are_components() -> None:
    document = read(
        spdx3(
            element("ai_AIPackage", "model", name="model"),
            element("dataset_DatasetPackage", "data", name="data"),
            element("hardware_PhysicalHardware", "board", name="board", hardware_hardwareVersion="B"),
            package("weights", software_primaryPurpose="model"),
            package("os", software_primaryPurpose="operatingSystem", software_packageVersion="13"),
            relation("model", "trainedOn", "data"),
        )
    )

    assert [one.type for one in document.components] == [
        "machine-learning-model", "data", "device", "machine-learning-model", "operating-system",
    ]  # fmt: skip
    assert called(document, "board").version == "B"
    assert document.dependencies == (("urn:model", "urn:data"),)
    assert document.operating_system is not None
    assert document.operating_system.version == "13"


def test_files_are_no_components_beside_packages() -> None:
    files = [element("software_File", "a.so", name="a.so"), element("software_File", "b.so", name="b.so")]
    document = read(
        spdx3(package("app"), *files, relation("app", "contains", "a.so"), relation("a.so", "dependsOn", "b.so"))
    )

    assert names(document) == ["app"]
    assert document.dependencies == ()
    assert document.warnings == ()


def test_a_root_file_is_the_subject_of_the_packages_it_is_made_of() -> None:
    firmware = element("software_File", "image.bin", name="image.bin", software_primaryPurpose="firmware")
    document = read(
        spdx3(firmware, package("zlib"), relation("image.bin", "hasStaticLink", "zlib"), roots=("image.bin",))
    )

    assert document.subject == Subject(ref="urn:image.bin", name="image.bin", type="firmware")
    assert names(document) == ["zlib"]
    assert document.dependencies == (("urn:image.bin", "urn:zlib"),)


def test_without_packages_the_root_files_and_what_they_contain_are_components() -> None:
    files = [element("software_File", name, name=name) for name in ("app.tar", "app", "source.c")]
    document = read(spdx3(*files, relation("app.tar", "contains", "app"), roots=("app.tar",)))

    assert names(document) == ["app"]
    assert document.subject == Subject(ref="urn:app.tar", name="app.tar", type="file")
    assert document.dependencies == (("urn:app.tar", "urn:app"),)


def test_files_that_nobody_is_about_leave_an_empty_inventory() -> None:
    assert warned(read(spdx3(element("software_File", "a", name="a")))) == {"no-components"}


def test_a_root_that_is_identified_itself_stays_a_component() -> None:
    wrapped = read(spdx3(package("shop"), package("zlib"), roots=("shop",)))
    listed = read(spdx3(package("shop", software_packageUrl="pkg:npm/shop@1"), package("zlib"), roots=("shop",)))

    assert names(wrapped) == ["zlib"]
    assert names(listed) == ["shop", "zlib"]
    assert wrapped.subject is not None
    assert wrapped.subject.name == "shop"


def test_several_roots_make_the_document_the_subject() -> None:
    document = read(spdx3(package("a"), package("b"), roots=("a", "b")))

    assert document.subject == Subject(ref="urn:document", name="the document")
    assert document.dependencies == (("urn:document", "urn:a"), ("urn:document", "urn:b"))


def test_what_the_document_describes_is_a_root_and_what_else_describes_is_not() -> None:
    manual = element("software_File", "manual", name="manual")
    relations = (relation("sbom", "describes", "a"), relation("manual", "describes", "b"))
    document = read(spdx3(package("a"), package("b"), manual, *relations))

    assert document.subject is not None
    assert document.subject.name == "a"


def test_collections_that_contain_one_another_end() -> None:
    ring = element("Bundle", "ring", rootElement=["urn:sbom", "urn:ring"])

    assert names(read(spdx3(ring, package("a"), roots=("ring",)))) == ["a"]


@pytest.mark.parametrize(
    ("kind", "scope", "expected"),
    [
        ("dependsOn", "", Scope.REQUIRED),
        ("dependsOn", "runtime", Scope.REQUIRED),
        ("dependsOn", "build", Scope.REQUIRED),
        ("dependsOn", "development", Scope.DEV),
        ("dependsOn", "test", Scope.TEST),
        ("dependsOn", "https://spdx.org/rdf/3.0.1/terms/Core/LifecycleScopeType/test", Scope.TEST),
        ("hasStaticLink", "", Scope.REQUIRED),
        ("hasDynamicLink", "test", Scope.TEST),
        ("hasPrerequisite", "", Scope.REQUIRED),
        ("hasProvidedDependency", "", Scope.REQUIRED),
        ("hasOptionalDependency", "", Scope.OPTIONAL),
        ("hasOptionalComponent", "", Scope.OPTIONAL),
        ("testedOn", "", Scope.TEST),
        ("DEPENDS_ON", "", Scope.REQUIRED),
        ("https://spdx.org/rdf/3.0.1/terms/Core/RelationshipType/dependsOn", "", Scope.REQUIRED),
    ],
)
def test_relationships_are_edges_with_scopes(kind: str, scope: str, expected: Scope) -> None:
    scoped = {"scope": scope} if scope else {}
    document = read(spdx3(package("app"), package("lib"), relation("app", kind, "lib", **scoped)))

    assert document.dependencies == (("urn:app", "urn:lib"),)
    assert called(document, "lib").scope is expected
    assert document.warnings == ()


def test_a_tool_is_no_edge_and_for_development() -> None:
    document = read(spdx3(package("app"), package("gcc"), relation("app", "usesTool", "gcc", scope="build")))

    assert document.dependencies == ()
    assert called(document, "gcc").scope is Scope.DEV


def test_an_ordinary_dependency_outweighs_optional_which_outweighs_test() -> None:
    parts = [package(name) for name in ("app", "a", "b")]
    relations = [
        relation("app", "dependsOn", "a", "b", scope="test"),
        relation("app", "hasOptionalDependency", "a", "b"),
        relation("app", "dependsOn", "a"),
    ]
    document = read(spdx3(*parts, *relations))

    assert called(document, "a").scope is Scope.REQUIRED
    assert called(document, "b").scope is Scope.OPTIONAL


def licensed(*elements: Element, declared: tuple[str, ...] = (), concluded: tuple[str, ...] = ()) -> str:
    ends = {"hasDeclaredLicense": declared, "hasConcludedLicense": concluded}
    relations = [
        element("Relationship", kind, relationshipType=kind, **{"from": "urn:a", "to": to})
        for kind, to in ends.items()
        if to
    ]
    return read(spdx3(package("a"), *elements, *relations)).components[0].licence


def expression(name: str, text: str) -> Element:
    return element("simplelicensing_LicenseExpression", name, simplelicensing_licenseExpression=text)


MIT, APACHE = "https://spdx.org/licenses/MIT", "https://spdx.org/licenses/Apache-2.0"


def test_the_concluded_licence_wins_unless_nothing_was_concluded() -> None:
    mit, none = expression("mit", "MIT"), expression("none", "NOASSERTION")

    assert licensed(mit, declared=(APACHE,), concluded=("urn:mit",)) == "MIT"
    assert licensed(none, declared=(APACHE,), concluded=("urn:none",)) == "Apache-2.0"
    assert licensed(declared=(APACHE,), concluded=("expandedlicensing_NoAssertionLicense",)) == "Apache-2.0"
    assert licensed(declared=("https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoneLicense",)) == ""
    assert licensed(declared=(MIT, APACHE)) == "MIT AND Apache-2.0"


def test_licence_sets_are_written_out() -> None:
    either = element("expandedlicensing_DisjunctiveLicenseSet", "either", expandedlicensing_member=[MIT, "urn:later"])
    both = element(
        "expandedlicensing_ConjunctiveLicenseSet", "both", expandedlicensing_member=["urn:either", "urn:with"]
    )
    later = element("expandedlicensing_OrLaterOperator", "later", expandedlicensing_subjectLicense="urn:own")
    exception = {
        "expandedlicensing_subjectExtendableLicense": "https://spdx.org/licenses/GPL-2.0-only",
        "expandedlicensing_subjectAddition": "https://spdx.org/licenses/Classpath-exception-2.0",
    }
    added = element("expandedlicensing_WithAdditionOperator", "with", **exception)
    own = element("expandedlicensing_CustomLicense", "doc#LicenseRef-own", name="Our own licence")
    later["expandedlicensing_subjectLicense"] = own["spdxId"]

    written = licensed(either, both, later, added, own, declared=("urn:both",))

    assert written == "(MIT OR LicenseRef-own+) AND GPL-2.0-only WITH Classpath-exception-2.0"


def test_a_licence_may_stand_in_place_of_its_id_and_within_itself() -> None:
    ring = element("expandedlicensing_ConjunctiveLicenseSet", "ring", expandedlicensing_member=["urn:ring", MIT])
    inline = {"type": "expandedlicensing_DisjunctiveLicenseSet", "expandedlicensing_member": [MIT, APACHE]}
    says = element("Relationship", "r", relationshipType="hasDeclaredLicense", **{"from": "urn:a", "to": [inline]})

    assert licensed(ring, declared=("urn:ring",)) == "MIT"
    assert read(spdx3(package("a"), says)).components[0].licence == "MIT OR Apache-2.0"


def test_identifiers_hashes_and_suppliers_are_read() -> None:
    identifiers = [
        {"type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": said}
        for kind, said in (
            ("cpe23", "cpe:2.3:a:x:y:1:*:*:*:*:*:*:*"),
            ("swid", "swid:1"),
            ("packageUrl", "pkg:npm/a@1"),
        )
    ]
    checks = [
        {"type": "Hash", "algorithm": "sha3_256", "hashValue": "B" * 64},
        {"type": "PackageVerificationCode", "algorithm": "sha1", "hashValue": "c" * 40},
    ]
    document = read(
        spdx3(
            package("a", externalIdentifier=identifiers, verifiedUsing=checks, suppliedBy="urn:acme"),
            package("b", software_packageUrl="pkg:npm/b@1", originatedBy=["urn:ghost", "urn:acme"]),
            element("Organization", "acme", name="Acme"),
        )
    )

    a, b = document.components
    assert (a.purl, a.cpes, a.hashes) == ("pkg:npm/a@1", ("cpe:2.3:a:x:y:1:*:*:*:*:*:*:*",), (("sha3256", "b" * 64),))
    assert (a.supplier, b.supplier, b.purl) == ("Acme", "Acme", "pkg:npm/b@1")


def test_authors_are_people_and_organisations_and_software_is_a_tool() -> None:
    mail = [{"type": "ExternalIdentifier", "externalIdentifierType": "email", "identifier": "jane@example.org"}]
    creation = CREATION | {"createdBy": ["urn:jane", "urn:acme", "urn:robot"]}
    agents = (
        element("Person", "jane", name="Jane Doe", externalIdentifier=mail),
        element("Organization", "acme", name="Organization: Acme"),
        element("SoftwareAgent", "robot", name="robot-1.2.0"),
        element("Tool", "tool", name="Tool: Microsoft.SBOMTool-4.0.1"),
    )
    document = read(orjson.dumps({"@context": CONTEXT, "@graph": [creation, package("a"), *agents]}))

    assert document.authors == ("Jane Doe <jane@example.org>", "Acme")
    assert document.tools == (Tool(name="Microsoft.SBOMTool", version="4.0.1"), Tool(name="robot", version="1.2.0"))


def test_identifiers_and_licences_as_sbom_tool_writes_them_are_read() -> None:
    """Its external identifiers are elements, its relationship types those of SPDX 2."""
    identifier = element("ExternalIdentifier", "purl-1", externalIdentifierType="purl", identifier="pkg:npm/a@1")
    licence = element("AnyLicenseInfo", "lic", name="MIT")
    concluded = relation("a", "HAS_CONCLUDED_LICENSE", "lic")
    document = read(spdx3(package("a", externalIdentifier=["urn:purl-1"]), identifier, licence, concluded))

    assert (document.components[0].purl, document.components[0].licence) == ("pkg:npm/a@1", "MIT")


def test_elements_in_place_of_ids_are_elements() -> None:
    supplier = {"type": "Organization", "spdxId": "urn:acme", "name": "Acme"}
    inner = package("b", suppliedBy="urn:acme")
    outer = package("a", suppliedBy=supplier)
    ends = {"from": {"@id": "urn:a"}, "to": inner}
    depends = {"type": "Relationship", "spdxId": "urn:r", "relationshipType": "dependsOn"} | ends
    creation = {key: value for key, value in CREATION.items() if key != "@id"}
    me = {"type": "SpdxDocument", "spdxId": "urn:d", "name": "d", "creationInfo": creation, "rootElement": [outer]}
    document = read(orjson.dumps({"@context": CONTEXT, "@graph": [me, depends]}))

    assert {(one.name, one.supplier) for one in document.components} == {("b", "Acme")}
    assert document.subject is not None
    assert (document.subject.name, document.created) == ("a", "2026-03-01T10:00:00Z")
    assert document.dependencies == (("urn:a", "urn:b"),)


def test_classes_may_be_written_as_iris_and_in_lists() -> None:
    iri = "https://spdx.org/rdf/3.0.1/terms/Software/Package"
    document = read(spdx3({"@type": [iri], "@id": "urn:a", "name": "a"}, {"@type": iri, "@id": "urn:b", "name": "b"}))

    assert [(one.ref, one.type) for one in document.components] == [("urn:a", "library"), ("urn:b", "library")]


def test_vulnerabilities_are_passed_over() -> None:
    vex = element("security_VexAffectedVulnAssessmentRelationship", "vex", relationshipType="affects")
    document = read(
        spdx3(
            package("a"), element("security_Vulnerability", "v", name="CVE-1"), vex | {"from": "urn:v", "to": ["urn:a"]}
        )
    )

    assert names(document) == ["a"]
    assert document.dependencies == ()
    assert document.warnings == ()

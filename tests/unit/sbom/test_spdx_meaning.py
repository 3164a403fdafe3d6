"""SPDX relationships: roots, scopes and edges."""

from typing import Any

import orjson
import pytest

from service.sbom import Document, Scope, Subject, read


def package(name: str, *purls: str, **more: str) -> dict[str, Any]:
    refs = [{"referenceType": "purl", "referenceLocator": purl} for purl in purls]
    return {"SPDXID": f"SPDXRef-{name}", "name": name, "externalRefs": refs, **more}


def spdx(*packages: dict[str, Any], relations: str = "", **more: Any) -> Document:  # noqa: ANN401
    triples = (line.split() for line in relations.splitlines() if line.strip())
    relationships = [
        {"spdxElementId": f"SPDXRef-{a}", "relationshipType": kind, "relatedSpdxElement": f"SPDXRef-{b}"}
        for a, kind, b in triples
    ]
    document = {
        "SPDXID": "SPDXRef-DOCUMENT",
        "spdxVersion": "SPDX-2.3",
        "name": "doc",
        "documentNamespace": "https://example.org/doc",
        "creationInfo": {"created": "2026-03-01T10:00:00Z"},
        "packages": packages,
        "relationships": relationships,
    }
    return read(orjson.dumps(document | more))


def names(document: Document) -> list[str]:
    return [one.name for one in document.components]


@pytest.mark.parametrize(
    "how",
    [
        {"relations": "DOCUMENT DESCRIBES app"},
        {"relations": "DOCUMENT DESCRIBE app"},
        {"relations": "DOCUMENT describes app"},
        {"relations": "app DESCRIBED_BY DOCUMENT"},
        {"documentDescribes": ["SPDXRef-app"]},
    ],
)
def test_the_one_described_package_is_the_subject(how: dict[str, Any]) -> None:
    document = spdx(package("app"), package("a", "pkg:npm/a@1"), **how)

    assert document.subject == Subject(ref="SPDXRef-app", name="app", type="library")
    assert names(document) == ["a"]


@pytest.mark.parametrize("purl", ["pkg:npm/app@1", "pkg:deb/debian/app@1", "pkg:maven/g/app@1"])
def test_an_identified_root_stays_a_component(purl: str) -> None:
    document = spdx(package("app", purl), package("a"), relations="DOCUMENT DESCRIBES app")

    assert document.subject is not None
    assert document.subject.purl == purl
    assert names(document) == ["app", "a"]


@pytest.mark.parametrize("purl", ["pkg:oci/app@1", "pkg:docker/app@1", "pkg:generic/app@1"])
def test_a_wrapping_root_is_no_component(purl: str) -> None:
    assert names(spdx(package("app", purl), package("a"), relations="DOCUMENT DESCRIBES app")) == ["a"]


def test_the_only_package_is_subject_and_component() -> None:
    document = spdx(package("app"), relations="DOCUMENT DESCRIBES app")

    assert document.subject is not None
    assert names(document) == ["app"]


def test_with_several_roots_the_document_is_the_subject_and_leads_to_them() -> None:
    document = spdx(package("a"), package("b"), relations="DOCUMENT DESCRIBES a\nDOCUMENT DESCRIBES b")

    assert document.subject == Subject(ref="SPDXRef-DOCUMENT", name="doc")
    assert document.dependencies == (("SPDXRef-DOCUMENT", "SPDXRef-a"), ("SPDXRef-DOCUMENT", "SPDXRef-b"))


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        ("DEV_DEPENDENCY_OF", Scope.DEV),
        ("DEV_TOOL_OF", Scope.DEV),
        ("BUILD_TOOL_OF", Scope.DEV),
        ("TEST_DEPENDENCY_OF", Scope.TEST),
        ("TEST_TOOL_OF", Scope.TEST),
        ("OPTIONAL_DEPENDENCY_OF", Scope.OPTIONAL),
        ("BUILD_DEPENDENCY_OF", Scope.REQUIRED),
        ("RUNTIME_DEPENDENCY_OF", Scope.REQUIRED),
        ("PROVIDED_DEPENDENCY_OF", Scope.REQUIRED),
    ],
)
def test_relationships_give_scopes(kind: str, scope: Scope) -> None:
    (_, found) = spdx(package("a"), package("b"), relations=f"b {kind} a").components

    assert found.scope is scope


def test_an_ordinary_dependency_outweighs_a_weak_one() -> None:
    relations = "b DEV_DEPENDENCY_OF a\nc DEPENDS_ON b"

    assert {one.scope for one in spdx(*map(package, "abc"), relations=relations).components} == {Scope.REQUIRED}


def test_of_weak_claims_the_one_nearest_to_production_counts() -> None:
    relations = "b TEST_DEPENDENCY_OF a\nb OPTIONAL_DEPENDENCY_OF a\nb DEV_DEPENDENCY_OF a"

    assert spdx(*map(package, "ab"), relations=relations).components[1].scope is Scope.OPTIONAL


@pytest.mark.parametrize(
    "relation",
    [
        "a DEPENDS_ON b", "b DEPENDENCY_OF a", "b RUNTIME_DEPENDENCY_OF a", "b DEV_DEPENDENCY_OF a", "a CONTAINS b",
        "b CONTAINED_BY a", "a STATIC_LINK b", "a DYNAMIC_LINK b", "a depends_on b",
    ],
)  # fmt: skip
def test_edges_lead_from_the_user_to_the_used(relation: str) -> None:
    assert spdx(*map(package, "ab"), relations=relation).dependencies == (("SPDXRef-a", "SPDXRef-b"),)


def test_other_relationships_are_no_edges() -> None:
    relations = "a GENERATED_FROM b\na OTHER b\na DEPENDENCY_MANIFEST_OF b"

    assert spdx(*map(package, "ab"), relations=relations).dependencies == ()


def test_contained_files_are_not_dangling_but_missing_dependencies_are() -> None:
    document = spdx(package("a"), relations="a CONTAINS File-1\na DEPENDS_ON ghost\na DEPENDS_ON ghost2")

    (warning,) = document.warnings
    assert (warning.code, warning.count, warning.first) == ("dangling-dependency", 2, "/relationships/1")


def test_two_different_purls_keep_the_first_with_a_warning() -> None:
    document = spdx(package("a", "pkg:npm/a@1", "pkg:npm/a@2"), package("b", "pkg:npm/b@1", "pkg:npm/b@1"))

    assert [one.purl for one in document.components] == ["pkg:npm/a@1", "pkg:npm/b@1"]
    assert [(one.code, one.count) for one in document.warnings] == [("several-purls", 1)]


@pytest.mark.parametrize(
    ("said", "supplier"),
    [
        ("Organization: Red Hat ()", "Red Hat"),
        ("Organization: Anchore, Inc", "Anchore, Inc"),
        ("Person: Jane Doe (jane@example.org)", "Jane Doe"),
        ("Microsoft/GitHub", "Microsoft/GitHub"),
        ("Organization: NOASSERTION", ""),
        ("NOASSERTION", ""),
    ],
)
def test_suppliers_lose_their_role_and_mail(said: str, supplier: str) -> None:
    assert spdx(package("a", supplier=said)).components[0].supplier == supplier


def test_a_purpose_is_the_type() -> None:
    types = [one.type for one in spdx(package("a", primaryPackagePurpose="OPERATING-SYSTEM"), package("b")).components]

    assert types == ["operating-system", "library"]

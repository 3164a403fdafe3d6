"""Documents of others: as the standards' own examples have them, as older versions wrote them, and damaged ones."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_files import Corpus

from service.errors import ServiceError
from service.incidents.vex.reading import read_vex
from service.incidents.vex.statements import Claims, Status

XZ = "pkg:rpm/redhat/xz@5.6.1-1.el9?arch=src"


def read(document: Any) -> Claims:  # noqa: ANN401 - JSON
    return read_vex(orjson.dumps(document)).claims


def test_the_oldest_openvex_named_products_and_vulnerabilities_by_texts() -> None:
    claims = read(
        {
            "@context": "https://openvex.dev/ns",
            "@id": "https://example.com/vex",
            "author": "Wolfi",
            "version": "1",
            "statements": [
                {
                    "vulnerability": "CVE-2026-1000",
                    "products": ["pkg:apk/wolfi/git@2.39.0-r1?arch=armv7"],
                    "status": "not_affected",
                    "justification": "component_not_present",
                    "impact_statement": "Built without it.",
                }
            ],
        }
    )
    (claim,) = claims.claims
    assert (claim.names, claim.justification, claim.reason) == (
        ("CVE-2026-1000",),
        "code_not_present",
        "Built without it.",
    )
    (binding,) = claim.bindings
    assert binding.component is None
    assert binding.product is not None
    assert binding.product.purl.startswith("pkg:apk/wolfi/git@")


def csaf(**vulnerability: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Say something as Red Hat does: a source package as a component of a distribution."""
    helper = {"product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:9::baseos"}}
    return {
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "publisher": {"category": "vendor", "name": "Red Hat", "namespace": "https://www.redhat.com"},
            "tracking": {"id": "CVE-2026-1000", "version": "2.1.0", "current_release_date": "2026-03-01T10:00:00Z"},
        },
        "product_tree": {
            "branches": [
                {
                    "category": "vendor",
                    "name": "Red Hat",
                    "branches": [
                        {
                            "category": "product_name",
                            "name": "RHEL",
                            "product": {"product_id": "9", "name": "9"} | helper,
                        },
                        {
                            "category": "product_version",
                            "name": "xz",
                            "product": {
                                "product_id": "xz",
                                "name": "xz",
                                "product_identification_helper": {"purl": XZ},
                            },
                        },
                    ],
                }
            ],
            "relationships": [
                {
                    "category": "default_component_of",
                    "product_reference": "xz",
                    "relates_to_product_reference": "9",
                    "full_product_name": {"product_id": "9:xz", "name": "xz of RHEL 9"},
                }
            ],
            "product_groups": [{"group_id": "all", "product_ids": ["9:xz"]}],
        },
        "vulnerabilities": [{"cve": "CVE-2026-1000", **vulnerability}],
    }


def test_csafs_flags_speak_of_groups_and_relationships_are_followed() -> None:
    claims = read(
        csaf(
            product_status={"known_not_affected": ["9:xz"]},
            flags=[{"label": "vulnerable_code_not_present", "group_ids": ["all"]}],
            threats=[{"category": "impact", "details": "Important"}],
        )
    )
    (claim,) = claims.claims
    assert (claim.status, claim.justification, claims.order) == (Status.NOT_AFFECTED, "code_not_present", (2, 1, 0))
    (binding,) = claim.bindings
    assert binding.component is not None
    assert binding.component.purl == XZ


@pytest.mark.parametrize(
    "said",
    [
        csaf(product_status={"known_not_affected": ["nowhere"]}),
        csaf(product_status=["9:xz"]),
        csaf(product_status={"fixed": "9:xz"}),
        csaf(cve=None),
        {**csaf(), "product_tree": {"relationships": [{}]}},
        {**csaf(), "document": {"csaf_version": "3.0"}},
    ],
)
def test_csaf_that_leads_nowhere_is_refused_with_its_place(said: dict[str, Any]) -> None:
    with pytest.raises(ServiceError, match=r"/|CSAF"):
        read(said)


def test_the_examples_of_cyclonedx_are_read(corpus: Corpus) -> None:
    files = sorted((corpus("sbom-dev") / "cyclonedx-bom-examples").glob("VEX-*vex*.json"))
    read_ones = [read_vex(file.read_bytes()).claims for file in files]
    assert len(read_ones) > 20
    assert {claim.status for one in read_ones for claim in one.claims} == set(Status) - {Status.RETRACTED}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [found for key, one in inner for found in _paths(one, (*path, key))]


_WHOLE = csaf(
    product_status={"known_not_affected": ["9:xz"], "fixed": ["9"]},
    ids=[{"system_name": "x", "text": "X-1"}],
    flags=[{"label": "vulnerable_code_not_present", "product_ids": ["9:xz"]}],
    remediations=[{"category": "vendor_fix", "details": "Update.", "product_ids": ["9"]}],
)


@settings(max_examples=60, deadline=None)
@given(where=st.sampled_from(_paths(_WHOLE)[1:]), value=_JSON)
def test_whatever_stands_anywhere_is_read_or_refused(where: tuple[Any, ...], value: Any) -> None:  # noqa: ANN401
    document = json.loads(json.dumps(_WHOLE))
    *above, last = where
    holder = document
    for key in above:
        holder = holder[key]
    holder[last] = value
    try:
        read_vex(json.dumps(document).encode())
    except ServiceError as refusal:
        assert refusal.detail  # noqa: PT017 - either is right

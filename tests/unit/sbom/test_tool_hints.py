"""What trivy, syft and others write beside the standard."""

import orjson
import pytest

from service.sbom import Scope, read
from service.sbom.hints import scope_from_properties, source_from_info, source_from_properties

TRIVY = "aquasecurity:trivy:Src"
SYFT = "syft:metadata:"


@pytest.mark.parametrize(
    ("info", "source"),
    [
        ("built package from: xz-utils 5.6.1-1", ("xz-utils", "5.6.1-1")),
        ("built package from: shadow 1:4.13+dfsg1-1", ("shadow", "1:4.13+dfsg1-1")),
        ("built package from: glibc", ("glibc", "")),
        ("acquired package info from DPKG DB: /var/lib/dpkg/status", ("", "")),
        ("Node.js", ("", "")),
    ],
)
def test_source_info_of_trivy_names_the_source_package(info: str, source: tuple[str, str]) -> None:
    assert source_from_info(info) == source


@pytest.mark.parametrize(
    ("properties", "source"),
    [
        ({f"{TRIVY}Name": "xz", f"{TRIVY}Version": "5.6.1", f"{TRIVY}Release": "2.fc40"}, ("xz", "5.6.1-2.fc40")),
        ({f"{TRIVY}Name": "xz", f"{TRIVY}Version": "5.6", f"{TRIVY}Epoch": "1"}, ("xz", "1:5.6")),
        ({f"{TRIVY}Name": "busybox", f"{TRIVY}Version": "1.36.1-r4"}, ("busybox", "1.36.1-r4")),
        ({f"{SYFT}source": "glibc", f"{SYFT}sourceVersion": "2.36-9"}, ("glibc", "2.36-9")),
        ({f"{SYFT}sourceRpm": "perl-libs-5.32.1-481.el9.src.rpm"}, ("perl-libs", "5.32.1-481.el9")),
        ({f"{SYFT}sourceRpm": "odd.src.rpm"}, ("odd.src.rpm", "")),
        ({f"{SYFT}originPackage": "xz"}, ("xz", "")),
        ({"other": "x"}, ("", "")),
    ],
)
def test_properties_name_the_source_package(properties: dict[str, str], source: tuple[str, str]) -> None:
    assert source_from_properties(properties) == source


@pytest.mark.parametrize(
    ("name", "value", "scope"),
    [
        ("cdx:npm:package:development", "true", Scope.DEV),
        ("cdx:composer:package:isDevRequirement", "true", Scope.DEV),
        ("cdx:poetry:group", "dev", Scope.DEV),
        ("cdx:maven:component_scope", "test", Scope.TEST),
        ("cdx:npm:package:development", "false", None),
        ("cdx:poetry:group", "main", None),
    ],
)
def test_properties_tell_development_dependencies(name: str, value: str, scope: Scope | None) -> None:
    assert scope_from_properties({name: value}) is scope


def test_each_further_cpe_of_syft_is_a_property_of_the_same_name() -> None:
    properties = [
        {"name": "syft:cpe23", "value": "cpe:2.3:a:acme:b:1:*:*:*:*:*:*:*"},
        {"name": "syft:cpe23", "value": "cpe:2.3:a:b:b:1:*:*:*:*:*:*:*"},
        {"name": "syft:cpe23", "value": "unknown"},
    ]
    listed = {"type": "library", "name": "b", "cpe": "cpe:2.3:a:b:b:1:*:*:*:*:*:*:*", "properties": properties}

    (found,) = read(orjson.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [listed]})).components

    assert found.cpes == ("cpe:2.3:a:b:b:1:*:*:*:*:*:*:*", "cpe:2.3:a:acme:b:1:*:*:*:*:*:*:*")

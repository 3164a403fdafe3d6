"""tern lists what it finds by layer, and what it is only there."""

import json

import pytest

from service.sbom import Component, Document, OperatingSystem, read
from service.sbom.hints import system_from_pretty_name

FOUND = "Layer 1:\n\tinfo: Found '{system}' in /etc/os-release.\n\tinfo: Retrieved package metadata using {method}.\n"
SOURCE = "This package refers to a source package associated with one or more binary packages installed here."


def _read(layers: dict[str, str], packages: dict[str, str]) -> Document:
    """Read an SBOM of *layers* (ref → report) and *packages* (name → layer), each built from ``<name>-src``."""
    listed = [{"SPDXID": ref, "name": ref, "comment": report} for ref, report in layers.items()]
    relations = [_relation("image", "CONTAINS", ref) for ref in layers]
    for name, layer in packages.items():
        listed.append({"SPDXID": name, "name": name, "versionInfo": "1-1"})
        listed.append({"SPDXID": f"{name}-src", "name": f"src-{name}", "versionInfo": "1-0", "comment": SOURCE})
        relations += [_relation(layer, "CONTAINS", name), _relation(name, "GENERATED_FROM", f"{name}-src")]
    described = {"SPDXID": "image", "name": "acme/image"}
    document = {
        "spdxVersion": "SPDX-2.2",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "acme",
        "documentDescribes": ["image"],
        "packages": [described, *listed],
        "relationships": relations,
    }
    return read(json.dumps(document).encode())


def _relation(start: str, kind: str, end: str) -> dict[str, str]:
    return {"spdxElementId": start, "relationshipType": kind, "relatedSpdxElement": end}


def _of(document: Document) -> dict[str, Component]:
    return {one.name: one for one in document.components}


def test_a_layer_says_what_kind_its_packages_are_and_of_which_system() -> None:
    report = FOUND.format(system="Debian GNU/Linux 11 (bullseye)", method="dpkg default method")
    document = _read({"layer": report}, {"liblzma5": "layer"})

    assert document.operating_system == OperatingSystem(id="debian", version="11")
    found = _of(document)
    assert found["liblzma5"].package_type == "deb"
    assert (found["liblzma5"].source_name, found["liblzma5"].source_version) == ("src-liblzma5", "1-0")
    assert (found["src-liblzma5"].package_type, found["src-liblzma5"].scope) == ("deb", "excluded")
    assert found["layer"].package_type == ""


def test_the_cut_versions_of_source_rpms_count_for_nothing() -> None:
    report = FOUND.format(system="Amazon Linux 2", method="rpm default method")
    found = _of(_read({"layer": report}, {"bash": "layer"}))

    assert (found["bash"].package_type, found["bash"].source_name, found["bash"].source_version) == (
        "rpm",
        "src-bash",
        "",
    )
    assert found["src-bash"].package_type == ""


def test_layers_that_disagree_say_nothing() -> None:
    one = FOUND.format(system="Debian GNU/Linux 11 (bullseye)", method="dpkg default method")
    two = FOUND.format(system="Alpine Linux v3.16", method="apk default method")
    document = _read({"one": one, "two": two}, {"a": "one", "b": "two"})
    both = _read({"one": one + two}, {"a": "one"})

    assert document.operating_system is None
    assert _of(document)["b"].package_type == "apk"
    assert _of(both)["a"].package_type == ""


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("Alpine Linux v3.16", OperatingSystem(id="alpine", version="3.16")),
        ("Distroless - Debian GNU/Linux 10 (buster)", OperatingSystem(id="debian", version="10")),
        ("Ubuntu 18.04.6 LTS", OperatingSystem(id="ubuntu", version="18.04.6")),
        ("Red Hat Enterprise Linux 8.6 (Ootpa)", OperatingSystem(id="rhel", version="8.6")),
        ("SUSE Linux Enterprise Server 15 SP3", OperatingSystem(id="sles", version="15.3")),
        ("Buildroot 2016.08.1", None),
        ("Debian GNU/Linux trixie/sid", None),
        ("Minimal", None),
    ],
)
def test_a_name_for_people_is_read_as_os_release_means_it(name: str, system: OperatingSystem | None) -> None:
    assert system_from_pretty_name(name) == system

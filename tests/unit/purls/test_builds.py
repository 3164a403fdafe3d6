"""Which build, which place, and what carries no code: the rules beside names and versions."""

import pytest

from service.purls import Coordinate, identify, place_of, place_of_purl
from service.purls.builds import build_of, line_of
from service.purls.codeless import codeless


def of(purl: str) -> tuple[Coordinate, ...]:
    return identify(purl=purl, name="", version="").coordinates


@pytest.mark.parametrize(
    ("version", "qualifiers", "build"),
    [
        ("16.20.2-8.module_el8.10.0+3892+7d9d6b0a", {}, "/16.20.2."),
        ("1:18.12.1-2.module+el8.7.0+17306", {"modularitylabel": "nodejs:18:80700:ad008a3a"}, "nodejs:18/18.12.1."),
        ("16.20.2-8.el8", {"rpmmod": "nodejs:16:8060020220523160029:ad008a3a"}, "nodejs:16/16.20.2."),
        ("3.0.7-27.el9", {}, ""),
        ("2.66-4.el8", {"rpmmod": "not a module"}, ""),
    ],
)  # fmt: skip
def test_an_rpm_says_by_label_or_version_which_module_built_it(
    version: str, qualifiers: dict[str, str], build: str
) -> None:
    assert build_of("rpm", version, qualifiers) == build


def test_lines_follow_the_streams_number_where_versions_do() -> None:
    assert line_of("1:18.12.1-2.module+el8", "nodejs:18") == "18."
    assert line_of("1.24.0-2.module+el8", "nodejs:18") == "1.24."
    assert line_of("2:4.4.1-2.module+el8", "container-tools:rhel8") == "4.4."
    assert line_of("180.1-1", "nodejs:18") == "180.1."
    assert line_of("git-1", "") == "git-1"


def test_ubuntu_pro_built_what_says_esm() -> None:
    assert build_of("deb", "1.0.1f-1ubuntu2.27+esm9", {}) == "esm"
    assert build_of("deb", "2.7.12-1ubuntu0~16.04.18", {}) == ""


@pytest.mark.parametrize(
    ("ecosystem", "place"),
    [
        ("Red Hat:enterprise_linux:9::appstream", "Red Hat:enterprise_linux:9"),
        ("Red Hat:enterprise_linux:7::client", "Red Hat:enterprise_linux:7"),
        ("Red Hat:rhel_eus:9.2::appstream", "Red Hat:extended:9.2"),
        ("Red Hat:rhel_aus:8.6::appstream", "Red Hat:extended:8.6"),
        ("Red Hat:satellite:6.15::el8", "Red Hat:satellite:6.15::el8"),
        ("Red Hat:ocp_tools:4.15::el9", "Red Hat:ocp_tools:4.15::el9"),
        ("Ubuntu:26.04", "Ubuntu:26.04:LTS"),
        ("Ubuntu:25.04", "Ubuntu:25.04"),
        ("Ubuntu:Pro:22.04:LTS:Realtime:Kernel", "Ubuntu:Pro:22.04:LTS:Realtime:Kernel"),
        ("Debian:13", "Debian:13"),
    ],
)
def test_one_place_has_one_name(ecosystem: str, place: str) -> None:
    assert place_of(ecosystem) == place


def test_red_hats_package_stands_in_its_major_release_and_perhaps_in_its_extended_updates() -> None:
    found = of("pkg:rpm/redhat/libcurl@7.61.1-33.el8_9.5?upstream=curl-7.61.1-33.el8_9.5.src.rpm&distro=rhel-8.9")

    assert [(one.ecosystem, one.name, one.release_known) for one in found] == [
        ("Red Hat:enterprise_linux:8", "curl", True),
        ("Red Hat:enterprise_linux:8", "libcurl", True),
        ("Red Hat:extended:8.9", "curl", False),
        ("Red Hat:extended:8.9", "libcurl", False),
    ]


def test_a_long_term_release_of_ubuntu_has_several_lists() -> None:
    def lists(purl: str) -> list[tuple[str, bool]]:
        return [(one.ecosystem, one.release_known) for one in of(purl) if one.name == one.name.lower()]

    assert lists("pkg:deb/ubuntu/bash@5.0-6ubuntu1?distro=ubuntu-20.04") == [
        ("Ubuntu:20.04:LTS", True),
        ("Ubuntu:Pro:20.04:LTS", True),
    ]
    assert lists("pkg:deb/ubuntu/bash@5.0-6ubuntu1.2%2Besm1?distro=ubuntu-20.04") == [
        ("Ubuntu:20.04:LTS", False),
        ("Ubuntu:Pro:20.04:LTS", True),
    ]
    assert lists("pkg:deb/ubuntu/openssl@1.1.1f-1ubuntu2.fips.22?distro=ubuntu-20.04") == [
        ("Ubuntu:Pro:FIPS:20.04:LTS", False),
        ("Ubuntu:Pro:FIPS-updates:20.04:LTS", False),
        ("Ubuntu:Pro:FIPS-preview:20.04:LTS", False),
    ]
    assert lists("pkg:deb/ubuntu/linux-realtime@5.15.0-1032.35?distro=ubuntu-22.04") == [
        ("Ubuntu:Pro:22.04:LTS:Realtime:Kernel", False),
        ("Ubuntu:22.04:LTS", False),
        ("Ubuntu:Pro:22.04:LTS", False),
    ]


@pytest.mark.parametrize(
    ("kind", "name", "what"),
    [
        ("deb", "linux-libc-dev", "headers"),
        ("deb", "linux-headers-6.1.0-18-amd64", "headers"),
        ("deb", "linux-image-6.1.0-18-amd64", ""),
        ("deb", "linux-modules-5.15.0-101-generic", ""),
        ("rpm", "kernel-headers", "headers"),
        ("rpm", "kernel-core", ""),
        ("rpm", "kernel-rt-devel", "headers"),
        ("apk", "linux-headers", "headers"),
        ("apk", "linux-lts", ""),
        ("deb", "git-doc", "documentation"),
        ("deb", "docker.io", ""),
        ("rpm", "java-17-openjdk-javadoc", "documentation"),
        ("apk", "man-db", ""),
        ("npm", "api-doc", ""),
        ("apk", "linux-lts-dev", "headers"),
        ("apk", "linux-pam-dev", ""),
    ],
)
def test_headers_of_the_kernel_and_documentation_carry_no_code(kind: str, name: str, what: str) -> None:
    assert codeless(kind, name) == what


def test_headers_stand_under_their_own_name_alone() -> None:
    found = of("pkg:deb/debian/linux-libc-dev@6.1.76-1?upstream=linux&distro=debian-12")

    assert [(one.name, one.relation) for one in found] == [("linux-libc-dev", "headers")]


@pytest.mark.parametrize(
    ("purl", "place"),
    [
        ("pkg:rpm/fedora/xz", ("purl:rpm/fedora", "xz")),
        ("pkg:alpm/arch/xz", ("purl:alpm/arch", "xz")),
        ("pkg:generic/xz", ("purl:generic", "xz")),
        ("pkg:conda/xz", ("purl:conda", "xz")),
        ("pkg:deb/debian/xz-utils?distro=debian-13", ("Debian:13", "xz-utils")),
        ("pkg:deb/debian/xz-utils", ("Debian", "xz-utils")),
        ("pkg:pypi/Zope.Interface", ("PyPI", "zope-interface")),
        ("pkg:rpm/fedora/xz?distro=fedora-40", None),
        ("pkg:rpm/fedora/xz@5.6.0", None),
        ("pkg:generic/xz?download_url=https://example.org/xz.tar.gz", None),
        ("pkg:gitlab/acme/tool", None),
        ("xz", None),
    ],
)
def test_a_purl_without_version_names_a_place(purl: str, place: tuple[str, str] | None) -> None:
    assert place_of_purl(purl) == place


@pytest.mark.parametrize(
    "purl", ["pkg:rpm/fedora/xz-libs@5.6.0-2.fc40?upstream=xz", "pkg:generic/xz@5.6.0", "pkg:alpm/arch/xz@5.6.1-1"]
)
def test_what_osv_has_no_ecosystem_for_stands_where_its_purl_says(purl: str) -> None:
    named = place_of_purl({"rpm": "pkg:rpm/fedora/xz", "gen": "pkg:generic/xz", "alp": "pkg:alpm/arch/xz"}[purl[4:7]])

    assert named in [(one.ecosystem, one.name) for one in of(purl) if one.release_known]

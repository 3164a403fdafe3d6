import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.purls import Coordinate, Identity, base_of, identify, normalise_name
from service.purls.identity import MAX_NAME


def _identify(purl: str, name: str = "", version: str = "", **rest: str) -> Identity:
    return identify(purl=purl, name=name, version=version, **rest)  # type: ignore[arg-type]


def _where(identity: Identity) -> list[tuple[str, str, str]]:
    return [(each.ecosystem, each.name, each.version) for each in identity.coordinates]


@pytest.mark.parametrize(
    ("purl", "ecosystem", "name", "version"),
    [
        ("pkg:npm/%40angular/core@12.0.0", "npm", "@angular/core", "12.0.0"),
        ("pkg:npm/JSONStream@1.3.5", "npm", "JSONStream", "1.3.5"),
        ("pkg:pypi/Zope.Interface@5.0", "PyPI", "zope-interface", "5.0"),
        (
            "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
            "Maven",
            "org.apache.logging.log4j:log4j-core",
            "2.14.1",
        ),
        ("pkg:nuget/SharpCompress@0.28.0", "NuGet", "sharpcompress", "0.28.0"),
        ("pkg:golang/github.com/Masterminds/sprig@v2.22.0", "Go", "github.com/Masterminds/sprig", "v2.22.0"),
        ("pkg:golang/stdlib@1.21.1", "Go", "stdlib", "1.21.1"),
        ("pkg:cargo/smallvec@1.0.0", "crates.io", "smallvec", "1.0.0"),
        ("pkg:composer/Symfony/HTTP-Kernel@5.0", "Packagist", "symfony/http-kernel", "5.0"),
        ("pkg:hex/Phoenix@1.0.0", "Hex", "phoenix", "1.0.0"),
        ("pkg:pub/Http-Parser@1.0.0", "Pub", "http_parser", "1.0.0"),
        ("pkg:swift/github.com/Apple/swift-nio.git@2.0.0", "SwiftURL", "github.com/apple/swift-nio", "2.0.0"),
        ("pkg:bitnami/Redis@7.0.0-1", "Bitnami", "redis", "7.0.0-1"),
        ("pkg:julia/XZ_jll@5.6.1%2B0?uuid=ffd25f8a", "Julia", "XZ_jll", "5.6.1+0"),
        ("pkg:conan/xz_utils@5.6.1", "ConanCenter", "xz_utils", "5.6.1"),
        ("pkg:vscode-extension/Publisher/Name@1.0", "VSCode", "publisher.name", "1.0"),
        ("pkg:gem/rails@6.0", "RubyGems", "rails", "6.0"),
    ],
)
def test_a_registrys_package_stands_under_the_name_its_ecosystem_compares(
    purl: str, ecosystem: str, name: str, version: str
) -> None:
    identity = _identify(purl)

    assert identity.coordinates == (Coordinate(ecosystem, name, version, "package", True),)
    assert identity.unevaluated == ""
    assert normalise_name(ecosystem, name) == name


def test_advisories_write_names_the_same_way() -> None:
    assert normalise_name("SwiftURL", "https://github.com/vapor/vapor.git") == "github.com/vapor/vapor"
    assert normalise_name("NuGet", "Newtonsoft.Json") == "newtonsoft.json"
    assert normalise_name("Packagist:https://packages.drupal." + "org/8", "drupal/Core") == "drupal/core"
    assert normalise_name("Debian:13", "libX") == "libX"


def test_only_releases_have_a_base() -> None:
    assert base_of("Debian:13") == "Debian"
    assert base_of("Ubuntu:24.04:LTS") == "Ubuntu"
    assert base_of("Debian") == ""
    assert base_of("Maven:https://repo.example/maven") == ""


def test_a_debian_package_stands_under_its_source_and_its_own_name() -> None:
    identity = _identify("pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils&distro=debian-13")

    assert identity.coordinates == (
        Coordinate("Debian:13", "xz-utils", "5.6.1-1", "source", True),
        Coordinate("Debian:13", "liblzma5", "5.6.1-1", "package", True),
    )
    assert (identity.source_name, identity.source_version, identity.distribution) == (
        "xz-utils",
        "5.6.1-1",
        "debian:13",
    )


def test_the_source_has_its_own_version() -> None:
    identity = _identify("pkg:deb/debian/libgcc-s1@12.2.0-14?upstream=gcc-12%4012.2.0-13&distro=debian-12")

    assert ("Debian:12", "gcc-12", "12.2.0-13") in _where(identity)


def test_a_binary_rebuild_is_compared_by_the_version_of_its_source() -> None:
    identity = _identify("pkg:deb/debian/liblzma5@5.6.1-1%2Bb2?upstream=xz-utils&distro=debian-13")

    assert identity.version == "5.6.1-1+b2"
    assert {version for _, _, version in _where(identity)} == {"5.6.1-1"}


def test_a_well_known_source_is_found_where_the_scanner_says_none() -> None:
    for purl in ("pkg:deb/debian/liblzma5@5.6.1-1?distro=debian-13", "pkg:deb/ubuntu/libssl3t64@3.0.13?distro=noble"):
        assert _identify(purl).coordinates[0].relation == "source"
    assert _identify("pkg:apk/alpine/xz-libs@5.6.0-r0?distro=3.18.1").source_name == "xz"
    assert _identify("pkg:rpm/opensuse/liblzma5@5.6.1-1.1?distro=opensuse-tumbleweed").source_name == ""


def test_what_the_document_says_of_the_source_goes_before_the_table() -> None:
    identity = _identify(
        "pkg:deb/debian/libssl1.1@1.1.1-1?distro=debian-11", source_name="openssl1.1", source_version="1.1.1-0"
    )

    assert _where(identity)[0] == ("Debian:11", "openssl1.1", "1.1.1-0")


def test_an_rpm_carries_its_epoch_and_so_does_its_source() -> None:
    identity = _identify(
        "pkg:rpm/almalinux/openssl-libs@3.0.7-1.el9?epoch=1&upstream=openssl-3.0.7-1.el9.src.rpm&distro=almalinux-9.3"
    )

    assert identity.version == "1:3.0.7-1.el9"
    assert _where(identity) == [
        ("AlmaLinux:9", "openssl", "1:3.0.7-1.el9"),
        ("AlmaLinux:9", "openssl-libs", "1:3.0.7-1.el9"),
    ]


def test_openeuler_is_compared_without_epoch() -> None:
    identity = _identify("pkg:rpm/openEuler/dnsmasq@2.82-1?epoch=1&distro=openEuler-22.03-LTS-SP3")

    assert _where(identity) == [("openEuler:22.03-LTS-SP3", "dnsmasq", "2.82-1")]


def test_wolfi_is_looked_up_by_what_is_installed() -> None:
    assert _where(_identify("pkg:apk/wolfi/xz-libs@5.4-r0?upstream=xz")) == [("Wolfi", "xz-libs", "5.4-r0")]


def test_the_purls_version_goes_before_a_shortened_one() -> None:
    assert _identify("pkg:rpm/fedora/xz-libs@5.6.0-2.fc40", version="5.6.0").version == "5.6.0-2.fc40"
    assert _identify("pkg:npm/lodash", version="4.17.21").coordinates[0].version == "4.17.21"


@pytest.mark.parametrize(
    ("purl", "reason"),
    [
        ("", "no-purl"),
        ("pkg:none", "bad-purl"),
        ("pkg:npm/lodash", "no-version"),
        ("pkg:maven/a/b@${project.version}", "no-version"),
        ("pkg:npm/lodash@UNKNOWN", "no-version"),
        ("pkg:generic/xz@5.6.0", "no-ecosystem"),
        ("pkg:maven/no-group@1.0", "no-ecosystem"),
        ("pkg:rpm/fedora/xz-libs@5.6.0-2.fc40?distro=fedora-40", "no-ecosystem"),
        ("pkg:brew/xz@5.6.1", "no-ordering"),
        ("pkg:deb/bash@5.0", "unknown-distribution"),
        ("pkg:deb/debian/bash@5.0", "unknown-release"),
        ("pkg:golang/github.com/acme/app@%28devel%29", "go-devel-version"),
        ("pkg:golang/github.com/acme/app@v0.0.0-00010101000000-000000000000", "go-devel-version"),
        ("pkg:golang/../api", "go-local-module"),
    ],
)
def test_what_cannot_be_evaluated_says_why(purl: str, reason: str) -> None:
    identity = _identify(purl, name="xz")

    in_osv = [each for each in identity.coordinates if not each.ecosystem.startswith("purl:")]
    assert identity.unevaluated == reason
    assert all(not each.release_known or reason == "no-ordering" for each in in_osv)


def test_a_package_without_release_stands_in_the_bare_distribution() -> None:
    identity = _identify("pkg:deb/debian/xz-utils@5.6.1-1")

    assert identity.coordinates == (Coordinate("Debian", "xz-utils", "5.6.1-1", "package", False),)


def test_the_end_of_a_go_module_that_was_filed_as_subpath_comes_back() -> None:
    purl = "pkg:golang/github.com/cespare/xxhash@v2.1.2?package-id=2d4b#v2"

    assert _identify(purl, name="github.com/cespare/xxhash/v2").coordinates[0].name == "github.com/cespare/xxhash/v2"
    assert _identify(purl, name="xxhash").coordinates[0].name == "github.com/cespare/xxhash"


def test_a_drupal_module_is_looked_up_in_drupals_repository_too() -> None:
    assert [each.ecosystem for each in _identify("pkg:composer/drupal/token@1.0").coordinates] == [
        "Packagist",
        "Packagist:https://packages.drupal." + "org/8",
    ]


def test_a_name_that_is_too_long_is_cut_without_meeting_another() -> None:
    one, other = (_identify("", name="a" * 600 + end) for end in "xy")

    assert len(one.name) == MAX_NAME
    assert one.name != other.name


_ANYTHING = st.text(st.characters())


@given(purl=_ANYTHING, name=_ANYTHING, version=_ANYTHING, distro=_ANYTHING)
@example(purl="npm/\ud800", name="\ud800", version="\0", distro="kali")
def test_nothing_makes_it_raise(purl: str, name: str, version: str, distro: str) -> None:
    debian = f"pkg:deb/debian/{purl}@{version}?distro={distro}"
    for written in (purl, debian, f"pkg:golang/{purl}#{name}", "pkg:deb/bash@5"):
        identity = _identify(written, name=name, version=version, source_name=name, os_id=distro, os_version=version)
        shown = f"{identity.purl}{identity.name}{identity.version}{identity.source_name}{identity.distribution}"
        assert shown.isprintable()

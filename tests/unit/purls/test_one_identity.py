"""What several scanners write about one package is one identity, and no more than that."""

import pytest

from service.purls import Coordinate, Identity, identify, parse, release_among
from service.purls.releases import release_of


def _identify(purl: str, name: str = "", version: str = "", **rest: str) -> Identity:
    return identify(purl=purl, name=name, version=version, **rest)  # type: ignore[arg-type]


_LIBC6 = _identify("pkg:deb/debian/libc6@2.31-13%2Bdeb11u5?arch=amd64&upstream=glibc&distro=debian-11")


@pytest.mark.parametrize(
    "identity",
    [
        _identify(  # trivy
            "pkg:deb/debian/libc6@2.31-13+deb11u5?distro=debian-11.6",
            source_name="glibc",
            source_version="2.31-13+deb11u5",
        ),
        _identify(  # bom, beside base-files
            "pkg:deb/debian/libc6@2.31-13+deb11u5?arch=arm64", os_id="debian", os_version="11"
        ),
        _identify("pkg:deb/debian/libc6@2.31-13+deb11u5?distro=bullseye&package-id=5a"),
        _identify("pkg:deb/debian/libc6@0:2.31-13+deb11u5?distro_id=debian&distro_version=11"),
        _identify("pkg:deb/libc6@2.31-13+deb11u5?distro=debian-11"),
        _identify("pkg:debian/libc6@2.31-13+deb11u5?os_name=debian&os_version=11.6"),
        _identify("pkg:deb/debian/libc6?distro=debian-11", version="2.31-13+deb11u5"),
    ],
)
def test_scanners_write_one_debian_package_in_many_ways(identity: Identity) -> None:
    assert identity == _LIBC6


def test_a_package_without_purl_is_told_by_its_package_database_and_system() -> None:
    tern = identify(
        purl="", name="libc6", version="2.31-13+deb11u5", package_type="deb", os_id="debian", os_version="11"
    )

    assert tern.identified_by == "name+distribution"
    assert tern.coordinates == _LIBC6.coordinates
    assert (tern.purl, tern.distribution) == (_LIBC6.purl, _LIBC6.distribution)


@pytest.mark.parametrize(
    ("system", "kind"),
    [(("", ""), "deb"), (("alpine", "3.18"), "deb"), (("debian", "11"), ""), (("debian", "11"), "npm")],
)
def test_a_name_alone_is_never_taken_for_a_package(system: tuple[str, str], kind: str) -> None:
    identity = identify(purl="", name="libc6", version="2.31", package_type=kind, os_id=system[0], os_version=system[1])

    assert (identity.type, identity.coordinates, identity.unevaluated) == ("", (), "no-purl")
    assert identity.identified_by == "none"


def test_the_written_purl_says_the_release_and_leads_back_to_the_same_identity() -> None:
    for purl, written in [
        ("pkg:deb/debian/a@1?arch=all&distro=debian-11.6", "pkg:deb/debian/a@1?distro=debian-11"),
        ("pkg:alpine/a@1-r0?distro=3.16.2&upstream=b", "pkg:apk/alpine/a@1-r0?distro=alpine-3.16"),
        ("pkg:rpm/sles/a@1-1?distro=sles-15.4", "pkg:rpm/suse/a@1-1?distro=suse-15.4"),
        ("pkg:rpm/opensuse.tumbleweed/a@1-1", "pkg:rpm/opensuse/a@1-1?distro=opensuse-tumbleweed"),
        (
            "pkg:rpm/amazon/a@2:1-1?arch=None&distro=amazon-2%20%28Karoo%29",
            "pkg:rpm/amazon/a@1-1?distro=amazon-2&epoch=2",
        ),
        ("pkg:rpm/redhat/a@1-1?repository_id=rhel-9-baseos-rpms", "pkg:rpm/redhat/a@1-1"),
        ("pkg:deb/debian/a@1?distro=raspbian-11", "pkg:deb/debian/a@1?distro=raspbian-11"),
        ("pkg:maven/org.acme/a@1?type=jar", "pkg:maven/org.acme/a@1"),
        ("pkg:maven/org.acme/a@1?type=war&classifier=x", "pkg:maven/org.acme/a@1?classifier=x&type=war"),
        ("pkg:golang/acme.example/a@1.2.3?type=module&goos=linux", "pkg:golang/acme.example/a@v1.2.3"),
        ("pkg:golang/stdlib@go1.21.1", "pkg:golang/stdlib@1.21.1"),
        ("pkg:npm/a@1?repository_url=https://npm.acme.example", "pkg:npm/a@1?repository_url=https://npm.acme.example"),
    ]:
        identity = _identify(purl)
        assert identity.purl == written
        again = _identify(written)
        assert (again.purl, again.version, again.distribution) == (written, identity.version, identity.distribution)


def test_epochs_written_in_qualifier_and_in_version_are_the_same() -> None:
    one = _identify("pkg:rpm/fedora/xz-libs@5.4.6-3.fc41?epoch=1&distro=fedora-41")
    assert one == _identify("pkg:rpm/fedora/xz-libs@1:5.4.6-3.fc41?distro=fedora-41")
    assert one != _identify("pkg:rpm/fedora/xz-libs@5.4.6-3.fc41?distro=fedora-41")


def test_a_module_whose_purl_lost_its_case_gets_it_from_the_name() -> None:
    trivy = _identify("pkg:golang/github.com/burntsushi/toml@v1.0.0", name="github.com/BurntSushi/toml")

    assert trivy == _identify("pkg:golang/github.com/BurntSushi/toml@v1.0.0", name="github.com/BurntSushi/toml")
    assert trivy.coordinates[0].name == "github.com/BurntSushi/toml"
    assert parse(_identify("pkg:golang/acme.example/a@v1", name="Acme application").purl).name == "a"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pkg:deb/debian/a@1?distro=debian-11", "pkg:deb/debian/a@1?distro=debian-12"),
        ("pkg:deb/debian/a@1?distro=debian-11", "pkg:deb/debian/a@1"),
        ("pkg:deb/debian/a@1?distro=debian-11", "pkg:deb/debian/a@1?distro=debian-11&upstream=b"),
        ("pkg:deb/debian/a@1", "pkg:deb/ubuntu/a@1"),
        ("pkg:rpm/centos/a@1-1", "pkg:rpm/redhat/a@1-1"),
        ("pkg:rpm/redhat/a@1-1?modularity=nodejs:18", "pkg:rpm/redhat/a@1-1"),
        ("pkg:npm/JSONStream@1", "pkg:npm/jsonstream@1"),
        ("pkg:pypi/a@1?vcs_url=git%2Bhttps://acme.example/a", "pkg:pypi/a@1"),
    ],
)
def test_what_an_advisory_may_tell_apart_stays_apart(one: str, other: str) -> None:
    assert _identify(one) != _identify(other)


def test_an_rpm_without_its_release_is_evaluated_but_never_with_certainty() -> None:
    identity = _identify("pkg:rpm/almalinux/bash@5.1.8?distro=almalinux-9")

    assert identity.unevaluated == "no-release"
    assert identity.coordinates == (Coordinate("AlmaLinux:9", "bash", "5.1.8", "package", False),)


def test_a_component_without_purl_is_known_by_its_cpe_and_a_layer_by_its_digest() -> None:
    by_cpe = identify(purl="", name="openjdk", version="1.8.0", cpes=("cpe:2.3:a:oracle:openjdk:1.8.0:*:*:*:*:*:*:*",))
    layer = _identify("", name="sha256:" + "0f" * 32)

    assert (by_cpe.identified_by, by_cpe.unevaluated) == ("cpe", "no-ecosystem")
    assert (layer.identified_by, layer.unevaluated) == ("none", "image-layer")
    assert identify(purl="pkg:none", name="a", version="1", cpes=("cpe:/a:b:c",)).unevaluated == "bad-purl"


@pytest.mark.parametrize(
    ("purl", "source"),
    [
        ("pkg:deb/debian/libstdc++6@10.2.1-6?distro=debian-11", "gcc-10"),
        ("pkg:deb/ubuntu/libstdc++6@12.1.0-2ubuntu1~22.04?distro=ubuntu-22.04", "gcc-12"),
        ("pkg:deb/debian/libstdc++6@10.2.1-6", ""),
        ("pkg:deb/ubuntu/libc6@2.19-0ubuntu6?distro=ubuntu-14.04", "eglibc"),
        ("pkg:deb/debian/login@1:4.16.0-2?distro=debian-13", ""),
        ("pkg:apk/alpine/libssl1.1@1.1.1s-r1?distro=3.17.0", "openssl1.1-compat"),
        ("pkg:apk/alpine/libssl1.1@1.1.1s-r0?distro=3.16.2", "openssl"),
    ],
)
def test_some_sources_depend_on_the_release(purl: str, source: str) -> None:
    assert _identify(purl).source_name == source


@pytest.mark.parametrize(
    ("name", "version", "release"),
    [
        ("base-files", "11.1+deb11u6", ("debian", "11")),
        ("base-files", "12.4", ("debian", "12")),
        ("base-files", "12ubuntu4.2", ("ubuntu", "22.04")),
        ("base-files", "13.3", None),
        ("base-files", "11.1+rpi1+deb11u6", None),
        ("base-files", "12ubuntu3", None),
        ("alpine-release", "3.18.4-r0", ("alpine", "3.18")),
        ("rocky-release", "9.3-1.3.el9", ("rocky", "9.3")),
        ("bash", "5.1", None),
    ],
)
def test_the_owner_of_os_release_names_the_release(name: str, version: str, release: tuple[str, str] | None) -> None:
    assert release_of(name, version) == release


def test_two_releases_in_one_document_name_none_but_a_rebuild_of_red_hat_is_itself() -> None:
    assert release_among([("base-files", "11.1+deb11u6"), ("base-files", "12.4+deb12u5")]) is None
    assert release_among([("redhat-release", "8.7-0.3"), ("oraclelinux-release", "8.7-1.0")]) == ("ol", "8.7")

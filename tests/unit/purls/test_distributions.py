import pytest

from service.purls.distributions import Distribution, distribution_of


def _of(kind: str, namespace: str, distro: str = "", system: tuple[str, str] = ("", "")) -> Distribution:
    return distribution_of(kind, namespace, distro, *system)


@pytest.mark.parametrize(
    ("kind", "namespace", "distro", "label", "ecosystems"),
    [
        ("deb", "debian", "debian-13", "debian:13", ("Debian:13",)),
        ("deb", "debian", "debian-11.6", "debian:11", ("Debian:11",)),
        ("deb", "debian", "bookworm", "debian:12", ("Debian:12",)),
        ("deb", "debian", "debian-trixie", "debian:13", ("Debian:13",)),
        ("deb", "debian", "debian-6", "debian:6.0", ("Debian:6.0",)),
        ("deb", "", "debian-12", "debian:12", ("Debian:12",)),
        ("deb", "ubuntu", "ubuntu-24.04", "ubuntu:24.04", ("Ubuntu:24.04:LTS",)),
        ("deb", "ubuntu", "ubuntu-21.04", "ubuntu:21.04", ("Ubuntu:21.04",)),
        ("deb", "ubuntu", "ubuntu-22.10", "ubuntu:22.10", ("Ubuntu:22.10",)),
        ("deb", "ubuntu", "jammy", "ubuntu:22.04", ("Ubuntu:22.04:LTS",)),
        ("apk", "alpine", "alpine-3.18.4", "alpine:v3.18", ("Alpine:v3.18",)),
        ("apk", "alpine", "3.16.0", "alpine:v3.16", ("Alpine:v3.16",)),
        ("apk", "alpine", "3.20.0_alpha20240329", "alpine:edge", ("Alpine:edge",)),
        ("apk", "alpine", "edge", "alpine:edge", ("Alpine:edge",)),
        ("apk", "alpaquita", "alpaquita-23", "alpaquita:23", ("Alpaquita:23",)),
        ("apk", "alpaquita", "stream", "alpaquita:stream", ("Alpaquita:stream",)),
        ("apk", "wolfi", "wolfi-20230201", "wolfi", ("Wolfi",)),
        ("apk", "chainguard", "", "chainguard", ("Chainguard",)),
        ("rpm", "almalinux", "almalinux-9.3", "almalinux:9", ("AlmaLinux:9",)),
        ("rpm", "almalinux", "alma-8.7", "almalinux:8", ("AlmaLinux:8",)),
        ("rpm", "rocky", "rocky-8.7", "rocky:8", ("Rocky Linux:8",)),
        ("rpm", "rocky", "rocky-linux-8-4-legacy", "rocky:8", ("Rocky Linux:8",)),
        ("rpm", "opensuse", "opensuse-tumbleweed", "opensuse:tumbleweed", ("openSUSE:Tumbleweed",)),
        ("rpm", "opensuse", "opensuse-leap-15.3", "opensuse:leap-15.3", ("openSUSE:Leap 15.3",)),
        ("rpm", "opensuse", "opensuse.leap-15.3", "opensuse:leap-15.3", ("openSUSE:Leap 15.3",)),
        ("rpm", "suse", "sles-12.5", "suse:12.5", ("SUSE:Linux Enterprise Server 12 SP5",)),
        ("rpm", "openeuler", "openEuler-22.03-LTS-SP3", "openeuler:22.03-LTS-SP3", ("openEuler:22.03-LTS-SP3",)),
        ("rpm", "mageia", "mageia-9", "mageia:9", ("Mageia:9",)),
        ("rpm", "photon", "photon-4.0", "photon:4.0", ("Photon OS:4.0",)),
    ],
)
def test_a_named_release_leads_to_osvs_name_for_it(
    kind: str, namespace: str, distro: str, label: str, ecosystems: tuple[str, ...]
) -> None:
    assert _of(kind, namespace, distro) == Distribution(label, ecosystems, release_known=True)


@pytest.mark.parametrize(
    ("kind", "namespace", "distro", "label", "ecosystem"),
    [
        ("deb", "debian", "", "debian", "Debian"),
        ("deb", "debian", "debian-sid", "debian", "Debian"),
        ("apk", "alpine", "alpine-3", "alpine", "Alpine"),
        ("rpm", "redhat", "rhel", "redhat", "Red Hat"),
        ("rpm", "suse", "SUSE Package Hub 12", "suse", "SUSE"),
        ("rpm", "openeuler", "openEuler-22.03", "openeuler", "openEuler"),
    ],
)
def test_a_release_that_nobody_names_is_not_guessed(
    kind: str, namespace: str, distro: str, label: str, ecosystem: str
) -> None:
    assert _of(kind, namespace, distro) == Distribution(label, (ecosystem,), release_known=False)


@pytest.mark.parametrize(
    ("kind", "namespace", "distro", "label"),
    [
        ("rpm", "fedora", "fedora-40", "fedora:40"),
        ("rpm", "amazon", "amazon-2 (Karoo)", "amazon:2"),
        ("rpm", "centos", "centos-7.9.2009", "centos:7"),
        ("rpm", "oracle", "ol-8.7", "oracle:8"),
        ("alpm", "arch", "", "arch"),
        ("deb", "debian", "raspbian-11", "raspbian:11"),
        ("deb", "", "", ""),
    ],
)
def test_a_distribution_without_osv_ecosystem_is_known_all_the_same(
    kind: str, namespace: str, distro: str, label: str
) -> None:
    assert _of(kind, namespace, distro) == Distribution(label, (), release_known=False)


def test_the_operating_system_of_the_document_fills_in_for_a_missing_distro() -> None:
    assert _of("deb", "debian", "", ("debian", "12")).ecosystems == ("Debian:12",)
    assert _of("deb", "", "", ("ubuntu", "22.04")).ecosystems == ("Ubuntu:22.04:LTS",)
    assert _of("rpm", "opensuse", "", ("opensuse-leap", "15.5")).ecosystems == ("openSUSE:Leap 15.5",)


def test_the_operating_system_of_another_distribution_says_nothing() -> None:
    assert _of("deb", "debian", "", ("ubuntu", "22.04")) == Distribution("debian", ("Debian",), release_known=False)
    assert _of("deb", "", "", ("alpine", "3.18")) == Distribution("", (), release_known=False)
    assert _of("deb", "debian", "alpine-3.18") == Distribution("debian", ("Debian",), release_known=False)


def test_suses_base_system_is_looked_up_as_module_and_as_server() -> None:
    assert _of("rpm", "suse", "sles-15.4").ecosystems == (
        "SUSE:Linux Enterprise Module for Basesystem 15 SP4",
        "SUSE:Linux Enterprise Server 15 SP4",
    )

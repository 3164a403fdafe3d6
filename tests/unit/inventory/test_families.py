import pytest

from service.inventory.families import families_of


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "source"),
    [
        ("deb", "debian", "liblzma5", "xz-utils"),
        ("deb", "debian", "liblzma5", ""),
        ("deb", "debian", "xzdec", "xz-utils"),
        ("apk", "alpine", "xz-libs", ""),
        ("rpm", "fedora", "xz-libs", ""),
        ("rpm", "opensuse", "liblzma5", ""),
        ("rpm", "mageia", "lib64lzma5", ""),
        ("alpm", "arch", "xz", ""),
        ("brew", "", "xz", ""),
        ("conda", "", "xz", ""),
        ("conan", "", "xz_utils", ""),
        ("generic", "", "xz", ""),
        ("generic", "", "liblzma", ""),
        ("julia", "", "XZ_jll", ""),
        ("", "", "liblzma5", ""),
        ("", "", "XZ Utils", ""),
        ("", "", "liblzma.so.5.6.1", ""),
    ],
)
def test_the_same_code_under_another_name_is_family(kind: str, namespace: str, name: str, source: str) -> None:
    (member,) = families_of(kind, namespace, name, source)

    assert (member.family, member.own_versions) == ("xz", False)
    assert member.reason


@pytest.mark.parametrize(
    ("kind", "namespace", "name"),
    [
        ("golang", "github.com/ulikunitz", "xz"),
        ("golang", "example.com/hypothetical", "xz"),
        ("maven", "org.tukaani", "xz"),
        ("npm", "", "lzma-native"),
        ("pypi", "", "backports.lzma"),
        ("nuget", "", "Joveler.Compression.XZ"),
        ("cargo", "", "lzma-sys"),
        ("", "", "org.tukaani/xz"),
    ],
)
def test_other_code_of_the_same_name_is_not(kind: str, namespace: str, name: str) -> None:
    assert families_of(kind, namespace, name, "") == ()


def test_a_bundle_with_versions_of_its_own_says_so() -> None:
    (member,) = families_of("cargo", "", "liblzma-sys", "")

    assert member.own_versions


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "source", "family"),
    [
        ("maven", "org.apache.logging.log4j", "log4j-core", "", "log4j"),
        ("", "", "log4j-core-2.14.1.jar", "", "log4j"),
        ("deb", "ubuntu", "libssl3t64", "", "openssl"),
        ("deb", "debian", "zlib1g", "", "zlib"),
        ("apk", "alpine", "libcurl", "", "curl"),
        ("rpm", "redhat", "openssh-clients", "", "openssh"),
        ("deb", "debian", "locales", "glibc", "glibc"),
        ("deb", "debian", "libsqlite3-0", "", "sqlite"),
        ("deb", "debian", "libwebp7", "", "libwebp"),
        ("deb", "debian", "libexpat1", "", "expat"),
    ],
)
def test_other_families_are_known(kind: str, namespace: str, name: str, source: str, family: str) -> None:
    assert [member.family for member in families_of(kind, namespace, name, source)] == [family]


def test_log4j_1_is_other_code() -> None:
    assert families_of("maven", "log4j", "log4j", "") == ()

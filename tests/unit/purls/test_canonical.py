import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.purls import BadPurl, canonical, parse


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("pkg:npm/%40angular/core@12.0.0", "pkg:npm/%40angular/core@12.0.0"),
        ("pkg:npm/@angular/core@12.0.0", "pkg:npm/%40angular/core@12.0.0"),
        ("pkg:npm/%40angular%2Fcore", "pkg:npm/%40angular/core"),
        ("pkg:npm/@angular/core", "pkg:npm/%40angular/core"),
        ("pkg:npm/JSONStream@1.3.5", "pkg:npm/JSONStream@1.3.5"),
        ("PKG:PyPI/Zope_Interface@5.0", "pkg:pypi/zope-interface@5.0"),
        ("pkg://golang/github.com/Masterminds/sprig@v2.22.0", "pkg:golang/github.com/Masterminds/sprig@v2.22.0"),
        ("pkg:golang/github.com/ulikunitz/xz%40v0.5.9", "pkg:golang/github.com/ulikunitz/xz@v0.5.9"),
        ("pkg:alpine/xz-libs@5.6.1-r1?arch=x86", "pkg:apk/alpine/xz-libs@5.6.1-r1?arch=x86"),
        ("pkg:rpm/rhel/bash@4.4", "pkg:rpm/redhat/bash@4.4"),
        ("pkg:dotnet-core/Serilog@2.0.0", "pkg:nuget/Serilog@2.0.0"),
        ("pkg:deb/debian/a@1?b=2&a=1&package-id=77&empty=", "pkg:deb/debian/a@1?a=1&b=2"),
        ("pkg:deb/debian/a@5.6.1+really5.4.5-1", "pkg:deb/debian/a@5.6.1%2Breally5.4.5-1"),
        ("pkg:deb/debian/a@1%3A9.6p1-4", "pkg:deb/debian/a@1:9.6p1-4"),
    ],
)
def test_one_package_has_one_form(written: str, expected: str) -> None:
    assert canonical(written) == expected


def test_a_raw_plus_is_a_plus_and_never_a_blank() -> None:
    assert parse("pkg:deb/debian/liblzma5@5.6.1+really5.4.5-1").version == "5.6.1+really5.4.5-1"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "pkg:",
        "pkg:none",
        "pkg:a+b/x@1",
        "pkg:npm/ %40x",
        "pkg:npm/%20%40x@1",
        f"pkg:{'a' * 65}/x@1",
        f"pkg:npm/{'a/' * 300}x@1",
        "pkg:///",
        "pkg:maven/",
        "pkg:golang/@%28devel%29",
        "purl:npm/x@1",
        "npm/x@1",
        "pkg:npm/a%00b",
        "pkg:npm/a\nb@1",
        "pkg:npm/\ud800",
        "pkg:npm/" + "a" * 5_000,
    ],
)
def test_what_names_no_package_is_refused(written: str) -> None:
    with pytest.raises(BadPurl):
        canonical(written)


@given(st.from_regex(r"pkg:[a-z]{2,5}/([a-zA-Z@%+._/-]{0,12}/)?[a-zA-Z0-9%@+. -]{1,12}(@[0-9a-z+%@:~/-]{0,9})?"))
def test_the_canonical_form_is_its_own_canonical_form(written: str) -> None:
    try:
        once = canonical(written)
    except BadPurl:
        return
    assert canonical(once) == once

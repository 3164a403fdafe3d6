import pytest

from service.flows.upstream_ranges import Listed, UpstreamRanges

XZ = Listed("deb", "5.5.1alpha-0.1", "5.6.1+really5.4.5-1", hi_included=False)


@pytest.mark.parametrize(
    ("listed", "kind", "version", "looks"),
    [
        (XZ, "conan", "5.6.1", True),
        (XZ, "rpm", "5.6.0-2.fc40", True),
        (XZ, "rpm", "1:5.4.6-3.fc41", False),
        (XZ, "rpm", "5.6.1.revertto5.4-3.2", False),
        (XZ, "brew", "5.6.2", False),
        (XZ, "generic", "", None),
        (XZ, "generic", "unknown", None),
        # A first build brought upstream's fix; a later one was put on top of what stays affected.
        (Listed("deb", "", "5.6.2-1", hi_included=False), "conan", "5.6.2", False),
        (Listed("apk", "", "5.6.1-r2", hi_included=False), "conan", "5.6.1", True),
        (Listed("apk", "", "5.6.1-r0", hi_included=False), "conan", "5.6.1", False),
        (Listed("npm", "", "2.0.0", hi_included=True), "generic", "2.0.0", True),
        (Listed("npm", "1.0.0", "", hi_included=False), "generic", "9.0", True),
    ],
)
def test_a_version_looks_affected_in_upstreams_numbers(
    listed: Listed, kind: str, version: str, *, looks: bool | None
) -> None:
    assert UpstreamRanges([listed], []).hold(kind, version) is looks


def test_what_matches_makes_its_upstream_version_look_affected() -> None:
    ranges = UpstreamRanges([], [("deb", "5.6.1-1")])
    assert ranges.hold("conan", "5.6.1") is True
    assert ranges.hold("conan", "5.6.0") is False

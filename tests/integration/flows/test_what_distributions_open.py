"""Which matches of distributions' packages open an incident, and which are only shown."""

from osv_bucket import make_record
from story import Story, Values

DEBIAN = make_record("DEBIAN-CVE-2024-1", "Debian:12/curl", "introduced 0", upstream=["CVE-2024-1"])
BARE = make_record(
    "CLEANSTART-1", "Alpine/busybox", "introduced 0", "fixed 9-r0", versions=["9-r0"], upstream=["CVE-2024-2"]
)
CERTIFI = make_record("GHSA-aaaa-bbbb-cccc", "PyPI/certifi", "introduced 0", aliases=["CVE-2024-3"])
EVIL = make_record("MAL-2024-1", "PyPI/certifi", versions=["2022.9.24"])
OWNER, OWNED = "pkg:deb/debian/python3-certifi@2022.9.24-1?distro=debian-12", "pkg:pypi/certifi@2022.9.24"


def nested() -> bytes:
    """Write an SBOM in which a Debian package holds a Python one."""
    parts = f'[{{"type": "library", "name": "certifi", "version": "2022.9.24", "purl": "{OWNED}"}}]'
    owner = f'{{"type": "library", "name": "python3-certifi", "purl": "{OWNER}", "components": {parts}}}'
    return f'{{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [{owner}]}}'.encode()


def test_a_package_whose_release_nobody_names_opens_nothing(story: Story) -> None:
    story.feed(DEBIAN)
    answer = story.upload("shop", "pkg:deb/debian/curl@7.88.1-10")

    assert [finding["certainty"] for finding in answer["findings"]] == ["possible"]
    assert story.exposure("shop", "CVE-2024-1") is None


def test_a_record_that_names_a_bare_distribution_opens_nothing(story: Story) -> None:
    story.feed(BARE)
    answer = story.upload("shop", "pkg:apk/alpine/busybox@8-r0?distro=alpine-3.18.4")

    assert [finding["certainty"] for finding in answer["findings"]] == ["possible"]
    assert story.exposure("shop", "CVE-2024-2") is None


def test_a_copy_inside_an_evaluated_package_is_shown_and_opens_nothing(story: Story) -> None:
    story.feed(CERTIFI)
    answer: Values = story.send(nested(), "shop").values

    assert [(finding["scope"], finding["certainty"]) for finding in answer["findings"]] == [("packaged", "certain")]
    assert story.exposure("shop", "CVE-2024-3") is None


def test_malware_inside_an_evaluated_package_opens_all_the_same(story: Story) -> None:
    story.feed(EVIL)
    story.send(nested(), "shop")

    assert story.exposure("shop", "MAL-2024-1") is not None

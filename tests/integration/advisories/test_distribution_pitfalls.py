"""What other matchers got wrong about distributions, each by its number, from catalogue to match (ADR 0011)."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import make_component, make_document
from osv_bucket import Record, make_affected, make_record, to_bytes
from sqlalchemy import select

from service.advisories.findings import evidence_about
from service.advisories.matching import match_advisories, match_components
from service.advisories.models import Advisory, Match
from service.advisories.osv_record import read_record
from service.advisories.storing import Source, store
from service.db import WriteSession
from service.inventory.catalogue import resolve
from service.inventory.scopes import SCOPES
from service.sbom import read
from service.sbom.document import Component, OperatingSystem

#: Advisory → certainty, by what was asked about.
Matches = dict[str, str]


def know(session: WriteSession, *records: Record, source: Source = "osv") -> None:
    changed = store(session, [read_record(to_bytes(record)) for record in records], source=source).changed
    match_advisories(session, changed)


def matches(
    session: WriteSession, *components: str | Component, system: OperatingSystem | None = None
) -> list[Matches]:
    """List components as one SBOM does and give the matches of each."""
    document = make_document(*components)
    if system:
        document = type(document)(
            **{name: getattr(document, name) for name in document.__struct_fields__} | {"operating_system": system}
        )
    resolved = resolve(session, document)
    match_components(session, resolved.new)
    rows = session.execute(
        select(Match.component_id, Advisory.osv_id, Match.certainty).join(Advisory, Advisory.id == Match.advisory_id)
    ).all()
    ids = [resolved.refs[one.ref] for one in document.components]
    return [{osv_id: certainty for component, osv_id, certainty in rows if component == id_} for id_ in ids]


def test_pitfall_01_a_release_is_read_in_every_form_that_tools_write(session: WriteSession) -> None:
    know(
        session,
        make_record("D-11", "Debian:11/curl", "introduced 0", "fixed 7.99-1"),
        make_record("D-12", "Debian:12/curl", "introduced 0", "fixed 7.99-1"),
        make_record("D-12-fixed", "Debian:12/curl", "introduced 0", "fixed 7.88-1"),
    )
    forms = (
        "distro=debian-12",
        "distro=bookworm",
        "distro=bookworm-security",
        "distro=12.5",
        "distro=debian-12.5",
        "distro_name=bookworm",
        "os_name=debian&os_version=12",
    )

    found = matches(session, *(f"pkg:deb/debian/curl@7.88.1-10?{form}" for form in forms))
    by_system = matches(session, "pkg:deb/debian/curl@7.88.1-11", system=OperatingSystem(id="debian", version="12"))

    assert found == [{"D-12": "certain"}] * len(forms)
    assert by_system == [{"D-12": "certain"}]


def test_pitfall_02_a_package_without_release_is_never_more_than_possibly_affected(session: WriteSession) -> None:
    know(
        session,
        make_record("D-9", "Debian:9/curl", "introduced 0", "fixed 7.52.1-5"),
        make_record("D-12", "Debian:12/curl", "introduced 0", "fixed 7.88.1-10"),
        make_record("U", "Ubuntu:22.04:LTS/curl", "introduced 0"),
    )

    assert matches(session, "pkg:deb/debian/curl@7.74.0-1", "pkg:deb/debian/curl@7.52.1-4") == [
        {"D-12": "possible"},
        {"D-9": "possible", "D-12": "possible"},
    ]


def test_pitfall_03_an_rpms_epoch_counts_wherever_it_stands(session: WriteSession) -> None:
    know(session, make_record("A", "AlmaLinux:8/openssl", "introduced 0", "fixed 1:1.1.1k-9.el8"))

    assert matches(
        session,
        "pkg:rpm/almalinux/openssl@1.1.1k-12.el8?epoch=1&distro=almalinux-8.9",
        "pkg:rpm/almalinux/openssl@1:1.1.1k-12.el8_9?distro=almalinux-8.9",
        "pkg:rpm/almalinux/openssl-libs@1.1.1k-12.el8?epoch=1&upstream=openssl-1.1.1k-12.el8.src.rpm&distro=almalinux-8",
        "pkg:rpm/almalinux/openssl@1.1.1k-8.el8?epoch=1&distro=almalinux-8.9",
    ) == [{}, {}, {}, {"A": "certain"}]


def test_pitfall_03_openeulers_records_have_no_epoch(session: WriteSession) -> None:
    know(session, make_record("E", "openEuler:22.03-LTS-SP3/openssl", "introduced 0", "fixed 1.1.1wa-5.oe2203sp3"))

    assert matches(
        session,
        "pkg:rpm/openeuler/openssl@1.1.1wa-4.oe2203sp3?epoch=1&distro=openEuler-22.03-LTS-SP3",
        "pkg:rpm/openeuler/openssl@1.1.1wa-5.oe2203sp3?epoch=1&distro=openEuler-22.03-LTS-SP3",
    ) == [{"E": "certain"}, {}]


def node(version: str, label: str = "") -> str:
    return f"pkg:rpm/almalinux/nodejs@{version}?distro=almalinux-8.10{f'&rpmmod={label}' if label else ''}"


N16, N18 = "nodejs:16:8060020220523160029:ad008a3a", "nodejs:18:8070020221207133340:ad008a3a"


def test_pitfall_04_a_module_is_judged_by_its_own_stream(session: WriteSession) -> None:
    know(
        session,
        make_record(
            "S16",
            "AlmaLinux:8/nodejs",
            "introduced 0",
            "fixed 1:16.20.2-2.module_el8.8.0+3613+1ed8c91d",
            summary="Important: nodejs:16 security update",
        ),
        make_record(
            "S18",
            "AlmaLinux:8/nodejs",
            "introduced 0",
            "fixed 1:18.19.0-1.module_el8.9.0+3702+5f3a6b1c",
            summary="Important: nodejs:18 security update",
        ),
        make_record(
            "PLAIN", "AlmaLinux:8/nodejs", "introduced 0", "fixed 1:99-1.el8", summary="nodejs security update"
        ),
    )
    tag = ".module_el8.7.0%2B3370%2B95fd4d5e"

    assert matches(
        session,
        node(f"1:16.20.2-1{tag}", N16),
        node(f"1:16.20.2-2{tag.replace('8.7.0', '8.9.0')}", N16),
        node(f"1:18.18.2-1{tag}", N18),
        node(f"1:16.20.2-1{tag}"),
        node(f"1:18.18.2-1{tag}"),
        node("1:16.20.2-1.el8"),
    ) == [
        {"S16": "certain"},
        {},
        {"S18": "certain"},
        {"S16": "certain", "S18": "possible"},
        {"S18": "certain"},
        {"PLAIN": "certain"},
    ]


def test_pitfall_04_every_build_of_the_fixed_source_is_fixed(
    session: WriteSession, corpus: Callable[[str], Path]
) -> None:
    with zipfile.ZipFile(corpus("osv") / "AlmaLinux" / "all.zip") as archive:
        raw = archive.read("ALSA-2021:3020.json")
    know(session, json.loads(raw))

    ruby = "pkg:rpm/almalinux/ruby@2.7.4-137.module_el8.{}?distro=almalinux-8.5&rpmmod=ruby:2.7:1:2"
    old = "pkg:rpm/almalinux/ruby@2.7.3-136.module_el8.4.0%2B2399?distro=almalinux-8.5&rpmmod=ruby:2.7:1:2"
    other = "pkg:rpm/almalinux/ruby@2.5.9-109.module_el8.5.0%2B2560?distro=almalinux-8.5&rpmmod=ruby:2.5:1:2"
    fixed = [ruby.format(tag) for tag in ("4.0%2B2515%2Bf744ca41", "5.0%2B117%2B35d1289b")]
    assert matches(session, *fixed, old, other) == [{}, {}, {"ALSA-2021:3020": "certain"}, {}]


def test_pitfall_05_a_rebuild_meets_its_own_distributions_advisories_alone(session: WriteSession) -> None:
    know(
        session,
        make_record("RHSA", "Red Hat:enterprise_linux:9::baseos/openssl", "introduced 0"),
        make_record("ALSA", "AlmaLinux:9/openssl", "introduced 0"),
        make_record("RLSA", "Rocky Linux:9/openssl", "introduced 0"),
        make_record("DSA", "Debian:12/openssl", "introduced 0"),
        make_record("USN", "Ubuntu:22.04:LTS/openssl", "introduced 0"),
    )

    def rpm(vendor: str, distro: str) -> str:
        return f"pkg:rpm/{vendor}/openssl@3.0.7-27.el9?distro={distro}"

    def deb(vendor: str, distro: str) -> str:
        return f"pkg:deb/{vendor}/openssl@3.0.7-27?distro={distro}"

    assert matches(
        session,
        rpm("redhat", "rhel-9.4"),
        rpm("almalinux", "almalinux-9.4"),
        rpm("rocky", "rocky-9.4"),
        rpm("oracle", "oracle-9.4"),
        rpm("centos", "centos-9"),
        rpm("amzn", "amzn-2023"),
        deb("debian", "debian-12"),
        deb("ubuntu", "ubuntu-22.04"),
        deb("raspbian", "raspbian-12"),
        deb("kali", "kali-2024.1"),
    ) == [
        {"RHSA": "certain"},
        {"ALSA": "certain"},
        {"RLSA": "certain"},
        {},
        {},
        {},
        {"DSA": "certain"},
        {"USN": "certain"},
        {},
        {},
    ]


def test_pitfall_06_a_layered_product_is_not_the_system(session: WriteSession) -> None:
    know(
        session,
        make_record("SAT", "Red Hat:satellite:6.15::el8/python-django", "introduced 0", "fixed 0:4.2.11-1.el8pc"),
        make_record("RHEL8", "Red Hat:enterprise_linux:8::appstream/python-django", "introduced 0"),
        make_record("EUS", "Red Hat:rhel_eus:9.4::appstream/python-django", "introduced 0"),
        make_record("EUS2", "Red Hat:rhel_eus:9.2::appstream/python-django", "introduced 0"),
        make_record(
            "RHEL9", "Red Hat:enterprise_linux:9::crb/python-django", "introduced 0", "fixed 0:4.2.9-1.el9.x86_64"
        ),
    )

    assert matches(
        session,
        "pkg:rpm/redhat/python-django@4.2.1-1.el9?distro=rhel-9.4",
        "pkg:rpm/redhat/python-django@4.2.9-1.el9?distro=rhel-9.4",
    ) == [{"RHEL9": "certain", "EUS": "possible"}, {"EUS": "possible"}]


def test_pitfall_11_a_subpackage_is_found_by_its_origin_and_its_sources_version(session: WriteSession) -> None:
    know(
        session,
        make_record("ALPINE", "Alpine:v3.18/curl", "introduced 0", "fixed 8.2.0-r1"),
        make_record("DEBIAN", "Debian:12/xz-utils", "introduced 0", "fixed 5.4.1-0.3"),
        make_record("DEBIAN-GCC", "Debian:12/gcc-defaults", "introduced 0", "fixed 1.205"),
        make_record("ALMA", "AlmaLinux:9/systemd", "introduced 0", "fixed 252-18.el9"),
    )

    assert matches(
        session,
        "pkg:apk/alpine/libcurl@8.2.0-r0?upstream=curl&distro=alpine-3.18.4",
        "pkg:deb/debian/liblzma5@5.4.1-0.2%2Bb1?distro=debian-12",
        "pkg:deb/debian/cpp@4:12.2.0-3?upstream=gcc-defaults%401.203&distro=debian-12",
        "pkg:deb/debian/cpp@4:12.2.0-4?upstream=gcc-defaults%401.205&distro=debian-12",
        "pkg:rpm/almalinux/systemd-libs@252-14.el9?upstream=systemd-252-14.el9.src.rpm&distro=almalinux-9.2",
    ) == [{"ALPINE": "certain"}, {"DEBIAN": "certain"}, {"DEBIAN-GCC": "certain"}, {}, {"ALMA": "certain"}]


def test_pitfall_12_headers_do_not_inherit_the_kernels_flaws(session: WriteSession) -> None:
    know(
        session,
        make_record("DEBIAN", "Debian:12/linux", "introduced 0"),
        make_record(
            "ALMA",
            affected=[
                make_affected(f"AlmaLinux:9/{name}", "introduced 0") for name in ("kernel-headers", "kernel-core")
            ],
        ),
        make_record("GIT", "Debian:12/git", "introduced 0"),
    )
    source = "upstream=linux&distro=debian-12"

    assert matches(
        session,
        f"pkg:deb/debian/linux-libc-dev@6.1.76-1?{source}",
        f"pkg:deb/debian/linux-headers-6.1.0-18-amd64@6.1.76-1?{source}",
        f"pkg:deb/debian/linux-image-6.1.0-18-amd64@6.1.76-1?{source}",
        "pkg:rpm/almalinux/kernel-headers@5.14.0-70.el9?distro=almalinux-9.4",
        "pkg:rpm/almalinux/kernel-core@5.14.0-70.el9?distro=almalinux-9.4",
        "pkg:deb/debian/git-doc@1:2.39.2-1?upstream=git&distro=debian-12",
        "pkg:deb/debian/git@1:2.39.2-1?distro=debian-12",
    ) == [{}, {}, {"DEBIAN": "certain"}, {}, {"ALMA": "certain"}, {"GIT": "possible"}, {"GIT": "certain"}]


def test_pitfall_12_an_advisory_of_our_own_may_name_headers(session: WriteSession) -> None:
    know(session, make_record("OWN", "Debian:12/linux-libc-dev", "introduced 0"), source="own")

    headers = "pkg:deb/debian/linux-libc-dev@6.1.76-1?upstream=linux&distro=debian-12"
    assert matches(session, headers) == [{"OWN": "certain"}]


def owned_by(owner: str) -> bytes:
    """Write an SPDX document of syft's: *owner* brought certifi along, and lodash was installed beside it."""
    comment = "ownership-by-file-overlap: indicates that the parent package claims ownership of a child package"
    purls = {"deb": owner, "py": "pkg:pypi/certifi@2022.9.24", "npm": "pkg:npm/lodash@4.17.20"}
    packages = [
        {
            "SPDXID": f"SPDXRef-{ref}",
            "name": ref,
            "versionInfo": purl.partition("@")[2].partition("?")[0],
            "downloadLocation": "NOASSERTION",
            "externalRefs": [{"referenceType": "purl", "referenceLocator": purl}],
        }
        for ref, purl in purls.items()
    ]
    relationships = [
        {
            "spdxElementId": "SPDXRef-deb",
            "relationshipType": "OTHER",
            "relatedSpdxElement": "SPDXRef-py",
            "comment": comment,
        }
    ]
    head = {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "image",
        "documentNamespace": "https://e.example/1",
    }
    created = {"creationInfo": {"created": "2024-01-01T00:00:00Z", "creators": ["Tool: syft-1"]}}
    return json.dumps(head | created | {"packages": packages, "relationships": relationships}).encode()


@pytest.mark.parametrize(
    ("owner", "scope"),
    [
        ("pkg:deb/debian/python3-certifi@2022.9.24-1?distro=debian-12", "packaged"),
        ("pkg:deb/debian/python3-certifi@2022.9.24-1", "required"),
        ("pkg:rpm/fedora/python3-certifi@2022.9.24-1?distro=fedora-40", "required"),
        ("pkg:npm/certifi@1.0.0", "required"),
    ],
)
def test_pitfall_13_a_copy_that_an_evaluated_package_brought_along_is_packaged(
    session: WriteSession, owner: str, scope: str
) -> None:
    resolved = resolve(session, read(owned_by(owner)))

    scopes = {ref: SCOPES[resolved.components[component].scope] for ref, component in resolved.refs.items()}
    assert scopes == {"SPDXRef-deb": "required", "SPDXRef-py": scope, "SPDXRef-npm": "required"}


def test_pitfall_19_a_flaw_that_ubuntu_ignores_is_open_and_two_notices_are_one_flaw(session: WriteSession) -> None:
    know(
        session,
        make_record("UBUNTU-CVE-2020-1234", "Ubuntu:20.04:LTS/bash", "introduced 0", upstream=["CVE-2020-1234"]),
        make_record(
            "USN-1-1",
            "Ubuntu:20.04:LTS/bash",
            "introduced 0",
            "fixed 5.0-6ubuntu2",
            upstream=["CVE-2020-1234", "UBUNTU-CVE-2020-1234"],
        ),
    )
    document = make_document("pkg:deb/ubuntu/bash@5.0-6ubuntu1?distro=ubuntu-20.04")
    resolved = resolve(session, document)
    match_components(session, resolved.new)

    said = evidence_about(session, resolved.components)

    assert {(one.vulnerability, one.advisory, one.fixed) for one in said} == {
        ("CVE-2020-1234", "UBUNTU-CVE-2020-1234", ""),
        ("CVE-2020-1234", "USN-1-1", "5.0-6ubuntu2"),
    }


def test_ubuntu_pros_fix_is_none_without_ubuntu_pro(session: WriteSession) -> None:
    know(
        session,
        make_record("PRO", "Ubuntu:Pro:18.04:LTS/jq", "introduced 0", "fixed 1.5-2ubuntu0.1~esm1"),
        make_record("LTS", "Ubuntu:18.04:LTS/jq", "introduced 0"),
    )

    def jq(version: str) -> str:
        return f"pkg:deb/ubuntu/jq@{version}?distro=ubuntu-18.04"

    assert matches(session, jq("1.5-2"), jq("1.5-2ubuntu0.1~esm1"), jq("1.5-2ubuntu0.1")) == [
        {"PRO": "certain", "LTS": "certain"},
        {"LTS": "possible"},
        {"PRO": "possible", "LTS": "certain"},
    ]


def test_fips_and_real_time_builds_have_lists_of_their_own(session: WriteSession) -> None:
    know(
        session,
        make_record("LTS", "Ubuntu:20.04:LTS/openssl", "introduced 0"),
        make_record(
            "FIPS", "Ubuntu:Pro:FIPS-updates:20.04:LTS/openssl", "introduced 0", "fixed 1.1.1f-1ubuntu2.fips.30"
        ),
    )

    assert matches(
        session,
        "pkg:deb/ubuntu/openssl@1.1.1f-1ubuntu2.fips.22?distro=ubuntu-20.04",
        "pkg:deb/ubuntu/openssl@1.1.1f-1ubuntu2.22?distro=ubuntu-20.04",
    ) == [{"FIPS": "possible"}, {"LTS": "certain"}]


def test_records_of_a_bare_distribution_are_possible_and_do_not_condemn_what_they_fixed(session: WriteSession) -> None:
    know(
        session,
        make_record("CLEANSTART-1", "Alpine/busybox", "introduced 0", "fixed 1.36.1-r5", versions=["1.36.1-r5"]),
    )

    assert matches(
        session,
        "pkg:apk/alpine/busybox@1.36.1-r4?distro=alpine-3.18.4",
        "pkg:apk/alpine/busybox@1.36.1-r5?distro=alpine-3.18.4",
        "pkg:apk/alpine/busybox@1.36.1-r4",
    ) == [{"CLEANSTART-1": "possible"}, {}, {"CLEANSTART-1": "possible"}]


def test_no_real_record_of_a_bare_distribution_is_certain(session: WriteSession, corpus: Callable[[str], Path]) -> None:
    with zipfile.ZipFile(corpus("osv-hostile") / "Alpine" / "all.zip") as archive:
        records = [read_record(archive.read(name)) for name in archive.namelist()[:400]]
    changed = store(session, records).changed
    names = sorted({package.name for record in records for package in record.packages})
    match_advisories(session, changed)

    found = matches(session, *(f"pkg:apk/alpine/{name}@0.0.1-r0?distro=alpine-3.18.4" for name in names))

    assert sum(map(len, found)) >= len(names)
    assert {certainty for one in found for certainty in one.values()} == {"possible"}


def test_suse_and_openeuler_name_binaries_beside_the_source(session: WriteSession) -> None:
    suse = make_affected("SUSE:Linux Enterprise Server 12 SP5/xz", "introduced 0", "fixed 5.0.5-6.7.1")
    suse["ecosystem_specific"] = {"binaries": [{"liblzma5": "5.0.5-6.7.1", "xz": "5.0.5-6.7.1"}]}
    euler = make_affected("openEuler:20.03-LTS/dnsmasq", "introduced 0", "fixed 2.82-5.oe1")
    euler["ecosystem_specific"] = {
        "x86_64": ["dnsmasq-help-2.82-4.oe1.x86_64.rpm", "dnsmasq-help-2.82-5.oe1.x86_64.rpm"]
    }
    know(session, make_record("SUSE-1", affected=[suse]), make_record("OESA-1", affected=[euler]))

    assert matches(
        session,
        "pkg:rpm/suse/liblzma5@5.0.5-6.1?distro=sles-12.5",
        "pkg:rpm/suse/liblzma5@5.0.5-6.7.1?distro=sles-12.5",
        "pkg:rpm/openeuler/dnsmasq-help@2.82-4.oe1?distro=openEuler-20.03-LTS",
    ) == [{"SUSE-1": "certain"}, {}, {"OESA-1": "possible"}]


def by_purl(osv_id: str, purl: str, *events: str) -> Record:
    entry = make_affected("/", *events)
    return make_record(osv_id) | {"affected": [entry | {"package": {"purl": purl}}]}


def test_an_advisory_of_our_own_names_by_purl_what_osv_cannot(session: WriteSession) -> None:
    know(
        session,
        by_purl("x_FEDORA", "pkg:rpm/fedora/xz", "introduced 5.6.0", "fixed 1:5.4.6-3"),
        by_purl("x_ARCH", "pkg:alpm/arch/xz", "introduced 5.6.0-1", "fixed 5.6.1-2"),
        by_purl("x_GENERIC", "pkg:generic/xz", "introduced 5.6.0", "last_affected 5.6.1"),
        source="own",
    )

    assert matches(
        session,
        "pkg:rpm/fedora/xz-libs@5.6.0-2.fc40?upstream=xz-5.6.0-2.fc40.src.rpm&distro=fedora-40",
        "pkg:rpm/fedora/xz-libs@5.4.6-3.fc41?epoch=1&upstream=xz-5.4.6-3.fc41.src.rpm&distro=fedora-41",
        "pkg:alpm/arch/xz@5.6.1-1?arch=x86_64",
        "pkg:alpm/arch/xz@5.6.1-2?arch=x86_64",
        "pkg:generic/xz@5.6.0?download_url=https://e.example/xz.tar.gz",
        "pkg:rpm/centos/xz@5.6.0-1.el9?distro=centos-9",
        make_component("pkg:npm/xz@5.6.0"),
    ) == [{"x_FEDORA": "certain"}, {}, {"x_ARCH": "certain"}, {}, {"x_GENERIC": "certain"}, {}, {}]

"""What other matchers got wrong about registries, each by its number, from catalogue to match (ADR 0010).

Records are excerpts of published ones, or the published ones themselves where the test says so.
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from factories import make_document
from osv_bucket import Record, make_affected, make_record, to_bytes
from sqlalchemy import select

from service.advisories.matching import match_advisories, match_components
from service.advisories.models import Advisory, Match
from service.advisories.osv_record import read_record
from service.advisories.reservations import NO_KNOWN_FIX, UNREVIEWED, reservations
from service.advisories.storing import store
from service.db import WriteSession
from service.inventory.catalogue import Resolved, resolve
from service.sbom import read
from service.sbom.document import Component, Document


def know(session: WriteSession, *records: Record) -> None:
    match_advisories(session, store(session, [read_record(to_bytes(record)) for record in records]).changed)


def catalogue(session: WriteSession, document: Document) -> Resolved:
    resolved = resolve(session, document)
    match_components(session, resolved.new)
    return resolved


def matches(session: WriteSession, *components: str | Component) -> dict[str, set[str]]:
    """List components; gives, for each that is affected, ``advisory certainty rule``."""
    document = make_document(*components)
    resolved = catalogue(session, document)
    rows = session.execute(
        select(Match.component_id, Advisory.osv_id, Match.certainty, Match.rule).join(
            Advisory, Advisory.id == Match.advisory_id
        )
    )
    found: dict[int, set[str]] = {}
    for component_id, osv_id, certainty, rule in rows:
        found.setdefault(component_id, set()).add(f"{osv_id} {certainty} {rule}")
    return {one.ref: found[resolved.refs[one.ref]] for one in document.components if resolved.refs[one.ref] in found}


def affected(session: WriteSession, *purls: str) -> list[str]:
    """Give those of some purls that anything known affects for certain."""
    return [ref for ref, said in matches(session, *purls).items() if any(" certain " in each for each in said)]


def unevaluated(session: WriteSession, document: Document) -> dict[str, str]:
    resolved = catalogue(session, document)
    return {one.ref: resolved.components[resolved.refs[one.ref]].unevaluated for one in document.components}


def published(corpus: Callable[[str], Path], ecosystem: str, osv_id: str) -> Record:
    with zipfile.ZipFile(corpus("osv") / ecosystem / "all.zip") as archive:
        record: Record = json.loads(archive.read(f"{osv_id}.json"))
    return record


def test_pitfall_07_introduced_and_fixed_versions_are_paired_by_order_not_by_place(session: WriteSession) -> None:
    # Four branches in one range, written as they were found.
    events = ["fixed 2.12.3", "introduced 2.0.0", "fixed 1.9.4", "introduced 2.10.0", "introduced 0", "fixed 2.9.9"]
    know(session, make_record("GHSA-1", "PyPI/some-package", *events))

    assert affected(
        session,
        *(
            f"pkg:pypi/some-package@{version}"
            for version in ("1.0", "1.9.4", "1.9.9", "2.5", "2.9.9", "2.11", "2.12.3")
        ),
    ) == ["pkg:pypi/some-package@1.0", "pkg:pypi/some-package@2.5", "pkg:pypi/some-package@2.11"]


def test_pitfall_08_a_fix_in_an_untagged_commit_does_not_affect_what_was_tagged_since(session: WriteSession) -> None:
    # GO-2020-0009.
    know(
        session,
        make_record(
            "GO-2020-0009", "Go/github.com/square/go-jose", "introduced 0", "fixed 0.0.0-20160903044734-789a4c4bd4c1"
        ),
    )

    module = "pkg:golang/github.com/square/go-jose"
    assert affected(
        session,
        f"{module}@v0.0.0-20160831000000-aaaaaaaaaaaa",
        f"{module}@v0.0.0-20160903044734-789a4c4bd4c1",
        f"{module}@v0.0.0-20200101000000-bbbbbbbbbbbb",
        f"{module}@v1.1.2",
    ) == [f"{module}@v0.0.0-20160831000000-aaaaaaaaaaaa"]


def test_pitfall_08_a_main_modules_made_up_version_is_not_evaluated(session: WriteSession) -> None:
    know(session, make_record("GO-2023-1", "Go/github.com/mongodb/mongo-tools", "introduced 0", "fixed 100.7.3"))
    name, version = "github.com/mongodb/mongo-tools", "v0.0.0-20230601120000-abcdefabcdef"
    component = {
        "bom-ref": "main",
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:golang/{name}@{version}",
        "properties": [{"name": "syft:metadata:mainModule", "value": name}],
    }
    dependency = component | {
        "bom-ref": "dependency",
        "properties": [{"name": "syft:metadata:mainModule", "value": "example.com/tool"}],
    }

    main = read(_cyclonedx(component))
    used = read(_cyclonedx(dependency))

    assert unevaluated(session, main) == {"main": "go-devel-version"}
    assert unevaluated(session, used) == {"dependency": ""}
    assert matches(session, *main.components) == {}
    assert set(matches(session, *used.components)) == {"dependency"}


def _cyclonedx(*components: dict[str, Any]) -> bytes:
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components}).encode()


def test_pitfall_09_custom_ranges_decide_about_incompatible_versions(
    session: WriteSession, corpus: Callable[[str], Path]
) -> None:
    record = published(corpus, "Go", "GO-2024-2430")
    know(session, record)

    module = "pkg:golang/github.com/cubefs/cubefs"
    assert affected(
        session,
        f"{module}@v0.0.0-20230101000000-aaaaaaaaaaaa",
        f"{module}@v3.3.0%2Bincompatible",
        f"{module}@v3.3.1%2Bincompatible",
    ) == [f"{module}@v0.0.0-20230101000000-aaaaaaaaaaaa", f"{module}@v3.3.0%2Bincompatible"]
    (reserved,) = reservations(record)
    assert reserved.labels == (NO_KNOWN_FIX, UNREVIEWED)
    assert reserved.other_numbers == ">=0, <3.3.1"


def test_pitfall_10_gos_own_packages_go_by_the_toolchain_that_built_them(session: WriteSession) -> None:
    know(
        session,
        make_record(
            "GO-2023-2185", "Go/stdlib", "introduced 0", "fixed 1.20.11", "introduced 1.21.0-0", "fixed 1.21.4"
        ),
        make_record("GO-2023-1842", "Go/toolchain", "introduced 0", "fixed 1.20.5"),
    )

    found = matches(
        session,
        "pkg:golang/stdlib@1.21.3",
        "pkg:golang/stdlib@go1.21.4",
        # go.mod's "go 1.21" is a language; "go 1.20" may be the toolchain that was called so.
        "pkg:golang/stdlib@1.21",
        "pkg:golang/stdlib@1.20",
        "pkg:golang/toolchain@1.20.4",
    )

    assert found == {
        "pkg:golang/stdlib@1.21.3": {"GO-2023-2185 certain package:range"},
        "pkg:golang/stdlib@1.20": {"GO-2023-2185 possible package:range"},
        "pkg:golang/toolchain@1.20.4": {"GO-2023-1842 certain package:range"},
    }
    assert set(unevaluated(session, make_document("pkg:golang/stdlib@1.21", "pkg:golang/stdlib@1.20")).values()) == {
        "go-language-version"
    }


def test_pitfall_14_nuget_names_are_one_in_any_case(session: WriteSession) -> None:
    know(
        session,
        make_record("GHSA-a", "NuGet/jQuery", "introduced 0", "fixed 3.5.0"),
        make_record("GHSA-b", "NuGet/jquery", "introduced 0", "fixed 3.5.0"),
    )

    found = matches(session, "pkg:nuget/JQuery@3.4.1", "pkg:nuget/jQuery.UI@1.0.0")

    assert {ref: len(said) for ref, said in found.items()} == {"pkg:nuget/JQuery@3.4.1": 2}


def test_pitfall_15_a_hint_does_not_end_a_range_and_can_be_shown(
    session: WriteSession, corpus: Callable[[str], Path]
) -> None:
    record = published(corpus, "npm", "GHSA-67hx-6x53-jw92")
    know(session, record)

    found = affected(session, "pkg:npm/babel-traverse@6.26.0", "pkg:npm/babel-traverse@7.23.2")

    assert found == ["pkg:npm/babel-traverse@6.26.0", "pkg:npm/babel-traverse@7.23.2"]
    (reserved,) = [each for each in reservations(record) if each.name == "babel-traverse"]
    assert (reserved.labels, reserved.last_known_affected) == ((NO_KNOWN_FIX,), "< 7.23.2")


def test_pitfall_16_a_stale_list_of_versions_is_united_with_the_ranges(session: WriteSession) -> None:
    # PYSEC records list what was published when they were written.
    know(
        session,
        make_record(
            "PYSEC-1", "PyPI/nltk", "introduced 3.0", "fixed 3.6.5", versions=["3.6.3", "2.0.1rc2-git", "3.6.5"]
        ),
    )

    found = matches(session, *(f"pkg:pypi/nltk@{version}" for version in ("3.6.4", "3.6.5", "3.6.6", "2.0.1rc2-git")))

    assert found == {
        "pkg:pypi/nltk@3.6.4": {"PYSEC-1 certain package:range"},
        "pkg:pypi/nltk@3.6.5": {"PYSEC-1 certain package:version"},
        "pkg:pypi/nltk@2.0.1rc2-git": {"PYSEC-1 certain package:version"},
    }


def test_pitfall_17_prereleases_stand_where_their_ecosystem_puts_them(session: WriteSession) -> None:
    know(
        session,
        make_record("N", "npm/next", "introduced 13.0.0-canary.10", "fixed 13.5.0"),
        make_record("P", "PyPI/django", "introduced 3.2a1", "fixed 3.2.1"),
        make_record("G", "RubyGems/rails", "introduced 7.0.0.alpha", "fixed 7.0.0.rc2"),
    )

    versions = {
        "npm/next": ("13.0.0-canary.9", "13.0.0-canary.11", "13.5.0-canary.1", "13.5.0"),
        "pypi/django": ("3.2.dev1", "3.2a1", "3.2rc1", "3.2.1"),
        "gem/rails": ("7.0.0.alpha2", "7.0.0.rc1", "7.0.0.rc2", "7.0.0"),
    }
    found = affected(session, *(f"pkg:{name}@{version}" for name, listed in versions.items() for version in listed))

    assert [purl.removeprefix("pkg:") for purl in found] == [
        "npm/next@13.0.0-canary.11",
        "npm/next@13.5.0-canary.1",
        "pypi/django@3.2a1",
        "pypi/django@3.2rc1",
        "gem/rails@7.0.0.alpha2",
        "gem/rails@7.0.0.rc1",
    ]


def test_pitfall_18_a_fix_for_one_runtime_is_one_for_every_runtime(session: WriteSession) -> None:
    jdbc, quarkus = "com.microsoft.sqlserver/mssql-jdbc", "io.quarkus/quarkus-core"
    know(
        session,
        make_record(
            "GHSA-jdbc", "Maven/com.microsoft.sqlserver:mssql-jdbc", "introduced 10.2.0.jre8", "fixed 10.2.4.jre11"
        ),
        make_record("GHSA-quarkus", "Maven/io.quarkus:quarkus-core", "introduced 0", "fixed 2.13.9.SP1"),
    )

    found = affected(
        session,
        *(f"pkg:maven/{jdbc}@{version}" for version in ("10.2.1.jre8", "10.2.1.jre11", "10.2.4.jre8", "10.2.4.jre17")),
        *(f"pkg:maven/{quarkus}@2.13.9.{end}" for end in ("Final-redhat-00003", "Final", "SP1", "SP2-redhat-00003")),
    )

    assert [purl.partition("@")[2] for purl in found] == [
        "10.2.1.jre8",
        "10.2.1.jre11",
        "2.13.9.Final-redhat-00003",
        "2.13.9.Final",
    ]


def test_pitfall_20_names_and_cpes_alone_match_nothing(session: WriteSession) -> None:
    know(
        session,
        # GHSA-g2q5-5433-rhrf: the malicious rc of npm, which is not Plan 9's.
        make_record("GHSA-g2q5-5433-rhrf", "npm/rc", versions=["1.2.9", "1.3.9", "2.3.9"]),
        make_record("GHSA-openssl", "crates.io/openssl", "introduced 0"),
    )

    found = matches(
        session,
        Component(ref="plan9", name="rc", version="1.2.9"),
        Component(ref="cpe", name="openssl", version="1.1.1", cpes=("cpe:2.3:a:openssl:openssl:1.1.1:*:*:*:*:*:*:*",)),
        "pkg:generic/rc@1.2.9",
        "pkg:deb/debian/rc@1.2.9?distro=debian-12",
    )

    assert found == {}


def test_pitfall_20_a_generic_name_is_a_suggestion_at_most(session: WriteSession) -> None:
    know(session, make_record("OSV-2021-1", "OSS-Fuzz/zlib", versions=["1.2.11"]))

    found = matches(session, "pkg:generic/zlib@1.2.11", "pkg:conan/zlib@1.2.11")

    assert found == {"pkg:generic/zlib@1.2.11": {"OSV-2021-1 possible package:version"}}


def test_pitfall_20_bitnamis_revision_is_no_prerelease(session: WriteSession) -> None:
    # BIT-appsmith-2025-41240.
    know(session, make_record("BIT-appsmith", "Bitnami/appsmith", "introduced 1.62.0-0", "fixed 1.81.0-1"))

    versions = ("1.61.0-9", "1.62.0", "1.62.0-3", "1.81.0-0", "1.81.0-1", "1.81.0-r2")
    found = affected(session, *(f"pkg:bitnami/appsmith@{version}" for version in versions))

    assert [purl.partition("@")[2] for purl in found] == ["1.62.0", "1.62.0-3", "1.81.0-0"]


def test_a_record_that_names_only_a_repository_affects_who_names_it_too(
    session: WriteSession, corpus: Callable[[str], Path]
) -> None:
    record = published(corpus, "GIT", "CURL-CVE-2009-0037")
    know(session, record)
    introduced = "ae1912cb0d494b48d514d937826c9fe83ec96c4d"
    fixed = "042cc1f69ec0878f542667cb684378869f859911"

    found = affected(
        session,
        "pkg:github/curl/curl@7.19.3",
        "pkg:github/curl/curl@7.19.4",
        f"pkg:github/curl/curl@{introduced}",
        f"pkg:github/curl/curl@{fixed}",
        "pkg:generic/curl@7.19.3?vcs_url=git%2Bhttps%3A%2F%2Fgithub.com%2Fcurl%2Fcurl.git",
        "pkg:npm/curl@7.19.3",
    )

    assert found == [
        "pkg:github/curl/curl@7.19.3",
        f"pkg:github/curl/curl@{introduced}",
        "pkg:generic/curl@7.19.3?vcs_url=git%2Bhttps%3A%2F%2Fgithub.com%2Fcurl%2Fcurl.git",
    ]


def test_an_entry_beside_its_repository_is_evaluated_as_ever(session: WriteSession) -> None:
    entry = make_affected("PyPI/nltk", "introduced 0", "fixed 3.6.5")
    git = {
        "type": "GIT",
        "repo": "https://github.com/nltk/nltk",
        "events": [{"introduced": "0"}, {"fixed": "1405aad979c6b8080dbbc8e0858f89b2e3690341"}],
    }
    entry["ranges"] = [git, *entry["ranges"]]
    know(session, make_record("PYSEC-2021-859", affected=[entry]))

    assert affected(session, "pkg:pypi/nltk@3.6.4", "pkg:pypi/nltk@3.6.5") == ["pkg:pypi/nltk@3.6.4"]

"""The one table of ecosystems: complete, shown as it is, and true of what `identify` and the orderings do."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from service.purls import canonical_ecosystem, identify, normalise_name
from service.purls.ecosystem_table import TABLE, Ecosystem
from service.versions import ECOSYSTEMS, UnparsableVersion, family_of, sort_key

README = Path(__file__).parents[3] / "service" / "purls" / "README.md"
HEADING = "| ecosystem | order | purl | names | suffix | speaks of | note |"

#: What makes a component of a purl's type stand in the ecosystem, where the type alone does not.
RELEASES = {
    "Alpaquita": "stream",
    "Alpine": "3.20",
    "BellSoft Hardened Containers": "23",
    "Photon OS": "5.0",
    "SUSE": "15.5",
    "Ubuntu": "24.04",
    "openEuler": "22.03-LTS",
    "openSUSE": "leap-15.6",
}


def as_row(row: Ecosystem) -> str:
    """Write a row as README.md shows it."""
    purls = " ".join(f"`{purl}`" for purl in row.purls)
    name = row.name if row.in_schema else f"{row.name} *"
    cells = [name, row.order or "listed versions only", purls or "none", row.names, row.suffix, row.speaks_of, row.note]
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def test_readme_shows_the_table() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    start = lines.index(HEADING) + 2
    shown = lines[start : lines.index("", start)]

    assert shown == [as_row(row) for row in TABLE]


def test_every_ecosystem_of_the_schema_is_there(corpus: Callable[[str], Path]) -> None:
    schema = orjson.loads((corpus("schemas") / "osv" / "osv-schema-2026-07.json").read_bytes())
    named = schema["$defs"]["ecosystemName"]["enum"]

    assert len(named) == 48
    assert sorted(row.name for row in TABLE if row.in_schema) == sorted(named)


def test_the_mirror_carries_no_ecosystem_that_is_not_there(corpus: Callable[[str], Path]) -> None:
    folders = (corpus("osv") / "ecosystems.txt").read_text().splitlines()
    # [EMPTY] is of records that affect no package by name.
    known = {canonical_ecosystem(name) for name in folders if name != "[EMPTY]"}

    assert known <= ECOSYSTEMS
    assert canonical_ecosystem("purl-type:swift") == "SwiftURL"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_order_is_that_of_the_versions(row: Ecosystem) -> None:
    assert family_of(row.name) == (row.order or None)
    if row.order:
        assert sort_key(row.name, "1.0.0")[0]
    else:
        with pytest.raises(UnparsableVersion):
            sort_key(row.name, "1.0.0")


@pytest.mark.parametrize(("row", "purl"), [(row, purl) for row in TABLE for purl in row.purls])
def test_every_purl_of_a_row_leads_to_its_ecosystem(row: Ecosystem, purl: str) -> None:
    kind, _, namespace = purl.partition("/")
    path = f"{namespace}/some-name" if namespace else "owner/some-name" if kind in _OWNED else "some-name"
    written = f"pkg:{kind}/{path}@1.0.0-1"
    if kind in ("apk", "deb", "rpm"):
        written += f"?distro={_distro(row, kind, namespace)}"

    identity = identify(
        purl=written.replace("@1.0.0-1", "@1.0.0-r1") if kind == "apk" else written, name="", version=""
    )

    bases = {coordinate.ecosystem.partition(":")[0] for coordinate in identity.coordinates}
    assert row.name in bases
    assert all(normalise_name(each.ecosystem, each.name) == each.name for each in identity.coordinates)


_OWNED = {"bitbucket", "composer", "github", "gitlab", "maven", "swift", "vscode-extension"}


def _distro(row: Ecosystem, kind: str, namespace: str) -> str:
    if namespace == "dhi":
        return {"deb": "debian-13", "apk": "alpine-3.20"}[kind]
    return f"{namespace}-{RELEASES.get(row.name, '9')}"


@pytest.mark.parametrize(
    ("purl", "coordinates"),
    [
        # Kubernetes' own numbers begin at v1; its libraries have others.
        ("pkg:golang/k8s.io/kubernetes@v1.20.0", ["Go/k8s.io/kubernetes", "Kubernetes/k8s.io/kubernetes"]),
        ("pkg:golang/k8s.io/apiserver@v0.23.2", ["Go/k8s.io/apiserver"]),
        # Rebuilds show in the version, or in a distribution's name.
        ("pkg:pypi/Flask@2.2.5%2Becho.1", ["PyPI/flask", "Echo:PyPI/flask"]),
        ("pkg:npm/%40root/lodash@4.17.20.root.io.1", ["npm/@root/lodash", "Root:npm/@root/lodash"]),
        ("pkg:npm/%40root/request@1.9.2", ["npm/@root/request"]),
        ("pkg:dhi/nginx@1.29.0?os_name=debian&os_version=13", ["Docker Hardened Images:Debian:13/nginx"]),
        ("pkg:deb/dhi/openssl@3.5.1-1?distro=debian-13", ["Docker Hardened Images:Debian:13/openssl"]),
        # Some packages come from a repository of their own.
        (
            "pkg:composer/drupal/core@9.0.0",
            ["Packagist/drupal/core", "Packagist:https://packages.drupal." + "org/8/drupal/core"],
        ),
        (
            "pkg:maven/androidx.core/core@1.0.0",
            ["Maven/androidx.core:core", "Maven:https://maven.google." + "com/androidx.core:core"],
        ),
        (
            "pkg:vscode-extension/acme/tool@1.0.0?repository_url=https://open-vsx.example",
            ["VSCode/acme.tool", "VSCode:https://open-vsx.example/acme.tool"],
        ),
        # Repositories.
        ("pkg:github/Curl/curl@v8.4.0", ["GitHub Actions/curl/curl", "GIT/github.com/curl/curl"]),
        ("pkg:gitlab/Acme/Tool@v1", ["GIT/gitlab.com/acme/tool"]),
        (
            "pkg:generic/curl@8.4.0?vcs_url=git%2Bhttps://git.example/Curl.git%40d755a5f7c009dd63a61b2c745180d8ba937cbfeb",
            ["GIT/git.example/Curl"],
        ),
        ("pkg:generic/curl@8.4.0?vcs_url=git%2Bssh://git@git.example/curl.git", ["GIT/git.example/curl"]),
        ("pkg:npm/left-pad@1.3.0?vcs_url=git://git.example/left-pad.git", ["npm/left-pad"]),
        ("pkg:generic/zlib@1.2.11", ["OSS-Fuzz/zlib"]),
    ],
)
def test_where_a_purl_leads(purl: str, coordinates: list[str]) -> None:
    found = identify(purl=purl, name="", version="").coordinates

    in_osv = [each for each in found if not each.ecosystem.startswith("purl:")]
    assert [f"{each.ecosystem}/{each.name}" for each in in_osv] == coordinates


def test_a_tag_is_met_with_or_without_its_v_and_a_commit_in_any_case() -> None:
    commit = "D755A5F7C009DD63A61B2C745180D8BA937CBFEB"

    versions = [
        identify(purl=f"pkg:gitlab/a/b@{ref}", name="", version="").coordinates[0].version for ref in ("v1.2", commit)
    ]

    assert versions == ["1.2", commit.lower()]


@pytest.mark.parametrize(
    ("written", "family"),
    [
        ("Echo:PyPi", "pypi"),
        ("kubernetes", "semver"),
        ("purl-type:swift", "semver"),
        # Only the build tells one rebuild from the next, and SemVer ignores builds.
        ("Echo:npm", "pub"),
        ("Root:Alpine:3.18", "apk"),
    ],
)
def test_names_that_feeds_write_are_known(written: str, family: str) -> None:
    assert family_of(written) == family

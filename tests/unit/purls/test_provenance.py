"""Where a package came from, as its purl and its document say."""

import pytest

from service.purls.provenance import ELSEWHERE, PUBLIC, Provenance, provenance

NPM = "registry.npmjs." + "org"
CRATES = "crates." + "io"


@pytest.mark.parametrize(
    ("purl", "obtained_from", "expected"),
    [
        ("pkg:npm/lodash@4.17.21", "", Provenance()),
        (f"pkg:npm/lodash@4.17.21?repository_url=https://{NPM}", "", Provenance(PUBLIC, NPM)),
        (f"pkg:npm/lodash@4.17.21?download_url=https%3A%2F%2F{NPM}%2Flodash.tgz", "", Provenance(PUBLIC, NPM)),
        ("pkg:npm/lodash@4.17.21", f"https://{NPM}/lodash/-/lodash-4.17.21.tgz", Provenance(PUBLIC, NPM)),
        (f"pkg:cargo/rand@0.8?repository_url=https://github.com/rust-lang/{CRATES}-index", "", (PUBLIC, "github.com")),
        (
            "pkg:npm/x@1?repository_url=https://user@nexus.acme.example:8443/repository/npm/",
            "",
            Provenance(ELSEWHERE, "nexus.acme.example/repository/npm"),
        ),
        # A commit beats what else is said.
        (
            "pkg:npm/x@1?vcs_url=git%2Bhttps://git.acme.example/x.git%40abc",
            f"https://{NPM}/x.tgz",
            Provenance(ELSEWHERE, "git.acme.example/x.git@abc"),
        ),
        (
            f"pkg:npm/x@1?repository_url={NPM}&vcs_url=ssh://git@github.com/x/y.git",
            "",
            (ELSEWHERE, "github.com/x/y.git"),
        ),
        # A home page or a proxy proves nothing.
        ("pkg:npm/x@1", "https://github.com/x/y", Provenance("", "github.com/x/y")),
        (
            "pkg:npm/x@1",
            "https://nexus.acme.example/repository/npm/x",
            Provenance("", "nexus.acme.example/repository/npm/x"),
        ),
        # Another type's registry is none of this type's; distributions have none.
        (f"pkg:pypi/x@1?repository_url=https://{NPM}", "", Provenance(ELSEWHERE, NPM)),
        ("pkg:deb/debian/xz@1?repository_url=https://deb.example", "", Provenance()),
        ("pkg:npm/?repository_url=x", "", Provenance()),
        ("pkg:npm/x@1?repository_url=https://[broken", "", Provenance(ELSEWHERE, "")),
    ],
)
def test_what_is_said_of_a_packages_origin(purl: str, obtained_from: str, expected: tuple[str, str]) -> None:
    assert tuple(provenance(purl, obtained_from)) == tuple(expected)

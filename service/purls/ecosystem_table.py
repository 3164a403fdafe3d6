"""All of OSV's ecosystems: how each orders versions, which purls lead to it, how it writes names.

One table that code reads and people read: README.md shows it, and a test holds the two, and the schema's own list,
equal. It is Python rather than a file to parse, so that starting costs nothing. `order` names a family of
``service.versions``.

Source: OSV schema 1.7 ("Defined ecosystems"), the types of purl-spec, and what published records write.
"""

from typing import Final, Literal, NamedTuple

#: Families of orders; '' is none: such versions are compared as text with the listed ones.
Order = Literal[
    "", "alpm", "apk", "bitnami", "cran", "dpkg", "gem", "hackage", "julia", "maven", "nuget", "packagist", "pub",
    "pypi", "rpm", "semver",
]  # fmt: skip

#: How names are written before they are compared; `ecosystems.normalise_name` does it.
Names = Literal["as written", "lower case", "PEP 503", "lower case and _", "host/path"]

#: What stands behind ``:``. A release or a product leads back to the bare name; a repository is a registry's address;
#: a repackaged ecosystem lends its order and its names.
Suffix = Literal["", "release", "product", "repository", "repackaged"]

#: Which package of a distribution its advisories name; '' where there is no such difference.
SpeaksOf = Literal["", "source", "binary", "both"]


class Ecosystem(NamedTuple):
    """One ecosystem. `purls` are types, or types with namespace (``deb/debian``); `in_schema` is OSV's schema."""

    name: str
    order: Order
    purls: tuple[str, ...] = ()
    names: Names = "as written"
    suffix: Suffix = ""
    speaks_of: SpeaksOf = ""
    note: str = ""
    in_schema: bool = True


def _distribution(
    name: str, order: Order, purl: str, speaks_of: SpeaksOf, *, suffix: Suffix = "release", note: str = ""
) -> Ecosystem:
    return Ecosystem(name, order, (purl,), suffix=suffix, speaks_of=speaks_of, note=note)


TABLE: Final = (
    # Registries and what is published like it.
    Ecosystem("Bioconductor", "semver", ("bioconductor",)),
    Ecosystem("Bitnami", "bitnami", ("bitnami",), "lower case", note="`-3` and `-r3` are revisions, not prereleases"),
    Ecosystem("ConanCenter", "semver", ("conan",), note="a namespace is another's remote, and no ConanCenter package"),
    Ecosystem("CRAN", "cran", ("cran",)),
    Ecosystem("crates.io", "semver", ("cargo",)),
    Ecosystem("GHC", "semver", note="no purl type; the packages of a compiler are in Hackage"),
    Ecosystem("GitHub Actions", "semver", ("github",), "lower case", note="OSV's own API does not order it"),
    Ecosystem(
        "Go",
        "semver",
        ("golang",),
        note="module paths keep their case; `stdlib` and `toolchain` are Go's own; a package is no module (ADR 0010)",
    ),
    Ecosystem("Hackage", "hackage", ("hackage",)),
    Ecosystem("Hex", "semver", ("hex",), "lower case"),
    Ecosystem("Julia", "julia", ("julia",)),
    Ecosystem(
        "Kubernetes",
        "semver",
        ("golang/k8s.io",),
        note="only from v1 on: the libraries (v0.23.2) are not numbered like Kubernetes; feeds write `kubernetes`",
    ),
    Ecosystem("Maven", "maven", ("maven",), suffix="repository", note="`group:artifact`"),
    Ecosystem("npm", "semver", ("npm",), note="`@scope/name`; old names with capitals are packages of their own"),
    Ecosystem("NuGet", "nuget", ("nuget",), "lower case", note="case-sensitive to purl-spec, not to the registry"),
    Ecosystem("opam", "dpkg", ("opam",)),
    Ecosystem("Packagist", "packagist", ("composer",), "lower case", "repository"),
    Ecosystem("Pub", "pub", ("pub",), "lower case and _"),
    Ecosystem("PyPI", "pypi", ("pypi",), "PEP 503"),
    Ecosystem("RubyGems", "gem", ("gem",)),
    Ecosystem("SwiftURL", "semver", ("swift",), "host/path", note="feeds write `purl-type:swift` too"),
    Ecosystem("VSCode", "semver", ("vscode-extension",), "lower case", "repository", note="`publisher.name`"),
    # Distributions.
    _distribution("AlmaLinux", "rpm", "rpm/almalinux", "both"),
    _distribution("Alpaquita", "apk", "apk/alpaquita", "source"),
    _distribution("Alpine", "apk", "apk/alpine", "source"),
    _distribution("Azure Linux", "rpm", "rpm/azurelinux", "source"),
    _distribution("BellSoft Hardened Containers", "apk", "apk/bellsoft-hardened-containers", "source"),
    _distribution("Chainguard", "apk", "apk/chainguard", "binary", suffix=""),
    _distribution("CleanStart", "apk", "apk/cleanstart", "binary", suffix=""),
    _distribution("Debian", "dpkg", "deb/debian", "source"),
    _distribution("Mageia", "rpm", "rpm/mageia", "source"),
    _distribution("MinimOS", "apk", "apk/minimos", "binary", suffix=""),
    _distribution("openEuler", "rpm", "rpm/openeuler", "source", note="records leave the epoch out"),
    _distribution("openSUSE", "rpm", "rpm/opensuse", "source", note="binaries are in `ecosystem_specific`"),
    _distribution("Photon OS", "rpm", "rpm/photon", "binary", note="OSV's own API does not order it"),
    _distribution("Red Hat", "rpm", "rpm/redhat", "both", suffix="product", note="the product is a CPE"),
    _distribution("Rocky Linux", "rpm", "rpm/rocky", "both"),
    _distribution("SUSE", "rpm", "rpm/suse", "source", note="binaries are in `ecosystem_specific`"),
    _distribution("Ubuntu", "dpkg", "deb/ubuntu", "source"),
    _distribution("Wolfi", "apk", "apk/wolfi", "binary", suffix=""),
    # They rebuild what others publish. The suffix (`Root:Alpine:3.18`, `Echo:PyPI`) lends order and names.
    Ecosystem(
        "Docker Hardened Images",
        "",
        ("dhi", "apk/dhi", "deb/dhi"),
        suffix="repackaged",
        speaks_of="binary",
        note="the suffix is the distribution that the purl's `os_name` and `os_version` state",
    ),
    Ecosystem(
        "Echo",
        "dpkg",
        ("deb/echo",),
        suffix="repackaged",
        speaks_of="source",
        note="packages of a registry by their version: `2.2.5+echo.1`",
    ),
    Ecosystem(
        "Root",
        "",
        suffix="repackaged",
        speaks_of="binary",
        note="by name and version: `root-openssl` in a distribution, `4.17.20.root.io.1` in a registry",
    ),
    Ecosystem("TuxCare", "", suffix="repackaged", speaks_of="source", note="no purl names it"),
    # Without an order.
    Ecosystem("Android", "", note="no purl type"),
    Ecosystem("FreeBSD", "", suffix="product", note="no purl type"),
    Ecosystem("Linux", "", note="no purl type; distributions speak of their own kernels"),
    Ecosystem("OSS-Fuzz", "", ("generic",), note="a bare name is a guess: `possible`, never certain"),
    # Outside the schema's list of names.
    Ecosystem(
        "GIT",
        "",
        ("bitbucket", "github", "gitlab"),
        "host/path",
        note="repositories: tags and commits as text; also from `vcs_url` of any purl. Feeds file some in `[EMPTY]`",
        in_schema=False,
    ),
    Ecosystem("Homebrew", "", ("brew",), note="a mirror's own", in_schema=False),
)

BY_NAME: Final = {ecosystem.name: ecosystem for ecosystem in TABLE}

"""What some bytes seem to be when they are no SBOM: people send the neighbouring file, and should hear which.

Only asked on the way to a refusal, so it may cost a second look at the top level. Sure signs only: what is not in
these tables is called by its syntax.
"""

import re
from typing import NamedTuple

import msgspec

#: So much of a text, or of a member, is looked at.
_HEAD_BYTES = 1 << 16
_LOCK_FILE = "a lock file, not an SBOM; let a tool such as syft, cdxgen or trivy write one from it"
_REPORT = "a scanner's own report; let the scanner write CycloneDX or SPDX"
_MANIFEST = "the manifest of an image, not an SBOM; attached SBOMs are artefacts of their own"


class _Sign(NamedTuple):
    """JSON is `what` where it has all of `keys`, and `within` (unless empty) stands in the first one's value."""

    what: str
    keys: tuple[str, ...]
    within: bytes = b""


#: The first that fits counts, so the surer ones come first.
_JSON = (
    _Sign("an OpenVEX document, not an SBOM", ("@context",), b"openvex"),
    _Sign("a CSAF advisory, not an SBOM", ("document",), b'"csaf_version"'),
    _Sign("a SARIF report, not an SBOM", ("$schema", "runs"), b"sarif"),
    _Sign("a SARIF report, not an SBOM", ("runs", "version"), b'"tool"'),
    _Sign("a CVE record, not an SBOM", ("dataType", "cveMetadata")),
    _Sign("an answer of the NVD, not an SBOM", ("resultsPerPage", "vulnerabilities")),
    _Sign("an OSV record, not an SBOM", ("affected", "id", "modified")),
    _Sign("a snapshot for GitHub's dependency graph, not an SBOM", ("manifests", "detector")),
    _Sign("a licence list, not an SBOM", ("licenseListVersion", "licenses")),
    _Sign("an OpenSSF Scorecard result, not an SBOM", ("scorecard", "checks")),
    _Sign(_LOCK_FILE, ("lockfileVersion",)),  # npm
    _Sign(_LOCK_FILE, ("_meta", "default")),  # Pipfile.lock
    _Sign(_LOCK_FILE, ("content-hash", "packages")),  # composer.lock
    _Sign(_LOCK_FILE, ("dependencies", "version"), b'"contentHash"'),  # NuGet
    _Sign(_LOCK_FILE, ("targets", "libraries")),  # project.assets.json
    _Sign(_LOCK_FILE, ("runtimeTarget", "libraries")),  # *.deps.json
    _Sign(_LOCK_FILE, ("pins",), b'"identity"'),  # Package.resolved
    _Sign(_LOCK_FILE, ("nodes", "root"), b'"locked"'),  # flake.lock
    _Sign("what npm audit prints, not an SBOM", ("auditReportVersion",)),
    _Sign("what pip-audit prints; pip-audit --format cyclonedx-json writes an SBOM", ("dependencies",), b'"vulns"'),
    _Sign("what npm ls prints, not an SBOM; npm sbom writes one", ("dependencies",), b'"version"'),
    _Sign("a package.json, not an SBOM; npm sbom writes one", ("dependencies", "name")),
    _Sign("a package.json, not an SBOM; npm sbom writes one", ("scripts", "name")),
    _Sign("a package.json, not an SBOM; npm sbom writes one", ("devDependencies",)),
    _Sign("what pip inspect prints, not an SBOM", ("pip_version", "installed")),
    _Sign(_REPORT, ("ArtifactName", "SchemaVersion")),  # trivy
    _Sign(_REPORT, ("matches", "descriptor")),  # grype
    _Sign(_REPORT, ("vulnerabilities", "packageManager")),  # snyk
    _Sign(_MANIFEST, ("mediaType",), b"vnd.docker.distribution"),
    _Sign(_MANIFEST, ("mediaType",), b"vnd.oci.image"),
    _Sign(_MANIFEST, ("schemaVersion", "layers")),
    _Sign(_MANIFEST, ("schemaVersion", "manifests")),
    _Sign(_MANIFEST, ("rootfs", "architecture")),
    _Sign("a Kubernetes object, not an SBOM", ("apiVersion", "kind")),
    _Sign("an OpenAPI document, not an SBOM", ("openapi", "paths")),
    _Sign("a JSON schema, not an SBOM", ("$schema",), b"json-schema.org"),
    _Sign("an error that a web service answered, not an SBOM", ("message", "documentation_url")),
    _Sign("an error that a web service answered, not an SBOM", ("title", "status", "detail")),
    _Sign("an error that a web service answered, not an SBOM", ("errors",), b'"message"'),
)

#: Root element, a word in its start tag ("" for none) -> what it is.
_XML = (
    ("html", "", "an HTML page, perhaps a login or error page"),
    ("HTML", "", "an HTML page, perhaps a login or error page"),
    ("project", "maven.apache.org", "a Maven POM, not an SBOM; the CycloneDX plug-in writes one"),
    ("project", "", "a Maven POM or an Ant build, not an SBOM; their CycloneDX plug-ins write one"),
    ("package", "nuspec", "a NuGet specification, not an SBOM; dotnet-CycloneDX writes one"),
    ("packages", "", "a NuGet packages.config, not an SBOM; dotnet-CycloneDX writes one"),
    ("Project", "", "an MSBuild project, not an SBOM; dotnet-CycloneDX writes one"),
    ("SoftwareIdentity", "", "a SWID tag, which is not read"),
    ("cvrfdoc", "", "a CVRF advisory, not an SBOM"),
    ("oval_definitions", "", "OVAL definitions, not an SBOM"),
    ("analysis", "DependencyCheck", "a report of OWASP Dependency-Check, not an SBOM"),
    ("testsuites", "", "a test report, not an SBOM"),
    ("testsuite", "", "a test report, not an SBOM"),
    ("Error", "", "an error that a web service answered, not an SBOM"),
    ("Envelope", "soap", "a SOAP message, not an SBOM"),
)

#: All of the patterns are found in the first lines -> what it is. Each takes time linear in the text.
_TEXT = tuple(
    (what, tuple(re.compile(pattern, re.MULTILINE) for pattern in patterns))
    for what, *patterns in (
        ("a Git LFS pointer; the file itself is elsewhere: git lfs pull fetches it", rb"\Aversion https://git-lfs"),
        (_LOCK_FILE, rb"^# yarn lockfile v\d"),
        (_LOCK_FILE, rb"^__metadata:[ \t\r]*\n[ \t]+version:"),  # yarn 2 and newer
        (_LOCK_FILE, rb"\AlockfileVersion:"),  # pnpm
        (_LOCK_FILE, rb"^\[\[package\]\]"),  # Cargo, Poetry, uv, PDM
        (_LOCK_FILE, rb"^[\w.~/-]+ v\d\S* h1:"),  # go.sum
        (_LOCK_FILE, rb"^GEM\r?\n  remote:"),
        (_LOCK_FILE, rb"^PODS:\r?\n"),
        (_LOCK_FILE, rb"\A# This is a Gradle generated file"),
        ("a go.mod, not an SBOM; cyclonedx-gomod writes one", rb"\A(?://[^\n]*\n)*module [\w./~-]+\s"),
        ("a list of Python requirements; cyclonedx-py writes an SBOM", rb"^[A-Za-z0-9][\w.-]*(?:\[[\w, -]+\])?==\d"),
        ("a Dockerfile, not an SBOM", rb"\A(?:#[^\n]*\n|\s)*FROM [\w./:@-]+"),
        ("a Kubernetes object as YAML, not an SBOM", rb"^apiVersion:", rb"^kind:"),
        ("a Helm chart's description, not an SBOM", rb"^apiVersion: v[12]\b", rb"^name:", rb"^version:"),
        ("what dpkg --list prints, not an SBOM", rb"^Desired=Unknown/Install"),
        ("what docker inspect prints, not an SBOM", rb"\A\s*\[", rb'"RepoTags"'),
        ("a list such as pip prints, not an SBOM", rb'\A\s*\[\s*\{\s*"name"\s*:\s*"[^"\n]*",\s*"version"'),
        ("a key, certificate or signature, not an SBOM", rb"\A-----BEGIN "),
    )
)

_ARCHIVES = (
    (b"\x1f\x8b", "packed with gzip"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
    (b"\xfd7zXZ", "packed with xz"),
    (b"BZh", "packed with bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"PK\x03\x04", "a zip archive"),
)
_TAR_MAGIC = slice(257, 262)
_JAR_ENTRY = slice(30, 39)

_BINARY = (
    (b"\x7fELF", "a program or library (ELF)"),
    (b"MZ", "a program or library (Windows)"),
    (b"\xcf\xfa\xed\xfe", "a program or library (macOS)"),
    (b"\xca\xfe\xba\xbe", "a program (Java class or macOS)"),
    (b"\x00asm", "a program (WebAssembly)"),
    (b"!<arch>\n", "a Debian package or a static library"),
    (b"\xed\xab\xee\xdb", "an RPM package"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF-", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
)


def of_archive(data: bytes) -> str:
    """Name the packing of bytes that are packed, or ``""``."""
    if data.startswith(b"PK\x03\x04") and data[_JAR_ENTRY] == b"META-INF/":
        return "a Java archive (jar)"
    if data[_TAR_MAGIC] == b"ustar":
        return "a tar archive"
    return next((what for magic, what in _ARCHIVES if data.startswith(magic)), "")


def of_json(data: bytes) -> str:
    """Name what a JSON object without an SBOM's marks seems to be; ``""`` when it could be anything."""
    try:
        members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return next((sign.what for sign in _JSON if _fits(sign, members)), "")


def _fits(sign: _Sign, members: dict[str, msgspec.Raw]) -> bool:
    if not all(key in members for key in sign.keys):
        return False
    return sign.within in bytes(memoryview(members[sign.keys[0]])[:_HEAD_BYTES])


def of_xml(root: str, start_tag: str) -> str:
    """Name what a document with this root element seems to be, or ``""``."""
    told = ((what, word) for name, word, what in _XML if name == root and word in start_tag)
    return next((what for what, _ in told), "")


def of_text(data: bytes) -> str:
    """Name what bytes that are neither XML nor a JSON object seem to be, or ``""``."""
    head = data[:_HEAD_BYTES]
    binary = (what for magic, what in _BINARY if head.startswith(magic))
    text = (what for what, patterns in _TEXT if all(pattern.search(head) for pattern in patterns))
    return next(binary, "") or next(text, "")

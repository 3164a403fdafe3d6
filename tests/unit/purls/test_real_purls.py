"""Purls as scanners really write them, held against packageurl-python and the xz story's expectations."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

from packageurl import PackageURL

from service.purls import BadPurl, canonical, identify

_PURL = re.compile(r'"(pkg:[^"\\\n]{1,600})"')

#: What each expected advisory of the xz story is about.
_AFFECTED = {
    "DEBIAN-CVE-2024-3094": ("Debian:13", "xz-utils"),
    "ALPINE-CVE-2024-3094(edge)": ("Alpine:edge", "xz"),
    "JLSEC-2026-62": ("Julia", "XZ_jll"),
    "BELL-CVE-2024-3094": ("Alpaquita:23", "xz"),
    "GO-2020-0016": ("Go", "github.com/ulikunitz/xz"),
    "GHSA-jp7f-grcv-6mjf": ("NuGet", "sharpcompress"),
}


def test_every_expected_advisory_of_the_xz_story_is_within_reach(corpus: Callable[[str], Path]) -> None:
    manifest = (corpus("xz-scenario") / "MANIFEST.tsv").read_text(encoding="utf-8")
    for row in csv.DictReader(manifest.splitlines(), delimiter="\t"):
        identity = identify(purl=row["purl"], name=row["name"], version=row["version"])
        names = {(each.ecosystem, each.name) for each in identity.coordinates}
        for advisory in filter(None, row["expected_osv_matches"].split(";")):
            assert advisory not in _AFFECTED or _AFFECTED[advisory] in names, row
        if "/debian/" not in row["purl"]:
            assert not any(ecosystem.startswith("Debian") for ecosystem, _ in names), row


def test_real_purls_read_as_packageurl_reads_them(corpus: Callable[[str], Path]) -> None:
    texts = (path.read_text(errors="replace") for path in sorted((corpus("sbom-dev") / "containers").glob("*.json")))
    purls = {purl for text in texts for purl in _PURL.findall(text)}
    assert purls
    for purl in purls:
        if not purl.startswith(("pkg:rpm", "pkg:alpine", "pkg:dotnet", "pkg:npm")) and "package-id" not in purl:
            assert _ours(purl) == _theirs(purl)


def _ours(purl: str) -> str:
    try:
        return canonical(purl)
    except BadPurl:
        return ""


def _theirs(purl: str) -> str:
    try:
        # It writes a plus in apk names in lower case, against its own rule.
        return PackageURL.from_string(purl).to_string().replace("%2b", "%2B")
    except ValueError:
        return ""

"""``muster explain`` and what ``muster advisories publish`` prints for people."""

import json
from collections.abc import Callable

from command_line import Ran
from osv_bucket import make_record
from sboms import make_sbom

Muster = Callable[..., Ran]

XZ = "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils&distro=debian-13"
ID = "x_ACME-2024-0007"
RECORD = make_record(
    ID, "Debian:13/xz-utils", "introduced 5.6.0-0.1", "fixed 5.6.1+really5.4.5-1", aliases=["CVE-2024-3094"]
)


def publish(muster: Muster, record: dict[str, object], *options: str) -> Ran:
    return muster("advisories", "publish", "-", *options, stdin=json.dumps(record).encode())


def test_a_dry_run_prints_hits_and_near_misses(muster: Muster) -> None:
    muster("upload", "-", "-p", "shop", stdin=make_sbom(XZ, "pkg:conan/xz_utils@5.6.1"))
    ran = publish(muster, RECORD, "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    for words in ("Would open 1 incidents, 1 exposures.", "Hit now (1):", "Nearly named, and not matched (1):",
                  "xz_utils 5.6.1", "looks affected", "carries the code of xz"):  # fmt: skip
        assert words in ran.out, words
    assert muster("incidents", "list", "--all").out == "There are none.\n"
    assert "Opened 1 incidents, 1 exposures." in publish(muster, RECORD).out
    narrow = publish(muster, make_record(ID, "Debian:12/xz-utils", "introduced 0"))
    assert "No longer affected: 1 components, in 1 products in the field: liblzma5 5.6.1-1" in narrow.out


def test_a_public_id_is_refused_and_odd_ones_are_remarked(muster: Muster) -> None:
    ran = publish(muster, RECORD | {"id": "CVE-2026-1"})
    assert (ran.code, "x_ACME-2026-0001" in ran.err) == (2, True)
    ran = publish(muster, RECORD | {"id": "ACME-1"}, "--dry-run")
    assert (ran.code, "Write: x_ACME-1" in ran.out) == (0, True)


def test_a_package_is_explained_by_any_name(muster: Muster) -> None:
    publish(muster, RECORD)
    ran = muster("explain", XZ, "CVE-2024-3094")
    assert (ran.code, ran.err) == (0, "")
    assert "Advisories reach it as Debian 13's xz-utils 5.6.1-1" in ran.out
    assert "5.6.1-1 ≥ 5.6.0-0.1 and 5.6.1-1 < 5.6.1+really5.4.5-1" in ran.out
    assert ran.out.splitlines()[-1].startswith("AFFECTED. liblzma5 5.6.1-1 is built from xz-utils 5.6.1-1")
    bare = "pkg:deb/debian/xz-utils@5.6.1-1"
    assert muster("explain", bare, ID, "--json").json()["verdict"] == "possible"
    assert muster("explain", bare, ID, "--distro", "debian-12").out.splitlines()[-1].startswith("NOT AFFECTED.")


def test_what_cannot_be_explained_ends_with_two(muster: Muster) -> None:
    publish(muster, RECORD)
    for arguments, said in (((XZ, "CVE-1999-1"), "There is no advisory"), (("xz", ID), "begins with pkg:")):
        ran = muster("explain", *arguments)
        assert (ran.code, ran.out, said in ran.err) == (2, "", True)

"""The search a CERT would have made in March 2024, over real SBOMs in which one version was changed."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import make_product, make_stream, upload_document

from service.db import WriteSession
from service.inventory.question import ask
from service.inventory.search import search
from service.inventory.slugs import slugify
from service.sbom import read

#: Rebuilt from clean sources under upstream's version: only the distributions' advisories can tell.
FIXED_UNDER_THE_SAME_VERSION = {"5.6.1-r2", "5.6.1-2"}


@pytest.mark.parametrize("q", ["xz >=5.6.0,<5.6.2", "liblzma >=5.6.0,<5.6.2", "xz-utils >=5.6.0,<5.6.2"])
def test_every_affected_build_is_found_and_no_reverted_one(
    session: WriteSession, corpus: Callable[[str], Path], q: str
) -> None:
    folder = corpus("xz-scenario")
    rows = list(csv.DictReader((folder / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    for name in {row["file"] for row in rows}:
        slug, _ = slugify(name)
        document = read((folder / name).read_bytes())
        upload_document(session, make_stream(session, make_product(session, slug)), document)

    answer = search(session, ask(q), limit=500)

    found = {(item.product, item.component.name, item.component.version) for item in answer.items}
    listed = {(one.product, one.component.name) for one in answer.cannot_tell if one.component}
    by_name_only = {i.component.name for i in answer.items if {r.rule for r in i.matched_by} == {"word", "version"}}
    assert answer.next is None
    for row in rows:
        slug, _ = slugify(row["file"])
        name = row["name"].rpartition("/")[2].rpartition(":")[2]
        here = (slug, name, row["version"]) in found
        if row["backdoor_scope"] == "yes":
            assert here, row
        elif row["backdoor_scope"] == "no" and row["version"] not in FIXED_UNDER_THE_SAME_VERSION:
            assert not here or row["component_ref"] == "go-same-number", row
        elif row["component_ref"] in ("noversion", "cargo2"):
            assert (slug, name) in listed, row
    assert by_name_only <= {"xz"}
    assert {one.reason for one in answer.excluded} >= {"5.6.1+really5.4.5-1 is 5.4.5", "5.6.1.revertto5.4-3.2 is 5.4"}

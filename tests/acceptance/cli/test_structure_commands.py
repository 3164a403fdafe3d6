"""What changed, and how a component came in, as people and programs read it in a terminal."""

import json
from collections.abc import Callable
from typing import Any

from command_line import Ran
from osv_bucket import make_record

Muster = Callable[..., Ran]

LODASH, FIXED, MS = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21", "pkg:npm/ms@2.0.0"


def sbom(*listed: tuple[str, str], depends: dict[str, list[str]] | None = None) -> bytes:
    components = [
        {"type": "library", "bom-ref": purl, "purl": purl, "name": purl.split("/")[-1].split("@")[0],
         "version": purl.split("@")[1], "licenses": [{"license": {"id": licence}}]}
        for purl, licence in listed
    ]  # fmt: skip
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "metadata": {"component": {"type": "application", "name": "shop", "bom-ref": "root"}},
        "components": components,
        "dependencies": [{"ref": above, "dependsOn": below} for above, below in (depends or {}).items()],
    }
    return json.dumps(document).encode()


def test_the_difference_of_two_sboms_is_readable_and_complete(muster: Muster, tmp_path: Any) -> None:  # noqa: ANN401
    record = tmp_path / "advisory.json"
    record.write_text(json.dumps(make_record("ACME-1", "npm/lodash", "introduced 0", "fixed 4.17.21")))
    muster("advisories", "publish", str(record))
    muster("upload", "-", "-p", "shop", "--version", "1.0", stdin=sbom((LODASH, "MIT")))
    assert "nothing: no SBOM came before" in muster("diff", "shop").out
    muster("upload", "-", "-p", "shop", stdin=sbom((FIXED, "BUSL-1.1"), (MS, "MIT"), depends={"root": [FIXED]}))

    ran = muster("diff", "shop", "--from", "release:1.0")
    assert (ran.code, ran.err) == (0, "")
    assert "shop main release 1.0, 1 component" in ran.out
    assert "1 added, 1 upgraded, 1 relicensed" in ran.out
    assert "Went with it (1):" in ran.out
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["added", "ms", "2.0.0", "MIT"] in rows
    assert ["upgrade", "lodash", "4.17.20", "4.17.21", "MIT", "->", "BUSL-1.1", "direct"] in rows
    assert ["ACME-1", "unscored", "lodash", "4.17.20", "4.17.21"] in rows

    answer = muster("diff", "shop", "--json", "--limit", "1").json()
    assert (len(answer["items"]), answer["from"]["version"], answer["next"] is None) == (1, "1.0", False)
    only = muster("diff", "shop", "--change", "licence", "--json").json()
    assert [one["name"] for one in only["items"]] == ["lodash"]
    assert muster("diff", "shop", "--to", "nonsense").code == 2
    assert muster("diff", "nobody").code == 2


def test_the_ways_of_a_component_are_written_from_the_product_down(muster: Muster) -> None:
    depends = {"root": [MS, LODASH], MS: [LODASH]}
    muster("upload", "-", "-p", "shop", stdin=sbom((LODASH, "MIT"), (MS, "MIT"), depends=depends))

    ran = muster("paths", "shop", "pkg:npm/lodash")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "lodash 4.17.20 in main (SBOM 1): direct, 2 paths through 2 direct dependencies",
        "  shop > lodash 4.17.20",
        "  shop > ms 2.0.0 > lodash 4.17.20",
    ]
    assert muster("paths", "shop", "lodash", "--paths", "1", "--json").json()["items"][0]["total"]["count"] == 2
    assert "No SBOM that was looked at contains it" in muster("paths", "shop", "left-pad").out
    assert muster("paths", "shop", "pkg:").code == 2

"""``muster export vex`` and ``muster vex``: what one exports, the same installation can hear."""

import json
from collections.abc import Callable
from pathlib import Path

import vex_oracles
from command_line import Ran
from osv_bucket import make_record
from sboms import make_sbom

Muster = Callable[..., Ran]
ID = "x_ACME-2026-0007"


def test_a_document_goes_out_and_comes_in(muster: Muster, tmp_path: Path) -> None:
    muster("upload", "-", "-p", "shop", stdin=make_sbom("pkg:npm/lodash@4.17.20"))
    record = make_record(ID, "npm/lodash", "introduced 0", "fixed 4.17.21")
    muster("advisories", "publish", "-", stdin=json.dumps(record).encode())
    file = tmp_path / "shop.csaf.json"
    assert muster("export", "vex", "shop", "--format", "csaf", "-o", str(file)).code == 0
    assert vex_oracles.faults(file.read_bytes()) == []
    assert "is no trusted source" in muster("vex", "import", str(file)).out

    author = json.loads(file.read_bytes())["document"]["publisher"]["namespace"]
    wanted = {"items": [{"author": author, "reason": "ourselves", "packages": ["pkg:npm/"]}]}
    assert muster("vex", "set-sources", "-", stdin=json.dumps(wanted).encode()).code == 0
    assert author in muster("vex", "sources").out
    ran = muster("vex", "import", str(file), "--dry-run")
    assert (ran.code, "0 applied, 1 noted, 0 ignored" in ran.err + ran.out) == (0, True)
    assert muster("export", "vex", "nowhere").code == 2
    assert muster("vex", "import", "-", stdin=b"{}").code == 2

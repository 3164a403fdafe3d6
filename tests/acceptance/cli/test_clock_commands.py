"""``muster incidents pause``, ``resume`` and ``extend``, and what ``show`` says of a priority."""

import json
from collections.abc import Callable
from pathlib import Path

from command_line import Ran
from osv_bucket import make_record
from sboms import make_sbom

REMOTE = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
UNFIXED = make_record("x_ours-1", "npm/lodash", "introduced 0", aliases=["CVE-2021-23337"], severity=REMOTE)


def test_remediation_is_paused_resumed_and_extended(muster: Callable[..., Ran], tmp_path: Path) -> None:
    file = tmp_path / "advisory.json"
    file.write_text(json.dumps(UNFIXED))
    muster("advisories", "publish", str(file))
    muster("products", "set", "shop", "--exposed")
    ran = muster("upload", "-", "-p", "shop", "--json", stdin=make_sbom("pkg:npm/lodash@4.17.20"))
    (finding,) = ran.json()["findings"]
    incident, exposure = finding["incident"], finding["exposure"]

    paused = muster("incidents", "pause", incident, "--awaiting", "upstream", "--reason", "asked them")
    assert (paused.code, paused.out) == (0, f"{exposure} shop: paused\n")
    shown = muster("incidents", "show", exposure).out
    assert "priority attend, 3 days to remediate: cisa_coordinator 2.0.3 says track; " in shown
    assert "; cisa_bod_26_04 1.0.0 says 3 days" in shown
    assert "automatable yes: CVSS 3.1 by x_ours-1" in shown
    assert "paused, awaiting upstream, until" in shown
    again = muster("incidents", "pause", incident, "--awaiting", "decision", "--reason", "legal")
    assert again.code != 0
    assert "paused already" in again.err
    assert muster("incidents", "resume", exposure, "--reason", "they answered").code == 0
    assert muster("incidents", "pause", exposure, "--awaiting", "lunch", "--reason", "hungry").code == 2
    extended = muster("incidents", "extend", exposure, "--until", "2199-12-31", "--reason", "frozen", "--json")
    assert extended.json()["items"][0]["remediate_due_at"].startswith("2200-01-01")

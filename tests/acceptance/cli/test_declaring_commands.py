"""An incident from the command line: declared, told, closed by two, and reported."""

from collections.abc import Callable

from command_line import Ran
from sboms import make_sbom

Muster = Callable[..., Ran]

BAD = "pkg:deb/debian/liblzma5@5.6.1-1?arch=amd64&distro=debian-13&upstream=xz-utils"
DECLARE = ("incidents", "declare", "Backdoor in xz", "--class", "malicious_code", "--name", "liblzma")
RANGE = ("--range", ">=5.6.0,<5.6.2")


def test_a_cert_declares_tells_and_closes_from_the_command_line(muster_as: Callable[[str], Muster]) -> None:
    admin, cert, deputy = muster_as("admin"), muster_as("cert"), muster_as("cert")
    admin("teams", "set", "payments", "--email", "payments@example.org")
    admin("products", "set", "shop", "--owner", "payments")
    assert admin("upload", "-", "-p", "shop", stdin=make_sbom(BAD)).code == 0

    dry = cert(*DECLARE, *RANGE, "--dry-run")
    assert dry.code == 0
    assert "1 affected, 0 suspected, 0 unknown; nothing was changed." in dry.out
    declared = cert(*DECLARE, *RANGE, "--json").json()
    incident = declared["incident"]
    shown = cert(*DECLARE, *RANGE)
    assert f"{incident} stands, as Act." in shown.out
    assert "all its members are meant" in shown.out

    amended = cert("incidents", "amend", incident, "--reason", "a CVE", "--alias", "CVE-2024-3094", "--json").json()
    assert amended["affected_count"] == 1
    told = cert("incidents", "broadcast", incident, "Go back to 5.4")
    assert "Told to act: 1; to confirm: 0; that they are clear: 0." in told.out
    board = cert("incidents", "situation", incident)
    assert "1 affected, 0 suspected, 0 cannot tell, 0 clear; 0.0 % acknowledged." in board.out

    refused = cert("incidents", "close", incident)
    assert refused.code == 2
    assert "shop: affected" in refused.err
    proposed = cert("incidents", "close", incident, "--override", "--reason", "switched off")
    assert "somebody with another key has to agree" in proposed.out
    closed = deputy("incidents", "close", incident, "--override", "--reason", "seen")
    assert closed.out == f"{incident} is closed.\n"

    report = cert("incidents", "report", incident)
    assert report.out.startswith(f"# {incident}: ")
    assert "Go back to 5" in report.out
    assert cert("incidents", "declare", "Nothing").code == 2

"""Webhooks from the command line: made with a secret on stdout, tested, looked into, removed."""

from collections.abc import Callable

from command_line import Ran

Muster = Callable[..., Ran]


def test_a_webhook_is_made_tested_and_removed(muster_as: Callable[[str], Muster]) -> None:
    muster = muster_as("cert")
    refused = muster("webhooks", "add", "http://127.0.0.1:1/")
    assert (refused.code, "MUSTER_WEBHOOK_ALLOW_PRIVATE" in refused.err) == (2, True)

    made = muster("webhooks", "add", "https://127.0.0.1:8443/hook", "--type", "exposure.*", "--description", "SIEM")
    assert made.code == 0, made.err
    assert made.out.startswith("whsec_")
    assert "WHK-" in made.err
    name = muster("webhooks", "list", "--json").json()["items"][0]["id"]

    tried = muster("webhooks", "test", name)
    assert tried.code == 1
    assert "127.0.0.1 is refused: 127.0.0.1 is this machine itself" in tried.out
    assert "dead" in muster("webhooks", "deliveries", name).out
    assert "exposure.*" in muster("webhooks", "list").out
    assert "verify v1a with whpk_" in muster("webhooks", "show", name).out
    assert muster("webhooks", "rotate", name).out.startswith("whsec_")
    assert muster("webhooks", "replay", name, "--failed").err == "0 deliveries begin anew.\n"
    assert muster("webhooks", "replay", name).code == 2
    assert muster("webhooks", "enable", name).code == 0
    assert muster("webhooks", "remove", name).code == 0
    assert muster("webhooks", "show", name).code == 2

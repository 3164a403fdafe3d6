import pytest

from service.access.vault import Locked, Vault


def test_a_secret_comes_back_as_it_was_and_does_not_show() -> None:
    locked = Vault("of the house").lock("webhook", "whsec_ä")
    assert Vault("of the house").open("webhook", locked) == "whsec_ä"
    assert b"whsec" not in locked


@pytest.mark.parametrize(("secret", "purpose"), [("of another house", "webhook"), ("of the house", "tickets")])
def test_it_opens_with_the_same_key_and_for_the_same_purpose_only(secret: str, purpose: str) -> None:
    locked = Vault("of the house").lock("webhook", "whsec_x")
    with pytest.raises(Locked, match="MUSTER_SECRET_KEY"):
        Vault(secret).open(purpose, locked)

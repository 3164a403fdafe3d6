"""Which addresses may be connected to: no way into our own networks, whatever an address is written as."""

import pytest

from service.feedback.addresses import refusal_of

PUBLIC = ("8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1")
#: May be allowed: loopback and an organisation's own networks.
PRIVATE = (
    "127.0.0.1", "127.255.255.254", "::1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.7", "240.0.0.1",
    "255.255.255.255", "fc00::1", "fd12:3456::1", "fec0::1", "2001:db8::1", "2001::1", "100::1", "64:ff9b:1::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::10.0.0.1", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1",
    "2002:a00:1::", "2002:7f00:1::", "0.1.2.3",
)  # fmt: skip
#: Clouds keep credentials behind link-local addresses; the others are no machine's.
NEVER = (
    "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "fe80::1", "fe80::1%eth0",
    "224.0.0.1", "239.255.255.250", "ff02::1", "::ffff:224.0.0.1", "::", "::ffff:0.0.0.0",
    "0.0.0.0",  # noqa: S104 - nothing is bound to it
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_fine(address: str) -> None:
    assert refusal_of(address, allow_private=False) is None
    assert refusal_of(address, allow_private=True) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_have_to_be_allowed(address: str) -> None:
    refused = refusal_of(address, allow_private=False)
    assert refused is not None
    assert refused.startswith(f"{address} is ")
    assert refusal_of(address, allow_private=True) is None


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_fine(address: str) -> None:
    assert refusal_of(address, allow_private=False) is not None
    assert refusal_of(address, allow_private=True) is not None

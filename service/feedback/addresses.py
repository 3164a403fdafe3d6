"""Which addresses a receiver may have. Pure.

A webhook's address is chosen by somebody else, and our machine may reach what they may not: itself, its neighbours, and
the metadata of its cloud. An IPv6 address that carries an IPv4 one is judged by that as well.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
#: Global by the letter, and yet nobody's public server: local NAT64, deprecated site-local, documentation, SRv6.
_ODD = (
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("fec0::/10"),
    IPv6Network("3fff::/20"),
    IPv6Network("5f00::/16"),
    IPv6Network("2001::/23"),
)


def refusal_of(text: str, *, allow_private: bool) -> str | None:
    """Say why an address is refused; None where it may be connected to.

    Args:
        text: As the resolver gave it, a zone included.
        allow_private: Loopback and the networks of an organisation are fine. Link-local addresses, behind which clouds
            keep credentials, never are, nor what is no machine's address at all.
    """
    address = ip_address(text.partition("%")[0])
    for one in (address, *_carried(address)):
        if word := _never(one) or (None if allow_private else _private(one)):
            return f"{text} is {word}"
    return None


def _carried(address: Address) -> list[Address]:
    """Give the IPv4 address inside of an IPv6 one: mapped, compatible, NAT64, 6to4."""
    if isinstance(address, IPv4Address):
        return []
    if address.ipv4_mapped or address.sixtofour:
        return [one for one in (address.ipv4_mapped, address.sixtofour) if one]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return []


def _never(address: Address) -> str | None:
    if address.is_unspecified:
        return "no machine's address"
    if address.is_multicast:
        return "a multicast address"
    return "a link-local address" if address.is_link_local else None


def _private(address: Address) -> str | None:
    if address.is_loopback:
        return "this machine itself"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped or address in _NAT64:
            return None  # judged by what it carries
        if any(address in network for network in _ODD) or address in _COMPATIBLE:
            return "no public address"
    return None if address.is_global else "no public address"

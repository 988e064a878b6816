"""Which addresses are on the public internet. A caller's URL must reach no other: not this machine, not its network,
not its cloud's metadata, in whatever form the address comes.

Sources: IANA, "IPv4 Special-Purpose Address Registry" and "IPv6 Special-Purpose Address Registry" (which Python's
`ipaddress` follows, some versions of it with gaps), and the RFCs beside each row.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that is handed out of IPv6 (RFC 4291). IPv4-compatible (`::/96`), translated (`::ffff:0:0:0/96`, RFC 2765), local
NAT64 (`64:ff9b:1::/48`, RFC 8215), unique local and link-local addresses lie outside."""
WITH_IPV4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""IPv4 in the last 32 bits: mapped (RFC 4291), and NAT64's well-known prefix (RFC 6052)."""
NOT_PUBLIC_V6 = (
    IPv6Network("2002::/16"),  # 6to4, which leads to the IPv4 address in it (RFC 3056, given up by RFC 7526)
    IPv6Network("2001::/23"),  # IETF protocols, Teredo among them (RFC 2928, RFC 4380)
    IPv6Network("2001:db8::/32"),  # documentation (RFC 3849)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
    IPv6Network("5f00::/16"),  # SRv6 SIDs (RFC 9602)
)
NOT_PUBLIC_V4 = (
    IPv4Network("0.0.0.0/8"),  # this network (RFC 791)
    IPv4Network("100.64.0.0/10"),  # carriers' own (RFC 6598)
    IPv4Network("169.254.0.0/16"),  # link-local (RFC 3927): clouds' metadata
    IPv4Network("192.0.0.0/24"),  # IETF protocols (RFC 6890); one cloud's metadata lies in it
    IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    IPv4Network(
        "168.63.129.16/32"
    ),  # Azure's own host, to every machine in it (Azure, "What is IP address 168.63.129.16?")
)
ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""The third quarter of an IPv6 address whose last is an IPv4 address (RFC 5214)."""


def is_public(text: str) -> bool:
    """True for an address of a machine on the public internet."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return _is_public_v4(address) if isinstance(address, IPv4Address) else _is_public_v6(address)


def _is_public_v4(address: IPv4Address) -> bool:
    if address.is_multicast or address.is_reserved or any(address in network for network in NOT_PUBLIC_V4):
        return False
    return address.is_global


def _is_public_v6(address: IPv6Address) -> bool:
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address.scope_id is not None:
        return False
    if any(address in network for network in WITH_IPV4):
        return _is_public_v4(low)
    if address not in GLOBAL_UNICAST or any(address in network for network in NOT_PUBLIC_V6):
        return False
    if (int(address) >> 32) & 0xFFFFFFFF in ISATAP and not _is_public_v4(low):
        return False
    return address.is_global

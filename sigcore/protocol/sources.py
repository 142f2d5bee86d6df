# SPDX-License-Identifier: MIT
"""Where a connection comes from, as far as that tells one peer from another."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

IPV6_PREFIX_BITS = 64
"""What one customer of a network has for itself (RFC 6177): a source that may pick among so many is still one."""


def network_of(source: str) -> str:
    """Return who has an address: the address itself, or the network of IPv6 that it is one of many in.

    Args:
        source: The address; what is none is returned as it is.
    """
    address = _address(source)
    if not isinstance(address, IPv6Address):
        return source if address is None else str(address)
    network = int(address) >> (128 - IPV6_PREFIX_BITS) << (128 - IPV6_PREFIX_BITS)
    return f"{IPv6Address(network)}/{IPV6_PREFIX_BITS}"


def is_this_machine(source: str) -> bool:
    """Whether an address is one by which a machine reaches itself."""
    address = _address(source)
    return address is not None and address.is_loopback


def _address(source: str) -> IPv4Address | IPv6Address | None:
    """Return the address, of IPv4 also where it came over IPv6; ``None`` where ``source`` is none."""
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address

"""Which addresses a webhook may reach: those of the public internet, and the networks that the server's owner allows.

A webhook's address is chosen by somebody who holds a permission here, not by whoever runs the network, so a call
must never reach what only this machine can reach. Sources: the IANA special-purpose address registries (RFC 6890).
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Written out rather than asked of `is_global`, whose answer for several of them changed between releases of Python.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network (RFC 1122); Linux takes 0.0.0.0 for the machine itself
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598); also Alibaba Cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's own agent: a public number that only its machines reach
        "169.254.0.0/16",  # link-local, with the metadata services of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments, with Teredo, which carries an IPv4 address inside
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
"""In front of an IPv4 address where a network has IPv6 only (RFC 6052); what counts is the address inside."""


def plain(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only wraps it (`::ffff:10.0.0.1`, NAT64), else the address itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could reach this address."""
    inner = plain(address)
    if isinstance(inner, IPv4Address):
        return not any(inner in network for network in _NOT_PUBLIC_4)
    return inner in _GLOBAL_UNICAST_6 and not any(inner in network for network in _NOT_PUBLIC_6)


def is_allowed(address: Address, networks: Iterable[Network]) -> bool:
    """Whether it lies in one of the networks that the server's owner allows although they are not public."""
    inner = plain(address)
    return any(inner in network for network in networks if network.version == inner.version)


def parsed(text: str) -> Address:
    """The address a resolver named; the zone of a link-local one (`fe80::1%eth0`) is dropped, it is refused anyway."""
    return ip_address(text.partition("%")[0])

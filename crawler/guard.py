"""Which addresses and schemes may be fetched. Pure; the resolver asks at connect time, on every hop.

A feed may name any link, a link may redirect anywhere, and a name may resolve to this machine: without this, whoever
writes an entry could make the collector read the operator's network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA's special-purpose registries, multicast, reserved space. `ipaddress.is_global` is not used: it calls multicast,
# NAT64, 6to4, 192.0.0.8 and fec0::/10 global, and its answers change between Python versions.
_REFUSED: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private network"),
    ("100.64.0.0/10", "carrier network"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private network"),
    ("192.0.0.0/24", "protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "special purpose (AS112)"),
    ("192.52.193.0/24", "special purpose (AMT)"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private network"),
    ("192.175.48.0/24", "special purpose (AS112)"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::/96", "IPv4-compatible"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "NAT64"),
    ("100::/64", "discard"),
    ("100:0:0:1::/64", "dummy prefix"),
    ("2001::/23", "protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "special purpose (AS112)"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "private network"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
)
_TABLE: tuple[tuple[Network, str], ...] = tuple((ipaddress.ip_network(net), why) for net, why in _REFUSED)
_V6_IN_USE = ipaddress.IPv6Network("2000::/3")
_SCHEMES = ("http", "https")


def address_allowed(ip: str, allow: Sequence[str] = (), port: int | None = None) -> str:
    """Whether an address may be connected to.

    Args:
        ip: a literal IPv4 or IPv6 address as a resolver gives it, perhaps with a zone (``fe80::1%eth0``).
        allow: exceptions of the settings: addresses, networks, ``address:port``.
        port: the port to be connected to; an exception with a port counts only for that one.

    Returns:
        An empty string if it may, else the reason why not.
    """
    try:
        address = ipaddress.ip_address(ip.strip().strip("[]").partition("%")[0])
    except ValueError:
        return f"{ip!r} is no address"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped if mapped is not None else address
    if any(_matches(exception, address, port) for exception in allow):
        return ""
    for network, why in _TABLE:
        if address.version == network.version and address in network:
            return f"{address} is not on the public internet ({why})"
    if isinstance(address, ipaddress.IPv6Address) and address not in _V6_IN_USE:
        return f"{address} is not on the public internet (unassigned)"
    return ""


def scheme_allowed(url: str) -> str:
    """Whether a URL's scheme may be fetched: an empty string if it may, else the reason why not."""
    scheme, colon, _ = url.strip().partition(":")
    scheme = scheme.lower()
    if colon and scheme in _SCHEMES:
        return ""
    return f"the scheme {scheme!r} is not fetched" if colon else "the URL has no scheme"


def _matches(exception: str, address: Address, port: int | None) -> bool:
    """Whether an exception of the settings covers the address; one that cannot be read covers nothing."""
    try:
        return address in ipaddress.ip_network(exception.strip("[]"), strict=False)
    except ValueError:
        host, _, allowed = exception.rpartition(":")
    try:
        return port is not None and allowed == str(port) and address == ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False

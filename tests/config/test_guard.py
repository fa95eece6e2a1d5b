"""Which addresses may be fetched: everything public, and nothing else."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.guard import address_allowed, scheme_allowed

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.1.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "[::1]",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "",
    "localhost",
    "127.1",
    "0x7f000001",
    "2130706433",
]
ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "151.101.0.81",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("ip", REFUSED)
def test_refused(ip: str) -> None:
    assert address_allowed(ip)


@pytest.mark.parametrize("ip", ALLOWED)
def test_allowed(ip: str) -> None:
    assert address_allowed(ip) == ""


def test_the_reason_names_address_and_kind() -> None:
    assert address_allowed("169.254.169.254") == "169.254.169.254 is not on the public internet (link-local)"
    assert address_allowed("::ffff:127.0.0.1") == "127.0.0.1 is not on the public internet (loopback)"


@pytest.mark.parametrize(
    ("ip", "port", "allow", "may"),
    [
        ("127.0.0.1", 8001, ["127.0.0.1"], True),
        ("127.0.0.1", None, ["127.0.0.0/8"], True),
        ("127.0.0.1", 8001, ["127.0.0.1:8001"], True),
        ("127.0.0.1", 8002, ["127.0.0.1:8001"], False),
        ("127.0.0.1", None, ["127.0.0.1:8001"], False),
        ("127.0.0.2", 8001, ["127.0.0.1:8001"], False),
        ("::1", 80, ["[::1]:80"], True),
        ("::1", 80, ["::1"], True),
        ("::1", 80, ["127.0.0.0/8"], False),
        ("::ffff:127.0.0.1", 80, ["127.0.0.0/8"], True),
        ("10.1.2.3", 80, ["10.1.0.0/16"], True),
        ("10.2.2.3", 80, ["10.1.0.0/16"], False),
        ("10.2.2.3", 80, ["nonsense", "10.2.2.3"], True),
    ],
)
def test_exceptions_of_the_settings(ip: str, port: int | None, allow: list[str], may: bool) -> None:
    assert (address_allowed(ip, allow, port) == "") is may


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_never_laxer_than_the_standard_library(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if address_allowed(str(address)) == "":
        assert (mapped or address).is_global
        assert not (mapped or address).is_multicast


@given(st.ip_addresses(v=4))
def test_hiding_an_address_in_ipv6_helps_nobody(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(b"\x00" * 10 + b"\xff\xff" + address.packed)
    assert (address_allowed(str(mapped)) == "") == (address_allowed(str(address)) == "")
    for hidden in (b"\x00\x64\xff\x9b" + b"\x00" * 8 + address.packed, b"\x20\x02" + address.packed + b"\x00" * 10):
        assert address_allowed(str(ipaddress.IPv6Address(hidden)))


@pytest.mark.parametrize("url", ["http://x.org", "HTTPS://x.org/a", " https://x.org"])
def test_schemes_that_are_fetched(url: str) -> None:
    assert scheme_allowed(url) == ""


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x.org", "s3://b/a", "data:text/html,x", "javascript:1", "x.org", "", "//x.org"]
)
def test_schemes_that_are_not(url: str) -> None:
    assert scheme_allowed(url)

"""Which addresses a webhook may reach."""

from ipaddress import ip_address, ip_network

import pytest

from fenxiao.notifications.domain import addresses, urls


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.15.255.255",
        "172.32.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "169.253.255.255",
        "192.167.255.255",
        "223.255.255.255",
        "11.0.0.0",
        "2606:4700::1111",
        "2400:3200::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_public(text: str) -> None:
    assert addresses.is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.255",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "4000::1",
    ],
)
def test_not_public(text: str) -> None:
    assert not addresses.is_public(ip_address(text))


def test_a_zone_changes_nothing() -> None:
    assert not addresses.is_public(addresses.parsed("fe80::1%eth0"))


def test_allowed_networks() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    may = lambda text: addresses.is_allowed(ip_address(text), allowed)  # noqa: E731
    assert may("10.1.2.3")
    assert may("::ffff:10.1.2.3")
    assert may("fd12::1")
    assert not may("10.2.0.1")
    assert not may("8.8.8.8")
    assert not addresses.is_allowed(ip_address("10.1.2.3"), ())


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://Shop.Example.com/hooks", "https://shop.example.com/hooks"),
        ("https://shop.example.com", "https://shop.example.com/"),
        ("https://shop.example.com:443/a?b=c&d=%20", "https://shop.example.com/a?b=c&d=%20"),
        ("http://shop.example.com:8080/", "http://shop.example.com:8080/"),
        ("https://例子.中国/通知", "https://xn--fsqu00a.xn--fiqs8s/%E9%80%9A%E7%9F%A5"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]/x"),
        ("https://1.1.1.1:8443/x", "https://1.1.1.1:8443/x"),
    ],
)
def test_addresses_are_kept_in_one_form(text: str, kept: str) -> None:
    target = urls.parse(text)
    assert target.url == kept
    assert urls.parse(kept) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shop.example.com",
        "ftp://shop.example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "https://",
        "https:///path",
        "https://user:pass@shop.example.com/",
        "https://shop.example.com@127.0.0.1/",
        "https://shop.example.com/#part",
        "https://shop.example.com:99999/",
        "https://shop.example.com:x/",
        "https://shop example.com/",
        "https://shop.example.com/\r\nHost: x",
        "https://shop.example.com\\@127.0.0.1/",
        "https://shop..example.com/",
        "https://-shop.example.com/",
        "https://shop.example.com/\u202e",
        "https://[::1",
        "https://[fe80::1%25eth0]/",
        "https://" + "a" * 2100,
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(urls.NotAnAddress) as refused:
        urls.parse(text)
    assert refused.value.fault.field == "url"


def test_the_origin_hides_path_and_query() -> None:
    assert urls.parse("https://h.example.com:8443/secret?key=1").origin == "https://h.example.com:8443"

"""Network addresses: in settings, and as rate limits count them."""

import pytest

from app.core.networks import canonical_url, check_host, check_network, check_origin, limiter_key


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("testclient", "unknown"),
        ("192.0.2.7, 10.0.0.1", "unknown"),
    ],
)
def test_a_limit_counts_an_ipv4_address_or_an_ipv6_network(address, key):
    assert limiter_key(address) == key


@pytest.mark.parametrize(
    "value", ["*", "", "localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0-10.0.0.9", "1.2.3"]
)
def test_what_is_no_network_is_refused(value):
    with pytest.raises(ValueError, match=r".+"):
        check_network(value)


@pytest.mark.parametrize("value", ["10.0.0.0/8", "127.0.0.1", "::1", "fd00::/8"])
def test_networks_and_addresses_are_taken(value):
    assert check_network(value) == value


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.COM:443/Shop", "https://app.example.com/Shop"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:5173", "http://[::1]:5173"),
        ("https://app.bücher.example/über", "https://app.xn--bcher-kva.example/%C3%BCber"),
        ("https://例え.jp/a%20b", "https://xn--r8jz45g.jp/a%20b"),
    ],
)
def test_a_url_is_written_as_browsers_write_it(url, canonical):
    assert canonical_url(url) == canonical
    assert canonical_url(canonical) == canonical


@pytest.mark.parametrize("url", ["https://", "https://a..b:0", "https://ü..de", "https://a:0", "/"])
def test_a_url_needs_a_usable_host(url):
    with pytest.raises(ValueError, match=r".+"):
        canonical_url(url)


def test_origins_and_hosts_are_taken_as_people_write_them():
    assert check_origin("https://App.Bücher.example:443/") == "https://app.xn--bcher-kva.example"
    assert check_origin("http://localhost:5173") == "http://localhost:5173"
    assert check_host("API.Bücher.example") == "api.xn--bcher-kva.example"
    assert check_host("*.bücher.example") == "*.xn--bcher-kva.example"
    for value in ("https://ü..de", "https://app.example.com/shop", "https://a@ü.de"):
        with pytest.raises(ValueError, match="must contain origins"):
            check_origin(value)

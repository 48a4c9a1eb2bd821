"""Addresses as settings name them and as limits count them."""

import pytest

from app.core.networks import check_network, limiter_key


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

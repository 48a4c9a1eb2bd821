"""Names and addresses of machines."""

from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit


def check_network(value: str) -> str:
    """An IP address or a CIDR range such as `10.0.0.0/8`; anything else, `*` included, raises `ValueError`."""
    try:
        ip_network(value)
    except ValueError:  # its own text repeats the value
        raise ValueError("must hold IP addresses or CIDR ranges such as 10.0.0.0/8") from None
    return value


def is_address(value: str) -> bool:
    """Whether it is an IP address or a range of them."""
    try:
        ip_network(value)
    except ValueError:
        return False
    return True


def limiter_key(address: str) -> str:
    """What a rate limit counts: an IPv4 address, or the /64 that one IPv6 subscriber can roam in (RFC 6177)."""
    return _block(address, 64)


def site_key(address: str) -> str:
    """What a limit for a whole site counts: an IPv4 address, or the /48 that one IPv6 site gets at most (RFC 6177)."""
    return _block(address, 48)


def _block(address: str, length: int) -> str:
    try:
        ip = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, length), strict=False))
    return str(ip)


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine, by its very text: no name is looked up but `localhost`."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

"""Names and addresses of machines."""

import re
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

NAME = r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]"  # as it stands in a Host header: IPv6 in brackets, IDNA in ASCII
HOST = re.compile(rf"\*|(\*\.)?({NAME})")
ORIGIN = re.compile(rf"\*|https?://({NAME})(:[0-9]+)?")


def check_network(value: str) -> str:
    """An IP address or a CIDR range such as `10.0.0.0/8`; raises `ValueError` for anything else, and for everybody."""
    try:
        network = ip_network(value)
    except ValueError:  # its own text repeats the value
        raise ValueError("must hold IP addresses or CIDR ranges such as 10.0.0.0/8") from None
    if network.prefixlen == 0:
        raise ValueError("must not hold every address there is")
    return value


def check_host(value: str) -> str:
    """A host name, `*.` before one, or `*`; raises `ValueError` for anything else, as no Host header would match it."""
    if not HOST.fullmatch(value.lower()):
        raise ValueError("must hold bare host names, without scheme, port or path; *.example.com has a star in front")
    return value


def check_origin(value: str) -> str:
    """As a browser sends it (RFC 6454), or `*`; a slash at the end is taken off, for anything else `ValueError`."""
    origin = value.lower().removesuffix("/")
    if not ORIGIN.fullmatch(origin):
        raise ValueError("must hold origins such as https://app.example.com, without a path")
    return origin


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

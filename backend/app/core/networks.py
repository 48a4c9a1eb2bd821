"""Checks of host names, addresses and networks."""

import re
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

# Names appear here as in a Host header: IPv6 in brackets, IDNA in ASCII.
NAME = r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]"
HOST = re.compile(rf"\*|(\*\.)?({NAME})")
ORIGIN = re.compile(rf"\*|https?://({NAME})(:[0-9]+)?")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
# Registries sell names below `co.uk` and `com.br`, so a star before one of these would
# admit strangers. The full list of public suffixes (publicsuffix.org) changes weekly,
# so a copy would soon be out of date.
SOLD_BELOW = re.compile(r"(ac|co|com|edu|go|gov|mil|ne|net|or|org)\.[a-z]{2}")
MIN_LABELS = 2  # behind the star of a wildcard host
# A label begins with a letter, because `134744072` is an address.
ONE_LABEL = re.compile(r"[a-z]([a-z0-9_-]*[a-z0-9])?", re.IGNORECASE)
WIDEST = {
    4: 8,
    6: 7,
}  # bits of the widest ranges for private use: 10.0.0.0/8 (RFC 1918) and fc00::/7 (RFC 4193)
# Python's `is_private` also includes ranges for documentation and tests.
PRIVATE = tuple(
    ip_network(block)
    for block in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)


def check_network(value: str) -> str:
    """Return an IP address or a CIDR range such as `10.0.0.0/8`.

    Raises `ValueError` for anything else, and for a range so wide that it must include
    other people's machines.
    """
    try:
        network = ip_network(value)
    except ValueError:  # the text of the library's error repeats the value
        raise ValueError("must contain IP addresses or CIDR ranges such as 10.0.0.0/8") from None
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(
            "must not contain a range wider than /8, or /7 for IPv6, because strangers have "
            "addresses in it"
        )
    return value


def check_host(value: str) -> str:
    """Return a host name, `*.` before a domain, or `*`.

    Raises `ValueError` for anything else, because no Host header would match it. A star
    before a public domain such as `co.uk`, below which anyone can register, is refused
    too.
    """
    host = value.lower()
    if not HOST.fullmatch(host):
        raise ValueError(
            "must contain host names without scheme, port or path, such as api.example.com or "
            "*.example.com"
        )
    domain = host.removeprefix("*.")
    if domain != host and (domain.count(".") + 1 < MIN_LABELS or SOLD_BELOW.fullmatch(domain)):
        raise ValueError(
            "must not contain a star before a public domain such as co.uk; write *.example.com"
        )
    return value


def check_origin(value: str) -> str:
    """Return an origin as a browser sends it (RFC 6454), or `*`.

    A slash at the end is removed. Raises `ValueError` for anything else.
    """
    origin = value.lower().removesuffix("/")
    if not ORIGIN.fullmatch(origin):
        raise ValueError("must contain origins such as https://app.example.com, without a path")
    return origin


def check_header_name(value: str) -> str:
    """Return the name of a header (RFC 9110, 5.1). Raises `ValueError` for anything
    else, `*` included.
    """
    if value == "*" or not HEADER_NAME.fullmatch(value):
        raise ValueError("must contain names of headers such as X-Client-Version; * is not allowed")
    return value


def is_address(value: str) -> bool:
    """Whether the value is an IP address or a range of addresses."""
    try:
        ip_network(value)
    except ValueError:
        return False
    return True


def is_local(host: str) -> bool:
    """Whether a host is on this machine or a private network.

    Only the text decides. No name is resolved. One label without a dot, such as
    `mailhog`, is the name of a service in Compose or of a machine on the same network.
    """
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return ONE_LABEL.fullmatch(host) is not None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in PRIVATE)


def limiter_key(address: str) -> str:
    """Return the address that a rate limit counts.

    For IPv6 it is the /64 in which one subscriber can choose addresses freely (RFC
    6177).
    """
    return _block(address, 64)


def site_key(address: str) -> str:
    """Return the address that a limit for a whole site counts.

    For IPv6 it is the /48, the most that one site gets (RFC 6177).
    """
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
    """Whether a URL stays on this machine.

    Only the text decides. No name is resolved, and `localhost` counts as this machine.
    """
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

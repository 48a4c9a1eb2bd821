"""Checks for host names, addresses and networks."""

import re
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import quote, urlsplit

# The form of a name in a Host header. IPv6 addresses are in brackets, and names are in
# ASCII (IDNA).
NAME = r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]"
HOST = re.compile(rf"\*|(\*\.)?({NAME})")
ORIGIN = re.compile(rf"\*|https?://({NAME})(:[0-9]+)?")
BARE = re.compile(r"https?://[^/?#@\s]+")
DEFAULT_PORTS = {"http": 80, "https": 443}
IN_PATHS = "/%:@!$&'()*+,;=~"  # RFC 3986, 3.3
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
# Anyone can register a name under `co.uk` or `com.br`, so a wildcard such as `*.co.uk`
# would admit strangers. The full list of public suffixes (publicsuffix.org) changes
# weekly, so a copy would soon be outdated.
SOLD_BELOW = re.compile(r"(ac|co|com|edu|go|gov|mil|ne|net|or|org)\.[a-z]{2}")
MIN_LABELS = 2  # labels after the star of a wildcard host
# A label begins with a letter, because `134744072` is an IPv4 address.
ONE_LABEL = re.compile(r"[a-z]([a-z0-9_-]*[a-z0-9])?", re.IGNORECASE)
WIDEST = {
    4: 8,
    6: 7,
}  # prefix lengths of the widest private ranges: 10.0.0.0/8 (RFC 1918) and fc00::/7 (RFC 4193)
# Python's `is_private` is not used, because it also includes ranges for documentation
# and tests.
PRIVATE = tuple(
    ip_network(block)
    for block in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)


def check_network(value: str) -> str:
    """Return an IP address or a CIDR range such as `10.0.0.0/8`.

    Raises `ValueError` for anything else, and for a range that is too wide to be
    private.
    """
    try:
        network = ip_network(value)
    except ValueError:  # the library's error message would repeat the value
        raise ValueError("must contain IP addresses or CIDR ranges such as 10.0.0.0/8") from None
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(
            "must not contain a range wider than /8, or /7 for IPv6, because strangers have "
            "addresses in it"
        )
    return value


def check_host(value: str) -> str:
    """Return a host name in the form of a Host header, or a wildcard.

    A wildcard is `*`, or a name such as `*.example.com`.

    Raises `ValueError` for anything else, because no Host header would match it. Also
    refuses a wildcard for a public suffix such as `co.uk`, under which anyone can
    register a name.
    """
    star = "*." if value.startswith("*.") else ""
    host = star + in_ascii(value.removeprefix("*.")).lower()
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
    return host


def check_origin(value: str) -> str:
    """Return an origin as a browser sends it (RFC 6454), or `*`.

    A trailing slash and a default port are removed. Raises `ValueError` for anything
    else.
    """
    origin = value.lower().removesuffix("/")
    if BARE.fullmatch(origin):
        with suppress(ValueError):
            origin = canonical_url(origin)
    if not ORIGIN.fullmatch(origin):
        raise ValueError("must contain origins such as https://app.example.com, without a path")
    return origin


def in_ascii(host: str) -> str:
    """Return a host name in its DNS form (IDNA), or "" if it has no such form."""
    import idna  # idna is slow to import, and not needed at startup

    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return ""


def canonical_url(url: str) -> str:
    """Return a URL in the form that browsers use for its origin, in ASCII.

    The origin of `https://App.Example.com:443` is `https://app.example.com`, and a name
    with an umlaut becomes `xn--…`, because a redirect can only contain ASCII. Raises
    `ValueError` for a URL without a usable host.
    """
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), in_ascii(parts.hostname or "").lower()
    if not host or parts.port == 0:
        raise ValueError("The URL has no usable host")
    port = "" if parts.port in (None, DEFAULT_PORTS.get(scheme)) else f":{parts.port}"
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}{port}{quote(parts.path, safe=IN_PATHS)}"


def check_header_name(value: str) -> str:
    """Return the name of a header (RFC 9110, 5.1).

    Raises `ValueError` for anything else, including `*`.
    """
    if value == "*" or not HEADER_NAME.fullmatch(value):
        raise ValueError("must contain names of headers such as X-Client-Version; * is not allowed")
    return value


def is_address(value: str) -> bool:
    """Return whether the value is an IP address or a range of addresses."""
    try:
        ip_network(value)
    except ValueError:
        return False
    return True


def is_local(host: str) -> bool:
    """Return whether a host is on this machine or on a private network.

    No name is resolved. A single label without a dot, such as `mailhog`, counts as
    local, because it names a Compose service or a machine on the same network.
    """
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return ONE_LABEL.fullmatch(host) is not None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in PRIVATE)


def limiter_key(address: str) -> str:
    """Return the key under which a rate limit counts an address.

    For IPv6, the key is the /64 network of the address, in which one subscriber can
    choose addresses freely (RFC 6177).
    """
    return _block(address, 64)


def site_key(address: str) -> str:
    """Return the key under which a rate limit counts a whole site.

    For IPv6, the key is the /48 network of the address, the largest network that one
    site gets (RFC 6177).
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
    """Return whether a URL points to this machine.

    No name is resolved. `localhost` counts as this machine.
    """
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

"""The headers that every response gets, as bytes that were made once.

Most of them tell a browser to be careful (ASVS 3.4). A route that serves a page sets a
policy of its own, which stays.
"""

Header = tuple[bytes, bytes]

CAREFUL: list[Header] = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    # Other sites may use us through CORS, but not embed us.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
HTTPS_ONLY = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


def careful_headers(*, hsts: bool) -> list[Header]:
    return [*CAREFUL, HTTPS_ONLY] if hsts else CAREFUL


def varying_by_origin(headers: list[Header]) -> list[Header]:
    """Add the origin to what the response varies by."""
    varies = [value for name, value in headers if name == b"vary"]
    if not varies:
        return [*headers, (b"vary", b"Origin")]
    others = [header for header in headers if header[0] != b"vary"]
    return [*others, (b"vary", b", ".join([*varies, b"Origin"]))]

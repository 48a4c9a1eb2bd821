"""The headers that every response gets, encoded only once.

Most of them are security headers for browsers (ASVS 3.4). A route that serves a page
sets its own Content-Security-Policy, which this policy does not replace.
"""

Header = tuple[bytes, bytes]

CAREFUL: list[Header] = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    # Other sites may call the API through CORS, but must not embed its responses.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
HTTPS_ONLY = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


def careful_headers(*, hsts: bool) -> tuple[Header, ...]:
    return (*CAREFUL, HTTPS_ONLY) if hsts else tuple(CAREFUL)


def varying_by_origin(headers: list[Header]) -> list[Header]:
    """Return the headers with the origin added to `Vary`."""
    varies = [value for name, value in headers if name == b"vary"]
    if not varies:
        return [*headers, (b"vary", b"Origin")]
    others = [header for header in headers if header[0] != b"vary"]
    return [*others, (b"vary", b", ".join([*varies, b"Origin"]))]

"""Checks the URLs in a call in the same way as Stripe."""

from urllib.parse import urlsplit

from simulator.protocol.errors import StripeError

WEB = ("http", "https")


def check_url(url: str, param: str, *, web: bool = False) -> str:
    """Raise an error unless the URL is complete.

    Any scheme is accepted, because a phone app has its own scheme. With `web`, only
    http and https are accepted.
    """
    try:
        parts = urlsplit(url)
        whole = bool(parts.scheme and (parts.hostname or (parts.path and parts.scheme not in WEB)))
        fits = parts.port != 0 and (not web or parts.scheme in WEB)
    except ValueError:  # unclosed brackets, or an invalid port
        whole = fits = False
    if not whole or not fits:
        raise StripeError(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param=param,
        )
    return url

"""Checks of the URLs that a call names, as Stripe does them."""

from urllib.parse import urlsplit

from simulator.protocol.errors import StripeError

WEB = ("http", "https")


def check_url(url: str, param: str, *, web: bool = False) -> str:
    """Raise unless the URL is complete.

    Any scheme is accepted, because an app on a phone has its own. With `web`, only http
    and https are.
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

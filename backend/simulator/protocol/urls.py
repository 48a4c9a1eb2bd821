"""Addresses that a call names, as Stripe checks them."""

from urllib.parse import urlsplit

from simulator.protocol.errors import StripeError

WEB = ("http", "https")


def check_url(url: str, param: str, *, web: bool = False) -> str:
    """It must be whole. Any scheme will do, as an app on a phone has its own, unless it
    is to be one of the `web`.
    """
    try:
        parts = urlsplit(url)
        whole = bool(parts.scheme and (parts.hostname or (parts.path and parts.scheme not in WEB)))
        fits = parts.port != 0 and (not web or parts.scheme in WEB)
    except ValueError:  # brackets that do not close, a port that is none
        whole = fits = False
    if not whole or not fits:
        raise StripeError(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param=param,
        )
    return url

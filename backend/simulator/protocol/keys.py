"""Authentication. A secret test key is required, and every such key is accepted."""

import base64
import binascii
import re

from simulator.protocol.errors import StripeError

_TEST_KEY = re.compile(r"[sr]k_test_\w+")


def authenticate(header: str | None) -> str:
    """Return the API key of an `Authorization` header, Bearer or Basic.

    Raises a `StripeError` with status 401.
    """
    key = _key(header or "")
    if not key:
        raise StripeError(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or "
            "we can help at https://support.stripe.com/.",
            status=401,
        )
    if key.startswith("pk_"):
        raise StripeError(
            "This API call cannot be made with a publishable API key. Please use a secret API "
            "key. You can find a list of your API keys at "
            "https://dashboard.stripe.com/account/apikeys.",
            status=401,
            code="secret_key_required",
        )
    if not _TEST_KEY.fullmatch(key):
        raise StripeError(f"Invalid API Key provided: {_masked(key)}", status=401)
    return key


def _key(header: str) -> str:
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _masked(key: str) -> str:
    """Mask a key as Stripe does. Only the kind and the last four characters stay
    visible.
    """
    head = key[:8] if key[:8] in ("sk_live_", "rk_live_") else ""
    hidden = key[len(head) :]
    return head + "*" * max(len(hidden) - 4, 4) + (hidden[-4:] if len(hidden) > 8 else "")  # noqa: PLR2004 - shorter keys stay hidden

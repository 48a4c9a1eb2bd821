"""The Stripe-Signature header: https://docs.stripe.com/webhooks#verify-manually."""

import hashlib
import hmac


def signature_header(payload: bytes, secret: str, at: int) -> str:
    """Return the header. `at` is a real time, not a simulated time.

    Receivers compare it with their own clocks.
    """
    signed = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"

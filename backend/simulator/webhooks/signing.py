"""Stripe-Signature, as https://docs.stripe.com/webhooks#verify-manually describes
it.
"""

import hashlib
import hmac


def signature_header(payload: bytes, secret: str, at: int) -> str:
    """`at` is real time, whatever the simulated clock says: receivers compare it with
    theirs.
    """
    signed = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"

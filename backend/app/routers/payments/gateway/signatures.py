"""Is this from Stripe, and now? https://docs.stripe.com/webhooks#verify-manually."""

import re
import time
from datetime import timedelta

from pydantic import SecretStr

from .errors import InvalidSignature

TOLERANCE = timedelta(minutes=5)  # in both directions: stripe-python lets pass what is dated ahead
TIMESTAMP = re.compile(r"(?:^|,)t=([0-9]{1,12})(?:,|$)")


def verify(body: bytes, header: str, secrets: list[SecretStr]) -> None:
    """One of our secrets has signed these very bytes within five minutes. Raises `InvalidSignature`."""
    from stripe import SignatureVerificationError, WebhookSignature

    stamp = TIMESTAMP.search(header)
    seconds = int(TOLERANCE.total_seconds())
    if stamp is None or int(stamp[1]) > time.time() + seconds:
        raise InvalidSignature
    for secret in secrets:
        try:
            WebhookSignature.verify_header(body, header, secret.get_secret_value(), seconds)
        except (SignatureVerificationError, UnicodeError, TypeError):  # the latter for what is not ASCII, or no UTF-8
            continue
        return
    raise InvalidSignature

"""The context manager through which every call to Stripe goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import stripe

# After this time, a call has certainly ended, although its response may be lost.
UNHEARD = timedelta(minutes=1)


@contextmanager
def calling() -> Iterator["stripe.StripeClient"]:
    """Yield a client for a call to Stripe, which takes at most 10 seconds.

    No transaction may be open. Raises `PaymentsUnavailable`, `PaymentFailed`,
    `StripeRefused`.
    """
    from . import client  # imported here, because stripe-python would slow down startup

    with client.calling() as stripe_client:
        yield stripe_client

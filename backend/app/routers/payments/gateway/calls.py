"""The entrance for every call to Stripe."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import stripe

# Every call has ended by then, though its response may be lost.
UNHEARD = timedelta(minutes=1)


@contextmanager
def calling() -> Iterator["stripe.StripeClient"]:
    """Wrap a call to Stripe, which takes at most 10 seconds.

    A transaction must not be open. Raises `PaymentsUnavailable`, `PaymentFailed`,
    `StripeRefused`.
    """
    from . import client  # This imports stripe-python, which would delay a start.

    with client.calling() as stripe_client:
        yield stripe_client

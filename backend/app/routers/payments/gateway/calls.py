"""Where every call to Stripe goes through."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import stripe


@contextmanager
def calling() -> Iterator["stripe.StripeClient"]:
    """Around what is asked of Stripe: 10 seconds at most. No transaction may be open.

    Raises `PaymentsUnavailable`, `PaymentFailed`, `StripeRefused`.
    """
    from . import client  # brings stripe-python along: a start should not wait for it

    with client.calling() as stripe_client:
        yield stripe_client

"""Where every call to Stripe goes through."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import stripe

UNHEARD = timedelta(minutes=1)  # every call has ended by then, though its answer may be lost


@contextmanager
def calling() -> Iterator["stripe.StripeClient"]:
    """Around what is asked of Stripe: 10 seconds at most. No transaction may be open.

    Raises `PaymentsUnavailable`, `PaymentFailed`, `StripeRefused`.
    """
    from . import client  # brings stripe-python along: a start should not wait for it

    with client.calling() as stripe_client:
        yield stripe_client

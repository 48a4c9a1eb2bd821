"""The personal data that payments has about a user."""

from collections.abc import Iterator

from sqlalchemy import select

from app.platform.personal_data import Part, records

from .models import CheckoutAttempt, Customer, Invoice, Subscription

INTERNAL = {"person", "looks", "seen", "test_clock"}


def export(user_id: int) -> Iterator[Part]:
    """Yield the payer, and what they have bought. Stripe knows more about the payer."""
    payers = select(Customer.id).where(Customer.user_id == user_id)
    yield "customers", records(Customer, Customer.user_id == user_id, without=INTERNAL)
    for name, table in (("subscriptions", Subscription), ("invoices", Invoice)):
        yield name, records(table, table.customer_id.in_(payers))
    attempts = CheckoutAttempt.customer_id.in_(payers)
    yield "checkouts", records(CheckoutAttempt, attempts, without={"url"})


def erase(_user_id: int) -> bool:
    """Return true, because the deletion of the account queues the erasure.

    Afterwards, `mirror.forgetting` and `mirror.erasure` erase the payer at Stripe and
    here.
    """
    return True

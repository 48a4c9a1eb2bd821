"""Store subscriptions as the gateway returns them, and read the resulting emails."""

from datetime import timedelta

from app.core.types import utc_now
from tests.payments.seen import at, payer, write
from tests.support.mails import mails_to


def subjects(user):
    return [mail.subject for mail in mails_to(user.email)]


def see(customer, *what, times=2):
    for _ in range(times):
        write(customer, payer(customer, *what))


def coupon(**changes):
    return {"coupon": "c", "percent_off": None, "amount_off": None, "ends_at": None} | changes


def from_now(facts):
    """Convert spans of time to times from now."""
    return {
        name: at(utc_now() + value) if isinstance(value, timedelta) else value
        for name, value in facts.items()
    }

"""Emails about the end of a trial say what will be charged."""

from datetime import timedelta

import pytest

from app.core.types import utc_now
from tests.payments.mailed import coupon, from_now, see, subjects
from tests.payments.seen import at, subscription
from tests.support.mails import mails_to

pytestmark = pytest.mark.usefixtures("shown_plans", "billing")


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(days=4), 0),
        (timedelta(days=3), 1),
        (timedelta(minutes=5), 1),
        (timedelta(minutes=-5), 0),
    ],
)
def test_the_end_of_a_trial_is_told_three_days_before(user, customer, left, expected):
    """Edge case: trial with a card."""
    see(customer, subscription(status="trialing", trial_end=at(utc_now() + left)))
    mails = mails_to(user.email)
    assert len(mails) == expected
    assert all(
        "Your card will then be charged" in mail.text and "12.00 EUR per month" in mail.text
        for mail in mails
    )


def test_a_trial_without_card_is_asked_for_one(user, customer):
    """Edge case: trial without a card."""
    ends = at(utc_now() + timedelta(days=2))
    see(customer, subscription(status="trialing", trial_end=ends, has_payment_method=False))
    (mail,) = mails_to(user.email)
    assert "Without one, the subscription ends" in mail.text
    assert "your card is charged" not in mail.text


@pytest.mark.parametrize(
    ("behavior", "told"),
    [
        ("cancel", "the subscription ends automatically"),
        ("pause", "the subscription is paused"),
        ("create_invoice", "the first payment fails"),
    ],
)
def test_the_email_tells_what_follows_a_trial_without_a_card(user, customer, behavior, told):
    ends = at(utc_now() + timedelta(days=2))
    trial = {
        "status": "trialing",
        "trial_end": ends,
        "has_payment_method": False,
        "trial_without_card": behavior,
    }
    see(customer, subscription(**trial))
    (mail,) = mails_to(user.email)
    assert f"Without one, {told}." in mail.text
    assert f"Without one, {told}." in mail.html


def test_a_trial_whose_payer_is_sent_invoices_promises_no_charge(user, customer):
    ends = at(utc_now() + timedelta(days=2))
    see(
        customer,
        subscription(
            status="trialing", trial_end=ends, has_payment_method=False, days_until_due=14
        ),
    )
    (mail,) = mails_to(user.email)
    assert "We will then send you an invoice." in mail.text
    assert "card" not in mail.text


@pytest.mark.parametrize(
    ("discounts", "first"),
    [
        ([coupon(percent_off=12.5)], "10.50 EUR"),
        ([coupon(percent_off=50), coupon(amount_off=100)], "5.00 EUR"),
        ([coupon(amount_off=5000)], "0.00 EUR"),
        ([coupon(percent_off=50, ends_at=(utc_now() + timedelta(days=1)).isoformat())], None),
        ([], None),
    ],
)
def test_a_discount_is_told_with_the_end_of_a_trial(user, customer, discounts, first):
    ends = at(utc_now() + timedelta(days=2))
    see(customer, subscription(status="trialing", trial_end=ends, discounts=discounts))
    (mail,) = mails_to(user.email)
    assert "12.00 EUR per month" in mail.text
    assert ("discount" in mail.text) is (first is not None)
    assert first is None or f"the first payment is {first}." in mail.text


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"cancel_at_period_end": True}, 0),
        ({"cancel_at": 2 * DAY}, 0),
        ({"cancel_at": 1 * DAY}, 0),
        ({"cancel_at": 40 * DAY}, 1),  # the subscription ends later, so there is a charge
        ({"pause_behavior": "void"}, 0),
        ({"pause_behavior": "keep_as_draft", "pause_until": 9 * DAY}, 0),
        ({"pause_behavior": "mark_uncollectible", "pause_until": 1 * DAY}, 1),
    ],
)
def test_the_end_of_a_trial_is_told_if_a_charge_follows(user, customer, facts, expected):
    see(
        customer,
        subscription(
            **{"status": "trialing", "trial_end": at(utc_now() + 2 * DAY)} | from_now(facts)
        ),
    )
    assert len(subjects(user)) == expected

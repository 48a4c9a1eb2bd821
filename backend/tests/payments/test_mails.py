"""Users get emails about payments: one for each occasion, however often we sync."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.platform.models import Job, Mail
from app.routers.auth.models import User
from app.routers.payments.plans.currencies import money
from tests.payments.mailed import coupon, from_now, see, subjects
from tests.payments.seen import at, invoice, payer, subscription, unpaid, write
from tests.support.mails import mails_to

pytestmark = pytest.mark.usefixtures("shown_plans", "billing")


def test_a_payment_gets_one_receipt(user, customer):
    see(customer, subscription(), invoice())
    (mail,) = mails_to(user.email)
    assert mail.subject == "Receipt: 12.00 EUR"
    assert "A-0001" in mail.text
    assert "https://pay.example.com/i.pdf" in mail.text


@pytest.mark.parametrize(
    "bill",
    [
        {"amount_paid": 0},
        {"paid_at": at(utc_now() - timedelta(days=31))},
        {"status": "void"},
        {"status": "draft"},
    ],
)
def test_nothing_paid_or_long_ago_gets_none(user, customer, bill):
    see(customer, subscription(), invoice(**bill))
    assert subjects(user) == []


def test_a_payment_of_which_we_heard_late_gets_its_receipt(user, customer):
    """Edge case: late event. The event came weeks later or never, and a sync found the
    payment.
    """
    see(customer, subscription(), invoice(paid_at=at(utc_now() - timedelta(days=29))))
    assert subjects(user) == ["Receipt: 12.00 EUR"]


def test_each_failed_attempt_gets_one_email_with_the_days_left(user, customer):
    """Edge case: past_due keeps access for a grace period. Emails ask for the
    payment.
    """
    begun = at(utc_now() - timedelta(days=1, hours=1))
    for attempts in (1, 1, 2):
        see(
            customer, subscription(status="past_due"), unpaid(attempts=attempts, finalized_at=begun)
        )
    mails = mails_to(user.email)
    assert [mail.subject for mail in mails] == ["Your payment of 12.00 EUR did not go through"] * 2
    assert "stays as it is for 5 more days" in mails[0].text
    assert "https://pay.example.com/i" in mails[0].text


def test_when_grace_is_over_no_days_are_promised(user, customer):
    see(
        customer,
        subscription(status="past_due"),
        unpaid(attempts=4, finalized_at=at(utc_now() - timedelta(days=9))),
    )
    assert "Nothing changes" not in mails_to(user.email)[0].text


def test_a_payment_that_needs_confirmation_has_its_own_email(user, customer):
    """Edge case: action required."""
    see(customer, subscription(status="past_due"), unpaid(needs_action=True))
    (mail,) = mails_to(user.email)
    assert mail.subject == "Confirm your payment of 12.00 EUR"
    assert "https://pay.example.com/i" in mail.text


def looks_at(customer):
    """Return the times at which jobs will sync this payer."""
    with SessionLocal() as session:
        jobs = session.scalars(select(Job).where(Job.kind == "payments.sync_payer")).all()
    return [job.due_at for job in jobs if job.payload == {"customer_id": customer.id}]


@pytest.mark.parametrize("reason", ["subscription_update", "subscription_create"])
def test_no_email_to_confirm_while_the_payer_is_at_stripes_page(user, customer, reason):
    """The payer has just started the payment, and Stripe's page asks the payer to
    confirm.
    """
    asked = unpaid(
        needs_action=True, reason=reason, finalized_at=at(utc_now() - timedelta(minutes=20))
    )
    see(customer, subscription(), asked)
    assert subjects(user) == []
    (due,) = looks_at(customer)
    assert timedelta(minutes=30) < due - utc_now() < timedelta(minutes=50)
    see(
        customer, subscription(), replace(asked, finalized_at=at(utc_now() - timedelta(minutes=70)))
    )
    assert subjects(user) == ["Confirm your payment of 12.00 EUR"]


def test_who_left_the_page_of_a_checkout_gets_no_mail_to_confirm(user, customer):
    """Nothing was bought, and the invoice will soon be void."""
    begun = subscription(status="incomplete", attempt="key of the checkout")
    long_ago = at(utc_now() - timedelta(hours=5))
    see(
        customer,
        begun,
        unpaid(needs_action=True, reason="subscription_create", finalized_at=long_ago),
    )
    assert (subjects(user), looks_at(customer)) == ([], [])


def test_a_payment_begun_by_someone_else_is_confirmed_by_email(user, customer):
    """The payment was begun in Stripe's dashboard, for example."""
    long_ago = at(utc_now() - timedelta(hours=5))
    bill = unpaid(needs_action=True, reason="subscription_create", finalized_at=long_ago)
    see(customer, subscription(status="incomplete"), bill)
    assert subjects(user) == ["Confirm your payment of 12.00 EUR"]


def test_a_card_that_went_away_is_missed_once_a_period(user, customer):
    """Edge case: payment method detached."""
    see(customer, subscription(has_payment_method=False))
    assert subjects(user) == ["Your subscription to Pro has no card"]
    see(
        customer,
        subscription(
            has_payment_method=False, current_period_end=at(utc_now() + timedelta(days=60))
        ),
    )
    assert len(subjects(user)) == 2


@pytest.mark.parametrize(
    "facts",
    [
        {"cancel_at": timedelta(days=30)},
        {"pause_behavior": "void"},
        {"days_until_due": 14},
        {"discounts": [coupon(percent_off=100)]},
    ],
)
def test_no_card_is_missed_where_none_will_be_charged(user, customer, facts):
    see(customer, subscription(**{"has_payment_method": False} | from_now(facts)))
    assert subjects(user) == []


def test_who_has_deleted_the_account_gets_nothing(user, customer, db):
    db.execute(update(User).where(User.id == user.id).values(is_active=False))
    db.commit()
    see(customer, subscription(), invoice())
    with SessionLocal() as session:
        assert session.scalar(select(func.count(Mail.id))) == 0


def test_a_look_that_comes_too_late_sends_nothing(user, customer):
    from app.routers.payments.mirror import sync

    early, late = sync.take_ticket(customer.id), sync.take_ticket(customer.id)
    write(customer, payer(customer), late)
    write(customer, payer(customer, subscription(), invoice()), early)
    assert subjects(user) == []


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1200, "eur", "12.00 EUR"),
        (5, "usd", "0.05 USD"),
        (123456789, "eur", "1,234,567.89 EUR"),
        (500, "jpy", "500 JPY"),
        (50_000, "ugx", "500.00 UGX"),
        (50_000, "isk", "500.00 ISK"),
        (17_550, "huf", "175.50 HUF"),
        (80_000, "twd", "800.00 TWD"),
        (1200, "zzz", "12.00 ZZZ"),
        (12340, "kwd", "12.340 KWD"),
    ],
)
def test_money_is_written_as_its_currency_has_it(amount, currency, text):
    assert money(amount, currency) == text

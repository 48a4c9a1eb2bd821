"""Mails about money: each occasion has one, however often we look."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.core.types import now
from app.db.database import SessionLocal
from app.platform.models import Mail
from app.routers.auth.models import User
from app.routers.payments.models import Plan
from app.routers.payments.notices import money
from tests.auth.factories import make_user
from tests.payments.factories import make_customer
from tests.payments.seen import at, invoice, payer, subscription, unpaid, write
from tests.support.mails import mails_to

pytestmark = pytest.mark.usefixtures("shown_plans", "billing")


@pytest.fixture
def user(shown_plans, db):
    db.execute(update(Plan).where(Plan.slug == "pro").values(stripe_price_id="price_1"))
    db.commit()
    return make_user()


@pytest.fixture
def customer(user):
    return make_customer(user)


def subjects(user):
    return [mail.subject for mail in mails_to(user.email)]


def see(customer, *what, times=2):
    for _ in range(times):
        write(customer, payer(customer, *what))


def test_a_payment_gets_one_receipt(user, customer):
    see(customer, subscription(), invoice())
    (mail,) = mails_to(user.email)
    assert mail.subject == "Receipt: 12.00 EUR"
    assert "A-0001" in mail.text
    assert "https://pay.example.com/i.pdf" in mail.text


@pytest.mark.parametrize(
    "bill", [{"amount_paid": 0}, {"paid_at": at(now() - timedelta(days=4))}, {"status": "void"}, {"status": "draft"}]
)
def test_nothing_paid_or_long_ago_gets_none(user, customer, bill):
    see(customer, subscription(), invoice(**bill))
    assert subjects(user) == []


def test_each_failed_try_gets_one_mail_with_the_days_that_are_left(user, customer):
    """Edge case: past_due keeps access for a grace, with mails on the way."""
    begun = at(now() - timedelta(days=1, hours=1))
    for attempts in (1, 1, 2):
        see(customer, subscription(status="past_due"), unpaid(attempts=attempts, finalized_at=begun))
    mails = mails_to(user.email)
    assert [mail.subject for mail in mails] == ["Your payment of 12.00 EUR did not go through"] * 2
    assert "for you for 5 more days" in mails[0].text
    assert "https://pay.example.com/i" in mails[0].text


def test_when_grace_is_over_no_days_are_promised(user, customer):
    see(customer, subscription(status="past_due"), unpaid(attempts=4, finalized_at=at(now() - timedelta(days=9))))
    assert "Nothing changes" not in mails_to(user.email)[0].text


def test_a_payment_that_its_owner_must_confirm_gets_a_mail_of_its_own(user, customer):
    """Edge case: action required (SCA)."""
    see(customer, subscription(status="past_due"), unpaid(needs_action=True))
    (mail,) = mails_to(user.email)
    assert mail.subject == "Confirm your payment of 12.00 EUR"
    assert "https://pay.example.com/i" in mail.text


@pytest.mark.parametrize(
    ("left", "expected"),
    [(timedelta(days=4), 0), (timedelta(days=3), 1), (timedelta(minutes=5), 1), (timedelta(minutes=-5), 0)],
)
def test_the_end_of_a_trial_is_told_three_days_before(user, customer, left, expected):
    """Edge case: trial with a card."""
    see(customer, subscription(status="trialing", trial_end=at(now() + left)))
    mails = mails_to(user.email)
    assert len(mails) == expected
    assert all("your card is charged" in mail.text and "12.00 EUR per month" in mail.text for mail in mails)


def test_a_trial_without_card_is_asked_for_one(user, customer):
    """Edge case: trial without a card."""
    ends = at(now() + timedelta(days=2))
    see(customer, subscription(status="trialing", trial_end=ends, has_payment_method=False))
    (mail,) = mails_to(user.email)
    assert "Without one the subscription ends" in mail.text
    assert "your card is charged" not in mail.text


def test_a_trial_that_was_cancelled_is_not_reminded_of(user, customer):
    ends = at(now() + timedelta(days=2))
    see(customer, subscription(status="trialing", trial_end=ends, cancel_at_period_end=True))
    assert subjects(user) == []


def test_a_card_that_went_away_is_missed_once_a_period(user, customer):
    """Edge case: payment method detached."""
    see(customer, subscription(has_payment_method=False))
    assert subjects(user) == ["Your subscription to Pro has no card"]
    see(customer, subscription(has_payment_method=False, current_period_end=at(now() + timedelta(days=60))))
    assert len(subjects(user)) == 2


def test_who_has_deleted_the_account_gets_nothing(user, customer, db):
    db.execute(update(User).where(User.id == user.id).values(is_active=False))
    db.commit()
    see(customer, subscription(), invoice())
    with SessionLocal() as session:
        assert session.scalar(select(func.count(Mail.id))) == 0


def test_a_look_that_comes_too_late_sends_nothing(user, customer):
    from app.routers.payments import sync

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
        (12340, "kwd", "12.340 KWD"),
    ],
)
def test_money_is_written_as_its_currency_has_it(amount, currency, text):
    assert money(amount, currency) == text

"""Edge case: promotion codes, sent to our own route or typed on Stripe's page.

Our rows show the discount.
"""

import time

import pytest

from app.routers.payments.operations import doctor
from tests.payments.lives import make_payer, sell_plans
from tests.payments.steps import deliver, outcome, work
from tests.payments.two_sides import objects_of, rows_of


@pytest.fixture
def payer(db, stripe_side, login):
    """A signed-in user who has no card until Stripe's page asks for a card."""
    found = make_payer(stripe_side, sell_plans(), card=None, clock=True)
    login(found.user)
    return found


def make_code(side, code, coupon=None, **limits):
    """Create a promotion code. By default, the code takes half off the first
    invoice.
    """
    made = side.api.coupons.create(
        {"percent_off": 50, "duration": "once"} if coupon is None else coupon
    )
    return side.api.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": made.id}, "code": code, **limits}
    )


def begin(client, **body):
    return client.post("/payments/checkout", json={"plan": "team", **body})


def told(client, payer):
    deliver(client, payer.side.events(payer.stripe_id))
    work()


class Bought:
    """The payer's only subscription."""

    def __init__(self, payer):
        self.payer = payer
        (found,) = payer.side.api.subscriptions.list({"customer": payer.stripe_id}).data
        self.id = found.id


def amounts(client):
    """Return the amounts due and paid of each invoice, newest first."""
    items = client.get("/payments/invoices").json()["items"]
    return [(one["amount_due"], one["amount_paid"]) for one in items]


@pytest.mark.parametrize("at_stripe", [False, True])
@pytest.mark.parametrize(
    ("coupon", "first", "second"),
    [
        ({"percent_off": 50, "duration": "once"}, 2450, 4900),
        ({"amount_off": 1000, "currency": "eur", "duration": "forever"}, 3900, 3900),
    ],
)
def test_a_promotion_code_takes_its_share_and_no_more(  # noqa: PLR0913, PLR0917 - fixtures
    client, payer, at_stripe, coupon, first, second
):
    code = make_code(payer.side, "LESS", coupon)
    answer = begin(client) if at_stripe else begin(client, promotion_code="less")
    assert (
        payer.side.pay(answer.json()["url"], promotion_code="LESS" if at_stripe else "").status_code
        == 303
    )
    told(client, payer)
    life = Bought(payer)
    assert rows_of(life) == objects_of(life)
    assert amounts(client) == [(first, first)]
    mine = client.get("/payments/subscription").json()
    assert (mine["status"], mine["plan"]["slug"], mine["plan"]["amount"]) == (
        "active",
        "team",
        4900,
    )
    assert payer.side.api.promotion_codes.retrieve(code.id).times_redeemed == 1
    payer.advance(days=31, hours=2)
    told(client, payer)
    assert rows_of(life) == objects_of(life)
    assert amounts(client) == [(second, second), (first, first)]
    assert doctor.find_differences(patience=0) == []


def test_a_code_of_100_percent_grants_the_plan_without_payment(client, payer):
    make_code(payer.side, "GIFT", {"percent_off": 100, "duration": "once"})
    answer = begin(client, promotion_code="GIFT")
    assert payer.side.pay(answer.json()["url"]).status_code == 303
    told(client, payer)
    life = Bought(payer)
    assert rows_of(life) == objects_of(life)
    assert amounts(client) == [(0, 0)]
    assert client.get("/payments/entitlements").json()["plan"] == "team"


def of_another(side):
    return {"customer": side.api.customers.create({"email": "another@example.org"}).id}


@pytest.mark.parametrize(
    "limits",
    [
        lambda _: {"active": False},
        lambda _: {"expires_at": int(time.time()) - 60},
        of_another,
    ],
    ids=["switched off", "expired", "of another customer"],
)
def test_a_code_that_cannot_be_used_is_said_and_hinders_nothing(client, payer, limits):
    """Some of these codes are active in Stripe's list, and are refused only when they
    are used.
    """
    make_code(payer.side, "NOT-NOW", **limits(payer.side))
    assert outcome(begin(client, promotion_code="NOT-NOW")) == (422, "promotion_code_unknown")
    assert begin(client).status_code == 201


def test_a_code_made_for_each_of_many_is_ones_own(client, payer):
    """At Stripe, the same code can exist once for each customer. Stripe's list then
    contains all of these codes.
    """
    for customer in (
        payer.side.api.customers.create({}).id,
        payer.stripe_id,
        payer.side.api.customers.create({}).id,
    ):
        make_code(payer.side, "FOR-YOU", customer=customer)
    answer = begin(client, promotion_code="FOR-YOU")
    assert answer.status_code == 201
    session = payer.side.api.checkout.sessions.retrieve(answer.json()["session_id"])
    codes = payer.side.api.promotion_codes.list(
        {"code": "FOR-YOU", "customer": payer.stripe_id}
    ).data
    assert [one.promotion_code for one in session.discounts] == [one.id for one in codes]


def test_a_code_that_nobody_made_is_said(client, payer):
    assert outcome(begin(client, promotion_code="NONE")) == (422, "promotion_code_unknown")

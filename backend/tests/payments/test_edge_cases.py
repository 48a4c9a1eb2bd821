"""Edge cases that need the simulator's clock, cards and banks.

Each test follows a case from Stripe's events to what the user sees.
"""

import pytest
from sqlalchemy import select

from app.db.database import SessionLocal
from app.routers.payments.models import Invoice
from tests.payments.lives import make_payer, sell_plans
from tests.payments.steps import deliver, outcomes, work
from tests.support.mails import mails_to


@pytest.fixture
def prices(db, stripe_side):
    return sell_plans()


@pytest.fixture
def told(client, login):
    """Deliver and process all events at Stripe. Sign the payer in."""

    def tell(payer):
        deliver(client, payer.side.events(payer.stripe_id))
        work()
        login(payer.user)

    return tell


def status(client):
    answer = client.get("/payments/subscription")
    return answer.json()["status"] if answer.is_success else None


def plan_in_force(client):
    return client.get("/payments/entitlements").json()["plan"]


def subjects(payer):
    return [mail.subject for mail in mails_to(payer.user.email)]


TRIAL = {"trial_period_days": 14}


def test_a_trial_with_a_card_goes_on_as_a_paid_subscription(client, prices, stripe_side, told):
    payer = make_payer(stripe_side, prices, clock=True)
    payer.subscribe("pro", **TRIAL)
    told(payer)
    assert (status(client), plan_in_force(client)) == ("trialing", "pro")
    payer.advance(days=11, hours=1)
    told(payer)
    assert [subject.startswith("Your trial of Pro ends") for subject in subjects(payer)] == [True]
    payer.advance(days=3, hours=2)
    told(payer)
    assert (status(client), plan_in_force(client)) == ("active", "pro")
    assert subjects(payer)[1:] == ["Receipt: 12.00 EUR"]


@pytest.mark.parametrize(("behavior", "ending"), [("cancel", None), ("pause", "paused")])
def test_a_trial_without_a_card_opens_nothing_after_its_end(  # noqa: PLR0913, PLR0917 - fixtures
    client, prices, stripe_side, told, behavior, ending
):
    payer = make_payer(stripe_side, prices, card=None, clock=True)
    payer.subscribe(
        "pro", **TRIAL, trial_settings={"end_behavior": {"missing_payment_method": behavior}}
    )
    told(payer)
    assert (status(client), plan_in_force(client)) == ("trialing", "pro")
    payer.advance(days=14, hours=2)
    told(payer)
    assert (status(client), plan_in_force(client)) == (ending, "free")
    assert not [subject for subject in subjects(payer) if subject.startswith("Receipt")]


def test_what_was_paused_is_resumed_with_a_card(client, prices, stripe_side, told):
    payer = make_payer(stripe_side, prices, card=None, clock=True)
    payer.subscribe(
        "pro", **TRIAL, trial_settings={"end_behavior": {"missing_payment_method": "pause"}}
    )
    payer.advance(days=14, hours=2)
    told(payer)
    payer.use_card("pm_card_visa")
    assert client.post("/payments/subscription/resume").status_code == 200
    told(payer)
    assert (status(client), plan_in_force(client)) == ("active", "pro")


def test_a_first_payment_never_made_grants_and_blocks_nothing(client, prices, stripe_side, told):
    payer = make_payer(stripe_side, prices, card=None, clock=True)
    made = payer.subscribe("team", payment_behavior="default_incomplete")
    told(payer)
    assert (status(client), plan_in_force(client)) == ("incomplete", "free")
    payer.advance(hours=24)
    told(payer)
    assert payer.at_stripe(made).status == "incomplete_expired"
    assert (status(client), plan_in_force(client)) == (None, "free")
    assert client.post("/payments/checkout", json={"plan": "team"}).status_code == 201


@pytest.fixture
def past_due(prices, stripe_side, told):
    """A subscription whose second month could not be charged."""
    payer = make_payer(stripe_side, prices, clock=True)
    payer.subscribe("team")
    payer.use_card("pm_card_chargeCustomerFail")
    payer.advance(days=31, hours=2)
    told(payer)
    return payer


def test_past_due_keeps_access_for_a_grace_and_then_no_longer(client, past_due, told):
    assert (status(client), plan_in_force(client)) == ("past_due", "team")
    assert "Your payment of 49.00 EUR did not go through" in subjects(past_due)
    past_due.advance(days=8)
    told(past_due)
    assert (status(client), plan_in_force(client)) == ("past_due", "free")


def test_past_due_can_be_cancelled_at_once(client, past_due, told):
    assert (
        client.post("/payments/subscription/cancel", json={"at_period_end": False}).status_code
        == 200
    )
    told(past_due)
    assert (status(client), plan_in_force(client)) == (None, "free")


def test_past_due_can_be_cancelled_with_its_period(client, past_due, told):
    answer = client.post("/payments/subscription/cancel", json={"at_period_end": True})
    assert (answer.json()["status"], answer.json()["cancel_at_period_end"]) == ("past_due", True)


def test_past_due_recovers_with_another_card(client, past_due, told):
    past_due.use_card("pm_card_visa")
    past_due.advance(days=4)
    told(past_due)
    assert (status(client), plan_in_force(client)) == ("active", "team")


def test_a_renewal_that_needs_confirmation_is_requested_by_email(client, prices, stripe_side, told):
    payer = make_payer(stripe_side, prices, clock=True)
    payer.subscribe("team")
    payer.use_card("pm_card_authenticationRequired")
    payer.advance(days=31, hours=2)
    told(payer)
    told(payer)
    assert status(client) == "past_due"
    asked = [
        mail
        for mail in mails_to(payer.user.email)
        if mail.subject == "Confirm your payment of 49.00 EUR"
    ]
    assert len(asked) == 1
    (open_one,) = [
        one for one in client.get("/payments/invoices").json()["items"] if one["status"] == "open"
    ]
    assert open_one["hosted_invoice_url"] in asked[0].text


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [("winning_evidence", "won"), ("losing_evidence", "lost")],
    ids=["won", "lost"],
)
def test_a_dispute_is_kept_and_alarmed_at_each_turn(  # noqa: PLR0913, PLR0917 - fixtures
    client, prices, stripe_side, told, records, evidence, verdict
):
    """Edge case: dispute opens and closes.

    The events name the charge, but not the payer. The payer keeps access.
    """
    payer = make_payer(stripe_side, prices, card="pm_card_createDispute", clock=True)
    payer.subscribe("team")
    told(payer)
    (charge,) = stripe_side.api.charges.list({"customer": payer.stripe_id}).data
    seen = []

    def hear_of(kind):
        (sent,) = [
            one for one in stripe_side.events(charge.id) if one["type"] == f"charge.dispute.{kind}"
        ]
        deliver(client, [sent])
        work()
        with SessionLocal() as db:
            seen.append(db.scalars(select(Invoice.dispute)).one())

    payer.advance(hours=1)
    hear_of("created")
    (dispute,) = stripe_side.api.disputes.list({"charge": charge.id}).data
    stripe_side.api.disputes.update(
        dispute.id, {"evidence": {"uncategorized_text": evidence}, "submit": True}
    )
    hear_of("updated")
    payer.advance(days=2)
    hear_of("closed")
    turns = ["needs_response", "under_review", verdict]
    assert seen == turns
    assert {
        kind: outcome for kind, outcome in outcomes().items() if kind.startswith("charge.dispute")
    } == {f"charge.dispute.{kind}": "done" for kind in ("created", "updated", "closed")}
    told(payer)
    alarms = [one for one in records() if one["event"] == "payments_alarm"]
    assert [(one["alarm"], one["status"]) for one in alarms] == [
        ("dispute", turn) for turn in turns
    ]
    assert (status(client), plan_in_force(client)) == ("active", "team")

"""The plans that are for sale are the same in our rows and at Stripe."""

import pytest
from sqlalchemy import select

from app.db.database import SessionLocal
from app.routers.payments.models import Plan
from app.routers.payments.plans import plan_file, publishing
from app.routers.payments.plans.plan_file import Offer
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, make_subscription, store_plans


def offered():
    with SessionLocal() as db:
        return {
            plan.offered_as: plan
            for plan in db.scalars(select(Plan).where(Plan.offered_as.is_not(None)))
        }


def changed(offers, slug, **changes):
    """Return the catalogue with one plan changed."""
    return [Offer(**(vars(offer) | changes)) if offer.slug == slug else offer for offer in offers]


def test_the_plans_are_public_and_in_order(client, shown_plans):
    answer = client.get("/payments/plans")
    assert answer.status_code == 200
    assert [plan["slug"] for plan in answer.json()] == [
        "free",
        "pro",
        "pro-yearly",
        "team",
        "team-yearly",
    ]
    pro = answer.json()[1]
    assert pro == {
        "id": offered()["pro"].id,
        "slug": "pro",
        "name": "Pro",
        "description": "For one person with many projects.",
        "currency": "eur",
        "amount": 1200,
        "interval": "month",
        "trial_days": 14,
        "entitlements": {
            "features": ["export", "api", "invoice_export"],
            "limits": {"projects": 50, "devices": 5},
        },
    }


def test_with_payments_switched_off_nothing_is_for_sale(client, shown_plans, settings):
    settings(PAYMENTS_ENABLED="false")
    assert client.get("/payments/plans").json() == []


def test_loading_again_changes_nothing(client, shown_plans):
    before = client.get("/payments/plans").json()
    store_plans()
    assert client.get("/payments/plans").json() == before


def test_a_plan_that_is_no_longer_sold_goes_on_for_who_has_it(client, login, shown_plans):
    make_subscription(make_customer(login(make_user())), plan="team")
    with SessionLocal() as db, db.begin():
        publishing.store_plans(
            db, [offer for offer in plan_file.read_plan_file() if offer.slug != "team"]
        )
    assert "team" not in [plan["slug"] for plan in client.get("/payments/plans").json()]
    assert client.get("/payments/entitlements").json()["plan"] == "team"


@pytest.fixture
def sold(sold_plans):
    """Store the plans of plans.toml at Stripe and in the table. Return the offers."""
    return plan_file.read_plan_file()


def test_stripe_gets_a_product_and_prices_once(sold, stripe_side):
    assert publishing.catalogue_differences(sold, publishing.read_catalogue(sold)) == []
    rows = offered()
    assert rows["free"].stripe_price_id is None
    for slug in ("pro", "pro-yearly", "team", "team-yearly"):
        price = stripe_side.api.prices.retrieve(rows[slug].stripe_price_id)
        assert (
            price.unit_amount,
            price.currency,
            price.recurring.interval,
            price.lookup_key,
            price.product,
        ) == (
            rows[slug].amount,
            "eur",
            rows[slug].interval,
            f"liftoff-{slug}",
            rows[slug].stripe_product_id,
        )
    before = {plan.slug: plan.stripe_price_id for plan in rows.values()}
    store_plans(publishing.bring_in_line(sold, publishing.read_catalogue(sold)))
    assert {plan.slug: plan.stripe_price_id for plan in offered().values()} == before


def test_what_would_be_done_is_told_before(sold, stripe_side):
    wanted = changed(sold, "pro", amount=1500)
    wanted = [
        Offer(**(vars(offer) | {"name": "Team!"})) if offer.product == "team" else offer
        for offer in wanted
    ]
    steps = [
        (step.plan, step.action)
        for step in publishing.catalogue_differences(wanted, publishing.read_catalogue(wanted))
    ]
    price = offered()["pro"].stripe_price_id
    assert steps == [
        ("pro", f"replace price {price} (1200 eur per month) with 1500 eur per month"),
        ("team", "update product liftoff-team"),
        ("team-yearly", "update product liftoff-team"),
    ]


def test_a_new_amount_is_a_new_price_and_subscribers_keep_theirs(client, login, sold, stripe_side):
    old = offered()["pro"]
    make_subscription(make_customer(login(make_user())), plan="pro")
    wanted = changed(sold, "pro", amount=1500, features=("export", "api", "new"))
    try:
        with SessionLocal() as db, db.begin():
            publishing.store_plans(
                db, wanted, publishing.bring_in_line(wanted, publishing.read_catalogue(wanted))
            )
        new = offered()["pro"]
        assert (new.amount, new.id != old.id, new.stripe_price_id != old.stripe_price_id) == (
            1500,
            True,
            True,
        )
        assert not stripe_side.api.prices.retrieve(old.stripe_price_id).active
        assert stripe_side.api.prices.retrieve(new.stripe_price_id).lookup_key == "liftoff-pro"
        mine = client.get("/payments/subscription").json()["plan"]
        assert (mine["amount"], mine["slug"]) == (1200, "pro")
        assert "new" in client.get("/payments/entitlements").json()["features"]
    finally:
        publishing.bring_in_line(sold, publishing.read_catalogue(sold))


def test_a_plan_that_is_sold_again_is_what_it_was(sold):
    """The plan keeps its price at Stripe, and the row to which its subscribers
    refer.
    """
    before = offered()["team"]
    without = [offer for offer in sold if offer.slug != "team"]
    with SessionLocal() as db, db.begin():
        publishing.store_plans(db, without, publishing.read_catalogue(without))
    assert "team" not in offered()
    store_plans(publishing.read_catalogue(sold))
    assert (offered()["team"].id, offered()["team"].stripe_price_id) == (
        before.id,
        before.stripe_price_id,
    )


def test_an_amount_tried_and_reverted_before_stripe_saw_it(sold):
    """`make dev` first stores the plans without Stripe, and updates Stripe later."""
    before = offered()["team"]
    with SessionLocal() as db, db.begin():
        publishing.store_plans(db, changed(sold, "team", amount=5900))
    assert offered()["team"].stripe_price_id is None
    store_plans()
    store_plans(publishing.read_catalogue(sold))
    assert (offered()["team"].id, offered()["team"].stripe_price_id) == (
        before.id,
        before.stripe_price_id,
    )


def test_what_somebody_changed_at_stripe_raises_the_alarm(sold, stripe_side, records):
    """The events product.updated and price.updated cause this check."""
    stripe_side.api.products.update("liftoff-pro", {"name": "Cheap"})
    try:
        with SessionLocal() as db:
            publishing.report_drift(db)
        alarms = [
            (record["alarm"], record["plan"])
            for record in records()
            if record["event"] == "payments_alarm"
        ]
        assert alarms == [("plans_drift", "pro"), ("plans_drift", "pro-yearly")]
        assert stripe_side.api.products.retrieve("liftoff-pro").name == "Cheap"
    finally:
        publishing.bring_in_line(sold, publishing.read_catalogue(sold))
    assert publishing.catalogue_differences(sold, publishing.read_catalogue(sold)) == []

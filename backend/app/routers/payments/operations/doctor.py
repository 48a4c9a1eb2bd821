"""Comparison of our rows with Stripe's objects, for `make billing-doctor`.

On request, our rows are repaired from Stripe's objects. A change whose event is still
on its way is not an error. So a payer with a difference is compared again for some
seconds before the difference is reported.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import clock
from app.db.batches import read_in_batches
from app.db.database import SessionLocal
from app.routers.auth.models import User
from app.routers.payments import gateway
from app.routers.payments.gateway import SeenPayer, StripeRefused
from app.routers.payments.mirror import forgetting, sync
from app.routers.payments.models import Customer, Plan, Subscription
from app.routers.payments.plans import plan_file, publishing
from app.routers.payments.queries import LIVE
from app.routers.payments.webhooks import processing

from . import endpoints, invariants
from .differences import Difference, difference, of_invoices, of_subscriptions, word_of

PATIENCE = 10.0  # seconds
PAUSE = 1.0
AT_ONCE = 8  # payers read at the same time; Stripe allows 100 calls per second
BATCH = 100
PAGE_LIFE = timedelta(days=2)  # longer than Checkout pages stay open
OPEN_PAGE = "checkout of a deleted account"


def find_differences(
    *, patience: float | None = None, with_endpoints: bool = False
) -> list[Difference]:
    """Return all differences, and all rows that break a rule.

    `with_endpoints` also checks where Stripe sends its events. Raises
    `BrokenCatalogue`, and any error of a call to Stripe.
    """
    found = _payers_in_line(PATIENCE if patience is None else patience)
    found += _strangers()
    found += _pages_of_orphans()
    found += _plans()
    if with_endpoints:
        found += [
            Difference("webhook", flaw, "", "")
            for flaw in endpoints.endpoint_flaws(gateway.list_endpoints())
        ]
    with SessionLocal() as db:
        found += [
            Difference(broken.subject, broken.rule, broken.found, "")
            for broken in invariants.broken_invariants(db)
        ]
    return found


def repair_differences(found: list[Difference]) -> None:
    """Make our rows equal Stripe's objects, and process failed events again."""
    for customer_id in sorted({one.customer_id for one in found if one.customer_id is not None}):
        with SessionLocal() as db, db.begin():
            sync.sync_payer(db, customer_id)
    for page in [one.subject for one in found if one.what == OPEN_PAGE]:
        gateway.close_session(page)
    offers = plan_file.read_plan_file()
    there = publishing.read_catalogue(offers)
    with SessionLocal() as db, db.begin():
        if not publishing.catalogue_differences(offers, there):
            publishing.store_plans(db, offers, there)
    processing.replay_all_events(invariants.lost_events())


def _payers_in_line(patience: float) -> list[Difference]:
    found: list[Difference] = []
    for some in read_in_batches(
        SessionLocal, Customer, Customer.stripe_id.is_not(None), size=BATCH
    ):
        found += _compare([customer.id for customer in some])
    deadline = time.monotonic() + patience
    while found and time.monotonic() < deadline:
        time.sleep(PAUSE)
        found = _compare(sorted({one.customer_id for one in found if one.customer_id is not None}))
    return found


def _compare(customer_ids: list[int]) -> list[Difference]:
    found: list[Difference] = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for start in range(0, len(customer_ids), BATCH):
            some = customer_ids[start : start + BATCH]
            with SessionLocal() as db:
                payers = list(db.scalars(select(Customer).where(Customer.id.in_(some))))
            seen = list(threads.map(_read_payer, [payer.stripe_id or "" for payer in payers]))
            with SessionLocal() as db:
                for payer, theirs in zip(payers, seen, strict=True):
                    found += _payer(db, db.get_one(Customer, payer.id), theirs)
    return found


def _read_payer(stripe_id: str) -> SeenPayer | None:
    try:
        return gateway.read_payer(stripe_id)
    except StripeRefused as refusal:
        if refusal.is_missing:
            return None
        raise


def _payer(db: Session, customer: Customer, seen: SeenPayer | None) -> Iterator[Difference]:
    name = customer.stripe_id or ""
    if seen is None:
        # No repair is offered. If our key belonged to a different Stripe account, every
        # customer would be missing.
        yield Difference(name, "customer", "known", "unknown")
        return
    if bool(customer.gone_at) != seen.is_gone:
        yield difference(
            customer, name, "deleted", ours=bool(customer.gone_at), theirs=seen.is_gone
        )
    if seen.email and seen.email != customer.email:
        yield difference(customer, name, "email", ours=customer.email, theirs=seen.email)
    trials = [one.trial_start for one in seen.subscriptions if one.trial_start]
    if trials and customer.trial_used_at is None:
        yield difference(customer, name, "trial used", ours=None, theirs=min(trials))
    live = [one.id for one in seen.subscriptions if one.status in LIVE]
    if len(live) > 1:
        yield difference(customer, name, "live subscriptions", ours=1, theirs=", ".join(live))
    if not seen.is_gone and forgetting.is_orphan(db, customer):
        yield from _orphan(customer, seen, live)
    yield from of_subscriptions(db, customer, seen)
    yield from of_invoices(db, customer, seen)


def _orphan(customer: Customer, seen: SeenPayer, live: list[str]) -> Iterator[Difference]:
    """Report a deleted account's customer that still exists at Stripe.

    Syncing the payer deletes the customer.
    """
    name = customer.stripe_id or ""
    yield difference(
        customer,
        name,
        "customer of a deleted account",
        ours="deleted",
        theirs=seen.email or "known",
    )
    for subscription in live:
        yield difference(
            customer, subscription, "subscription of a deleted account", ours=None, theirs="live"
        )


def find_notices() -> list[Difference]:
    """Return facts that are not errors, but that an operator should know.

    For example, a disabled user keeps their subscription, and pays for it.
    """
    live = Subscription.live_customer_id == Customer.id
    kept = (
        select(Subscription.stripe_id, Subscription.status, User.id)
        .join(Customer, live)
        .join(Customer.user)
    )
    disabled = kept.where(~User.is_active, ~User.is_deleted).order_by(Subscription.id)
    with SessionLocal() as db:
        rows = db.execute(disabled).all()
    return [
        Difference(row.stripe_id, "subscription of a disabled user", f"user {row.id}", row.status)
        for row in rows
    ]


def _pages_of_orphans() -> list[Difference]:
    """Report Checkout pages that were open when their payer's account was deleted.

    Stripe closes such pages after a day.
    """
    gone = select(Customer.stripe_id).where(
        Customer.id.in_(forgetting.orphans()), Customer.stripe_id.is_not(None)
    )
    with SessionLocal() as db:
        lately = [
            str(found)
            for found in db.scalars(gone.where(Customer.updated_at > clock.now(-PAGE_LIFE)))
        ]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        pages = [
            page for found in threads.map(gateway.find_open_sessions, lately) for page in found
        ]
    return [Difference(page, OPEN_PAGE, "none", "open") for page in pages]


def _strangers() -> list[Difference]:
    """Report subscriptions from our checkouts whose customer has no row here."""
    sold = gateway.find_sold()
    with SessionLocal() as db:
        known = set(db.scalars(select(Customer.stripe_id)))
    return [
        Difference(subscription, "subscription of an unknown customer", "none", payer)
        for subscription, payer in sold.items()
        if payer not in known
    ]


def _plans() -> list[Difference]:
    offers = plan_file.read_plan_file()
    there = publishing.read_catalogue(offers)
    steps = [
        Difference(step.plan, "plans.toml, make plans-sync", "", step.action)
        for step in publishing.catalogue_differences(offers, there)
    ]
    wanted = {
        offer.slug: there.prices.get(publishing.lookup_key(offer))
        for offer in offers
        if not offer.is_free
    }
    with SessionLocal() as db:
        sold = {
            plan.offered_as: plan.stripe_price_id
            for plan in db.scalars(select(Plan))
            if plan.offered_as
        }
    return steps + [
        Difference(slug, "price", word_of(sold.get(slug)), price.id)
        for slug, price in wanted.items()
        if price and sold.get(slug) != price.id
    ]

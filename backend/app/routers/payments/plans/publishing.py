"""Publishing of `plans.toml` to the `plans` table, and as products and prices at
Stripe.

We choose the ids of the products and the lookup keys of the prices. So a second run
finds what exists, and changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.routers.payments import gateway
from app.routers.payments.alarms import raise_alarm
from app.routers.payments.gateway import SeenPrice, SeenProduct
from app.routers.payments.models import Plan

from .plan_file import Offer, read_plan_file

PREFIX = "liftoff-"
SYNC_KEY = "payments sync plans"


@dataclass(frozen=True)
class Step:
    """A plan that differs at Stripe, and the action that fixes the difference."""

    plan: str
    action: str


def product_id(offer: Offer) -> str:
    return PREFIX + offer.product


def lookup_key(offer: Offer) -> str:
    return PREFIX + offer.slug


@dataclass
class AtStripe:
    """The products and prices at Stripe, by product id and lookup key."""

    products: dict[str, SeenProduct]
    prices: dict[str, SeenPrice]


def read_catalogue(offers: list[Offer]) -> AtStripe:
    """Read our products and prices from Stripe. No transaction may be open."""
    paid = [offer for offer in offers if not offer.is_free]
    ids = dict.fromkeys(product_id(offer) for offer in paid)
    products = {found.id: found for found in map(gateway.find_product, ids) if found}
    keys = [lookup_key(offer) for offer in paid]
    return AtStripe(products, {price.lookup_key: price for price in gateway.find_prices(keys)})


def catalogue_differences(offers: list[Offer], there: AtStripe) -> list[Step]:
    """Return the steps that would make Stripe match `plans.toml`."""
    return list(_differences([offer for offer in offers if not offer.is_free], there))


def _differences(offers: list[Offer], there: AtStripe) -> Iterator[Step]:
    for offer in offers:
        product, price = there.products.get(product_id(offer)), there.prices.get(lookup_key(offer))
        if product is None:
            yield Step(offer.slug, f"create product {product_id(offer)}")
        elif not _same_product(offer, product):
            yield Step(offer.slug, f"update product {product.id}")
        if price is None:
            yield Step(offer.slug, f"create price {_money(offer)}")
        elif not _same_price(offer, price):
            was = f"{price.amount} {price.currency} per {price.interval}"
            yield Step(offer.slug, f"replace price {price.id} ({was}) with {_money(offer)}")


def _same_product(offer: Offer, product: SeenProduct) -> bool:
    return product.is_active and (product.name, product.description) == (
        offer.name,
        offer.description,
    )


def _same_price(offer: Offer, price: SeenPrice) -> bool:
    wanted = (product_id(offer), offer.currency, offer.amount, offer.interval)
    return price.is_active and wanted == (
        price.product_id,
        price.currency,
        price.amount,
        price.interval,
    )


def _money(offer: Offer) -> str:
    return f"{offer.amount} {offer.currency} per {offer.interval}"


def bring_in_line(offers: list[Offer], there: AtStripe) -> AtStripe:
    """Make Stripe match `plans.toml`, and return the resulting products and prices.

    If a run fails, the next run completes it.
    """
    for offer in [offer for offer in offers if not offer.is_free]:
        product = there.products.get(product_id(offer))
        if product is None:
            product = gateway.create_product(product_id(offer), offer.name, offer.description)
        elif not _same_product(offer, product):
            product = gateway.update_product(product.id, offer.name, offer.description)
        there.products[product.id] = product
        price = there.prices.get(lookup_key(offer))
        if price is None or not _same_price(offer, price):
            terms = {"currency": offer.currency, "interval": offer.interval}
            there.prices[lookup_key(offer)] = gateway.create_price(
                product.id, lookup_key(offer), amount=offer.amount, **terms
            )
            if price:
                gateway.archive_price(price.id)
    return there


def store_plans(db: Session, offers: list[Offer], there: AtStripe | None = None) -> None:
    """Write the `plans` table.

    `there` holds Stripe's prices. If it is missing, new plans are listed, but cannot be
    bought yet.
    """
    offered = {
        plan.offered_as: plan
        for plan in db.scalars(select(Plan).where(Plan.offered_as.is_not(None)))
    }
    slugs = {offer.slug for offer in offers}
    for slug, plan in offered.items():
        if slug not in slugs:
            plan.offered_as = None
    for offer in offers:
        price = there.prices.get(lookup_key(offer)) if there else None
        _store(db, offer, offered.get(offer.slug), price)
    # Subscribers at an old price get the new entitlements, too.
    for plan in db.scalars(select(Plan).where(Plan.slug.in_(slugs))):
        plan.entitlements = next(offer.entitlements for offer in offers if offer.slug == plan.slug)
    db.flush()


def _store(db: Session, offer: Offer, plan: Plan | None, price: SeenPrice | None) -> None:
    """Store a plan.

    If the price has changed, the old row stays for existing subscribers, and the new
    price gets a new row. If the price was sold before, its existing row is offered
    again.
    """
    terms = (offer.currency, offer.amount, offer.interval)
    known = db.scalar(select(Plan).where(Plan.stripe_price_id == price.id)) if price else None
    other_terms = (
        plan and plan.stripe_price_id and terms != (plan.currency, plan.amount, plan.interval)
    )
    other_price = (
        plan
        and price
        and (plan.stripe_price_id not in (None, price.id) or known not in (None, plan))
    )
    if plan and (other_terms or other_price):
        plan.offered_as = None
        db.flush()
        plan = None
    plan = plan or known or Plan(slug=offer.slug)
    plan.offered_as, plan.position = offer.slug, offer.position
    plan.name, plan.description = offer.name, offer.description
    plan.currency, plan.amount, plan.interval = terms
    plan.trial_days, plan.trial_needs_card = offer.trial_days, offer.trial_needs_card
    plan.entitlements = offer.entitlements
    if price:
        plan.stripe_product_id, plan.stripe_price_id = price.product_id, price.id
    db.add(plan)
    db.flush()


def sync_plans(db: Session) -> None:
    """Make Stripe and the table match `plans.toml`, without showing the steps first.

    Only development uses this, through a job.
    """
    offers = read_plan_file()
    store_plans(db, offers, bring_in_line(offers, read_catalogue(offers)))


def report_drift(db: Session) -> None:
    """Raise an alarm if someone has changed our products or prices in Stripe's
    dashboard.

    This function repairs nothing.
    """
    del db
    offers = read_plan_file()
    for step in catalogue_differences(offers, read_catalogue(offers)):
        raise_alarm("plans_drift", plan=step.plan, needed=step.action)

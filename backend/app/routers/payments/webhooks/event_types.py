"""The Stripe event types that we handle, and the payer that each event is about.

An event is only a hint of where to look. Its content may be outdated, and events arrive
in any order. So every event about a payer leads to the same action, `sync.sync_payer`.
The event types in this table are also registered at Stripe. The comment on each line
says what has happened.
"""

import re
from enum import Enum, auto
from typing import Any

REFERENCE = re.compile(r"[\x21-\x7e]{1,255}")  # matches every Stripe id


class Concern(Enum):
    """The kind of object that an event is about."""

    PAYER = auto()  # the event names the customer
    CHARGE = auto()  # the event names a charge, which names the customer
    CATALOGUE = auto()  # a product or a price, to be compared with `plans.toml`


PAYER, CHARGE, CATALOGUE = Concern

HANDLED: dict[str, Concern] = {
    # Checkout: the page on which a payer subscribes.
    "checkout.session.completed": PAYER,  # the payer completed the page; payment may follow
    "checkout.session.async_payment_succeeded": PAYER,  # a bank debit has arrived, days later
    "checkout.session.async_payment_failed": PAYER,  # a bank debit has failed
    "checkout.session.expired": PAYER,  # the page was not completed in time, or we closed it
    # Customers.
    "customer.updated": PAYER,  # the address, the balance or the default card has changed
    "customer.deleted": PAYER,  # the customer was deleted, by us or in the dashboard
    # Subscriptions.
    "customer.subscription.created": PAYER,  # a subscription was created, perhaps still incomplete
    "customer.subscription.updated": PAYER,  # a field of a subscription has changed
    "customer.subscription.deleted": PAYER,  # a subscription has ended for good
    "customer.subscription.paused": PAYER,  # a trial has ended without a card
    "customer.subscription.resumed": PAYER,  # a paused subscription continues
    "customer.subscription.trial_will_end": PAYER,  # three days before a trial ends
    "customer.subscription.pending_update_applied": PAYER,  # a change was paid for
    # a change was not paid for and is dropped
    "customer.subscription.pending_update_expired": PAYER,
    # Invoices: a draft is finalised, then paid, voided or written off.
    "invoice.finalized": PAYER,  # an invoice can be paid from now on
    # an invoice stays a draft, for example because a tax rate is missing
    "invoice.finalization_failed": PAYER,
    "invoice.paid": PAYER,  # an invoice was paid, possibly out of band or from a balance
    "invoice.payment_failed": PAYER,  # a charge for an invoice has failed; Stripe may try again
    "invoice.payment_action_required": PAYER,  # the payer must confirm the payment
    "invoice.upcoming": PAYER,  # days before a renewal; the invoice does not exist yet
    "invoice.updated": PAYER,  # a field of an invoice has changed
    "invoice.voided": PAYER,  # nobody has to pay the invoice any more
    "invoice.marked_uncollectible": PAYER,  # nobody is expected to pay the invoice any more
    # Payment methods.
    "payment_method.attached": PAYER,  # a card now belongs to the customer
    "payment_method.updated": PAYER,  # the card's billing details or expiry date have changed
    "payment_method.automatically_updated": PAYER,  # the bank sent a new card number or expiry date
    "payment_method.detached": PAYER,  # the card no longer belongs to the customer
    # Refunds and disputes.
    "charge.refunded": PAYER,  # a charge was refunded, in part or in full
    "refund.created": CHARGE,  # a refund has begun
    "refund.updated": CHARGE,  # a refund's status or reference has changed
    "refund.failed": CHARGE,  # the bank has sent the money back to us
    "charge.dispute.created": CHARGE,  # the payer contests the charge at the bank
    "charge.dispute.updated": CHARGE,  # evidence was added, or the status has changed
    "charge.dispute.closed": CHARGE,  # the bank has decided, or the payer has withdrawn
    # Schedules: changes that take effect later.
    "subscription_schedule.created": PAYER,  # a change was scheduled
    "subscription_schedule.updated": PAYER,  # a phase was changed, or has begun
    "subscription_schedule.released": PAYER,  # the subscription continues without the schedule
    "subscription_schedule.completed": PAYER,  # the last phase is over
    "subscription_schedule.canceled": PAYER,  # the schedule was cancelled with its subscription
    # The catalogue: someone may have edited what `plans.toml` describes.
    "product.updated": CATALOGUE,  # a name or description has changed, or a product was archived
    "price.updated": CATALOGUE,  # a price was archived, or its lookup key has changed
}


def payer_named_in(event: dict[str, Any]) -> str | None:
    """Return Stripe's id of the customer that an event names.

    An event about a detached card names the customer in `previous_attributes`.
    """
    about = event["data"]["object"]
    if about.get("object") == "customer":
        return _id(about.get("id"))
    before = event["data"].get("previous_attributes")
    return _id(about.get("customer")) or _id(
        before.get("customer") if isinstance(before, dict) else None
    )


def charge_named_in(event: dict[str, Any]) -> dict[str, str | None]:
    about = event["data"]["object"]
    return {"charge": _id(about.get("charge")), "payment_intent": _id(about.get("payment_intent"))}


def _id(reference: Any) -> str | None:
    found = reference.get("id") if isinstance(reference, dict) else reference
    return found if isinstance(found, str) and REFERENCE.fullmatch(found) else None

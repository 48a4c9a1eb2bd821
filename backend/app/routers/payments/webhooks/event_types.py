"""The types of Stripe's events that are handled, and the payer that each is about.

An event is only a hint of where to look. Its content may be outdated, and events arrive
in any order. So every event about a payer leads to the same action, `sync.look`. The
event types in this table are also registered at Stripe.
"""

import re
from enum import Enum, auto
from typing import Any

REFERENCE = re.compile(r"[\x21-\x7e]{1,255}")  # every id of Stripe matches this


class Concern(Enum):
    """The kind of object that an event is about."""

    PAYER = auto()  # the event names the customer
    CHARGE = auto()  # the event names a charge, which names the customer
    CATALOGUE = auto()  # a product or a price, to be compared with `plans.toml`


def _named(prefix: str, words: str, concern: Concern) -> dict[str, Concern]:
    return {f"{prefix}.{word}": concern for word in words.split()}


HANDLED: dict[str, Concern] = {
    **_named(
        "checkout.session",
        "completed async_payment_succeeded async_payment_failed expired",
        Concern.PAYER,
    ),
    **_named("customer", "updated deleted", Concern.PAYER),
    **_named(
        "customer.subscription",
        "created updated deleted paused resumed trial_will_end pending_update_applied "
        "pending_update_expired",
        Concern.PAYER,
    ),
    **_named(
        "invoice",
        "finalized finalization_failed paid payment_failed payment_action_required upcoming "
        "updated voided marked_uncollectible",
        Concern.PAYER,
    ),
    **_named("payment_method", "attached updated automatically_updated detached", Concern.PAYER),
    "charge.refunded": Concern.PAYER,
    **_named("refund", "created updated failed", Concern.CHARGE),
    **_named("charge.dispute", "created updated closed", Concern.CHARGE),
    **_named("subscription_schedule", "created updated released completed canceled", Concern.PAYER),
    "product.updated": Concern.CATALOGUE,
    "price.updated": Concern.CATALOGUE,
}


def payer_named_in(event: dict[str, Any]) -> str | None:
    """Return Stripe's id of the customer that an event names.

    An event about a detached card names the customer in its previous attributes.
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

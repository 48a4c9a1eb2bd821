"""Setup intents, which save a card for later without a payment."""

from typing import Any

from simulator.billing import cards, payments, standing
from simulator.billing.cards import Decline
from simulator.billing.payment_methods import attach
from simulator.objects import Object, public_surface
from simulator.shapes.payment import new_setup_intent
from simulator.state.work import Work


def new_intent(work: Work, **fields: Any) -> Object:
    intent = new_setup_intent(work.new_id("setup_intent"), work.new_secret(24), created=work.now)
    intent |= fields
    work.put(intent)
    work.emit("setup_intent.created", intent)
    return intent


def prepare(
    work: Work, subscription: Object, payment_method: Object | None, *, waits: bool
) -> None:
    """Set up the card of a subscription for which nothing is due yet.

    If the customer still has to act, the intent becomes the subscription's
    `pending_setup_intent`. The customer always has to act if there is no card, or if
    `waits` is true.
    """
    if payment_method and payment_method.get("_set_up"):
        return
    chosen: Object = (
        {"payment_method": payment_method["id"], "status": "requires_confirmation"}
        if payment_method
        else {}
    )
    intent = new_intent(
        work, customer=subscription["customer"], _subscription=subscription["id"], **chosen
    )
    if payment_method and not waits:
        confirm(work, intent, payment_method)
    if intent["status"] != "succeeded":
        subscription["pending_setup_intent"] = intent["id"]
        work.put(subscription)


def confirm(
    work: Work, intent: Object, payment_method: Object, *, authenticated: bool = False
) -> Decline | None:
    """Confirm the intent, and return the decline if the bank declines.

    If the bank does not decline, the intent has succeeded or asks for 3-D Secure.
    """
    answer = cards.setup_outcome(
        payments.card_of(payment_method, work.now), authenticated=authenticated
    )
    if answer == "action":
        action = payments.challenge(work, intent)
        intent |= {
            "status": "requires_action",
            "payment_method": payment_method["id"],
            "next_action": action,
        }
        work.put(intent)
        work.emit("setup_intent.requires_action", intent)
        return None
    if answer:
        _failed(work, intent, payment_method, answer)
        return answer
    payment_method["_set_up"] = True
    work.put(payment_method)
    if intent["customer"]:
        attach(work, payment_method, work.get("customer", intent["customer"]))
    intent |= {
        "status": "succeeded",
        "payment_method": payment_method["id"],
        "next_action": None,
        "last_setup_error": None,
    }
    work.put(intent)
    work.emit("setup_intent.succeeded", intent)
    standing.card_is_ready(work, intent)
    return None


def authentication_failed(work: Work, intent: Object) -> None:
    payment_method = work.get("payment_method", intent["payment_method"])
    _failed(work, intent, payment_method, payments.NOT_AUTHENTICATED)


def _failed(work: Work, intent: Object, payment_method: Object, decline: Decline) -> None:
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_setup_error": payments.problem(
            decline, payment_method=public_surface(payment_method)
        ),
    }
    work.put(intent)
    work.emit("setup_intent.setup_failed", intent)


def cancel(work: Work, intent: Object, reason: str | None) -> Object:
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    work.put(intent)
    work.emit("setup_intent.canceled", intent)
    return intent

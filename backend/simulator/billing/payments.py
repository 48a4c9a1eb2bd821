"""Payment intents and their charges: the bank's response, and what Stripe records."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulator.billing import cards
from simulator.billing.cards import Card, Decline
from simulator.durations import MINUTE
from simulator.objects import Object, public_surface
from simulator.protocol.errors import DOCS, StripeError
from simulator.shapes.payment import new_charge, new_payment_intent
from simulator.state.work import Work

CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


@dataclass(frozen=True)
class Answer:
    """The outcome of an attempt: a successful charge or a decline.

    If there is neither a charge nor a decline, the customer must pass 3-D Secure.
    """

    charge: Object | None = None
    decline: Decline | None = None

    @property
    def paid(self) -> bool:
        return self.charge is not None and self.decline is None


def new_intent(work: Work, *, amount: int, currency: str, **fields: Any) -> Object:
    intent = new_payment_intent(
        work.new_id("payment_intent"),
        work.new_secret(24),
        created=work.now,
        amount=amount,
        currency=currency,
    )
    intent |= fields
    work.put(intent)
    work.emit("payment_intent.created", intent)
    return intent


def card_of(payment_method: Object, now: int) -> Card:
    """Return the test card of a payment method.

    If the card has expired, return a card that is declined.
    """
    card = cards.by_number(payment_method["_number"])
    if card is None:
        raise StripeError("The payment method has no card number.", param="payment_method")
    today, facts = datetime.fromtimestamp(now, UTC), payment_method["card"]
    if (facts["exp_year"], facts["exp_month"]) < (today.year, today.month):
        return Card(
            card.number, card.names, card.brand, on_attach=cards.EXPIRED, on_charge=cards.EXPIRED
        )
    return card


def confirm(
    work: Work,
    intent: Object,
    payment_method: Object,
    *,
    off_session: bool = False,
    authenticated: bool = False,
) -> Answer:
    """Try the payment once.

    The intent becomes `succeeded`, `requires_payment_method` or `requires_action`.
    """
    card = card_of(payment_method, work.now)
    answer = cards.outcome(
        card,
        off_session=off_session,
        set_up=bool(payment_method.get("_set_up")),
        authenticated=authenticated,
    )
    if answer == "action" or (
        answer is cards.AUTHENTICATION_REQUIRED and _for_invoice(work, intent)
    ):
        return _ask_customer(work, intent, payment_method)
    if authenticated:
        payment_method["_set_up"] = True
        work.put(payment_method)
    charge = _charge(work, intent, payment_method, answer, authenticated=authenticated)
    if answer:
        _declined(work, intent, payment_method, charge, answer)
        return Answer(charge, answer)
    _succeeded(work, intent, payment_method, charge)
    if card.dispute:
        work.set_timer("charge.dispute", charge["id"], work.now + MINUTE)
    return Answer(charge)


def _for_invoice(work: Work, intent: Object) -> bool:
    """Return whether the payment is for an invoice.

    If the bank requires 3-D Secure while the customer is not present, the payment of an
    invoice waits, because the customer can open the page of the invoice. Other payments
    are declined.
    """
    return bool(work.ids("invoice_payment", payment__payment_intent=intent["id"]))


def challenge(work: Work, intent: Object) -> Object:
    """Return the `next_action` with which a payment or setup intent asks for 3-D
    Secure.

    The URL of the 3-D Secure page contains the client secret, as at Stripe. That page
    leads back to the intent's `_return_url`.
    """
    url = f"{work.store.base_url}/c/authenticate/{intent['client_secret']}"
    return {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": intent.get("_return_url"), "url": url},
    }


def _ask_customer(work: Work, intent: Object, payment_method: Object) -> Answer:
    intent |= {
        "status": "requires_action",
        "payment_method": payment_method["id"],
        "next_action": challenge(work, intent),
    }
    work.put(intent)
    work.emit("payment_intent.requires_action", intent)
    return Answer()


def _charge(
    work: Work,
    intent: Object,
    payment_method: Object,
    decline: Decline | None,
    *,
    authenticated: bool,
) -> Object:
    charge = new_charge(
        work.new_id("charge"),
        created=work.now,
        payment_intent=intent,
        payment_method=payment_method,
    )
    if authenticated:
        charge["payment_method_details"]["card"]["three_d_secure"] = _THREE_D_SECURE
    charge["outcome"] = _outcome(decline)
    if decline:
        charge |= {"failure_code": decline.code, "failure_message": decline.message}
    else:
        charge |= {
            "status": "succeeded",
            "paid": True,
            "captured": True,
            "amount_captured": charge["amount"],
            "receipt_url": f"{work.store.base_url}/r/{charge['id']}",
        }
    work.put(charge)
    work.emit("charge.failed" if decline else "charge.succeeded", charge)
    return charge


_THREE_D_SECURE: Object = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "transaction_id": None,
    "version": "2.2.0",
}


def _outcome(decline: Decline | None) -> Object:
    outcome: Object = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if decline:
        outcome |= {
            "network_status": "not_sent_to_network" if decline.blocked else "declined_by_network",
            "reason": decline.decline_code,
            "seller_message": "The bank did not return any further details with this decline.",
            "type": "blocked" if decline.blocked else "issuer_declined",
        }
    return outcome


def _declined(
    work: Work, intent: Object, payment_method: Object, charge: Object, decline: Decline
) -> None:
    intent |= {
        "status": "requires_payment_method",
        "latest_charge": charge["id"],
        "payment_method": None,
        "next_action": None,
        "last_payment_error": problem(
            decline, charge=charge["id"], payment_method=public_surface(payment_method)
        ),
    }
    work.put(intent)
    work.emit("payment_intent.payment_failed", intent)


def _succeeded(work: Work, intent: Object, payment_method: Object, charge: Object) -> None:
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "payment_method": payment_method["id"],
        "next_action": None,
        "last_payment_error": None,
    }
    work.put(intent)
    work.emit("payment_intent.succeeded", intent)


def authentication_failed(work: Work, intent: Object) -> None:
    """Fail the payment, because the customer did not pass 3-D Secure."""
    payment_method = work.get("payment_method", intent["payment_method"])
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": problem(
            NOT_AUTHENTICATED, payment_method=public_surface(payment_method)
        ),
    }
    work.put(intent)
    work.emit("payment_intent.payment_failed", intent)


NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    "",
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again.",
)


def problem(decline: Decline, **details: Any) -> Object:
    """Return a decline in the form of a `last_payment_error` or `last_setup_error`."""
    found: Object = {
        "code": decline.code,
        "doc_url": f"{DOCS}/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "type": "card_error" if decline.decline_code else "invalid_request_error",
        **details,
    }
    if decline.decline_code:
        found["decline_code"] = decline.decline_code
    return found


def cancel(work: Work, intent: Object, reason: str) -> Object:
    if intent["status"] in {"succeeded", "canceled"}:
        return intent
    intent |= {
        "status": "canceled",
        "canceled_at": work.now,
        "cancellation_reason": reason,
        "next_action": None,
    }
    work.put(intent)
    work.emit("payment_intent.canceled", intent)
    return intent

"""Cards as payment methods: created, attached to a customer, and detached."""

from simulator.billing import cards
from simulator.billing.card_details import check_expiry, details_of, find_card, test_expiry
from simulator.objects import Object
from simulator.protocol.errors import StripeError, card_error, missing_object
from simulator.shapes.common import NO_ADDRESS
from simulator.shapes.payment import NO_BILLING_DETAILS
from simulator.state.work import Work


def usable(work: Work, identity: str, param: str = "payment_method") -> Object:
    """Return a payment method by its id.

    A test id such as `pm_card_visa` makes a new payment method, as at Stripe.
    """
    if identity.startswith("pm_card_"):
        return work.put(from_test_name(work, identity, param))
    return work.get("payment_method", identity, param)


def from_test_name(work: Work, name: str, param: str) -> Object:
    """Return the card behind `pm_card_visa` or `tok_visa`."""
    card = cards.by_name(name)
    if card is None:
        raise missing_object("payment_method", name, param)
    return new_card(work, card.number, *test_expiry(work.now))


def new_card(
    work: Work, number: str, exp_month: int, exp_year: int, billing_details: Object | None = None
) -> Object:
    """Return a payment method that is neither stored nor attached.

    Raises a card error for an invalid number or date.
    """
    card = find_card(number)
    check_expiry(exp_month, exp_year, work.now)
    return work.new(
        "payment_method",
        allow_redisplay="unspecified",
        billing_details=complete(billing_details or {}),
        card=details_of(card, exp_month, exp_year, work.store.ids.stable(card.number, 16)),
        customer=None,
        customer_account=None,
        type="card",
        _number=card.number,
    )


def attach(work: Work, payment_method: Object, customer: Object) -> Object:
    """Save the card for a customer. Raises a card error if the bank refuses."""
    if payment_method["customer"] == customer["id"]:
        return payment_method
    if payment_method["customer"]:
        raise StripeError(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    _refuse_detached(payment_method)
    card = cards.by_number(payment_method["_number"])
    if card and (decline := card.on_attach):
        raise card_error(decline.message, decline.code, decline_code=decline.decline_code)
    payment_method["customer"] = customer["id"]
    work.put(payment_method)
    work.emit("payment_method.attached", payment_method)
    return payment_method


def check_payer(payment_method: Object, customer: str | None) -> None:
    """Raise an error unless the payment method may pay for this customer.

    An attached payment method pays only for its own customer. A detached one can no
    longer be used.
    """
    _refuse_detached(payment_method)
    if payment_method["customer"] not in {None, customer}:
        raise StripeError(
            f"The payment method {payment_method['id']} belongs to a customer. Name that customer "
            "to use it.",
            param="payment_method",
        )


def _refuse_detached(payment_method: Object) -> None:
    if payment_method.get("_detached"):
        raise StripeError(
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again.",
            code="payment_method_unexpected_state",
        )


def detach(work: Work, payment_method: Object) -> Object:
    """Detach the card, which can then never be used again, not even as a default."""
    customer = work.get("customer", payment_method["customer"])
    payment_method |= {"customer": None, "_detached": True}
    work.put(payment_method)
    work.emit("payment_method.detached", payment_method, {"customer": customer["id"]})
    for subscription in list(work.all("subscription", customer=customer["id"])):
        if subscription["default_payment_method"] == payment_method["id"]:
            subscription["default_payment_method"] = None
            work.put(subscription)
            work.emit("customer.subscription.updated", subscription)
    if customer["invoice_settings"]["default_payment_method"] == payment_method["id"]:
        customer["invoice_settings"] = customer["invoice_settings"] | {
            "default_payment_method": None
        }
        work.put(customer)
        work.emit("customer.updated", customer)
    return payment_method


def complete(details: Object) -> Object:
    return NO_BILLING_DETAILS | details | {"address": NO_ADDRESS | (details.get("address") or {})}

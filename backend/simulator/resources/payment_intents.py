"""Payment intents: created, confirmed and canceled by the seller's own calls."""

from stripe.params import (
    PaymentIntentCancelParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    PaymentIntentRetrieveParams,
    PaymentIntentUpdateParams,
)

from simulator.billing import collection, payments
from simulator.billing.currencies import checked, largest_charge, multiple_of, smallest_charge
from simulator.billing.payment_methods import attach, check_payer, usable
from simulator.billing.payments import CONFIRMABLE
from simulator.billing.words import format_money
from simulator.objects import Object
from simulator.protocol.errors import StripeError, card_error, unsupported_feature
from simulator.protocol.expansion import includable
from simulator.protocol.lists import list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.protocol.urls import check_url
from simulator.shapes.common import embedded_list
from simulator.state.work import Work

URL = "/v1/payment_intents"
PLAIN = (
    "description",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
)


def _refuse(params: Params) -> None:
    if params.get("capture_method", "automatic") == "manual":
        raise unsupported_feature("capture_method")
    if params.get("confirmation_method", "automatic") != "automatic":
        raise unsupported_feature("confirmation_method")
    _refuse_to_confirm(params)


def _refuse_to_confirm(params: Params) -> None:
    if params.get("error_on_requires_action"):
        raise unsupported_feature("error_on_requires_action")


@operation("POST /v1/payment_intents", PaymentIntentCreateParams)
def create(work: Work, params: Params) -> Object:
    _refuse(params)
    customer = (
        work.get("customer", params["customer"], "customer") if params.get("customer") else None
    )
    work.use_clock_of(customer)
    if params["amount"] < 1:
        raise StripeError(
            "Invalid positive integer", code="parameter_invalid_integer", param="amount"
        )
    _check_amount(params["amount"], currency := checked(params["currency"]))
    fields: Object = {"metadata": {}}
    _apply(fields, params)
    _choose(work, fields, params)
    intent = payments.new_intent(
        work,
        amount=params["amount"],
        currency=currency,
        customer=customer["id"] if customer else None,
        automatic_payment_methods=params.whole("automatic_payment_methods"),
        setup_future_usage=params.get("setup_future_usage"),
        **fields,
    )
    params.accept("use_stripe_sdk")
    off_session = bool(params.get("off_session", False))
    if params.get("confirm"):
        return _confirm(work, intent, params, off_session=off_session)
    return intent


def _choose(work: Work, intent: Object, params: Params) -> None:
    if name := params.get("payment_method"):
        intent |= {"payment_method": usable(work, name)["id"], "status": "requires_confirmation"}


def _apply(intent: Object, params: Params) -> None:
    params.into(intent, *PLAIN)
    params.merge_metadata(intent)


def _check_amount(amount: int, currency: str) -> None:
    least, most, step = (read(currency) for read in (smallest_charge, largest_charge, multiple_of))
    if amount < least:
        raise StripeError(
            f"Amount must be at least {format_money(least, currency)} {currency}",
            code="amount_too_small",
            param="amount",
        )
    if amount > most:
        raise StripeError(
            f"Amount must be no more than {format_money(most, currency)}",
            code="amount_too_large",
            param="amount",
        )
    if amount % step:
        raise StripeError(
            f"Invalid amount: amounts in {currency} must be divisible by {step}.",
            code="parameter_invalid_integer",
            param="amount",
        )


@operation("GET /v1/payment_intents/{id}", PaymentIntentRetrieveParams)
def retrieve(work: Work, params: Params, identity: str) -> Object:
    params.accept("client_secret")
    return work.get("payment_intent", identity)


@operation("POST /v1/payment_intents/{id}", PaymentIntentUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    intent = _found(work, identity)
    _apply(intent, params)
    params.into(intent, "setup_future_usage")
    if name := params.get("payment_method"):
        intent["payment_method"] = usable(work, name)["id"]
        if intent["status"] == "requires_payment_method":
            intent["status"] = "requires_confirmation"
    return work.put(intent)


@operation("POST /v1/payment_intents/{id}/confirm", PaymentIntentConfirmParams)
def confirm(work: Work, params: Params, identity: str) -> Object:
    _refuse_to_confirm(params)
    intent = _found(work, identity)
    params.accept("mandate_data", "use_stripe_sdk")
    off_session = bool(params.get("off_session", False))
    if name := params.get("payment_method"):
        intent["payment_method"] = usable(work, name)["id"]
    return _confirm(work, intent, params, off_session=off_session)


def _confirm(work: Work, intent: Object, params: Params, *, off_session: bool) -> Object:
    if intent["status"] not in CONFIRMABLE:
        raise StripeError(
            f"This PaymentIntent's status is {intent['status']}, and it cannot be confirmed any "
            "more.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )
    if not intent["payment_method"]:
        raise StripeError(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You "
            "can either update the PaymentIntent with a payment method and then confirm it "
            "again, or confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )
    payment_method = work.get("payment_method", intent["payment_method"])
    check_payer(payment_method, intent["customer"])
    if return_url := params.get("return_url"):
        intent["_return_url"] = check_url(return_url, "return_url")
    answer = payments.confirm(work, intent, payment_method, off_session=off_session)
    if (
        answer.paid
        and intent["setup_future_usage"]
        and intent["customer"]
        and not payment_method["customer"]
    ):
        attach(work, payment_method, work.get("customer", intent["customer"]))
    collection.settle(work, intent, answer)
    if answer.decline:
        raise card_error(
            answer.decline.message,
            answer.decline.code,
            decline_code=answer.decline.decline_code,
            charge=intent["latest_charge"],
            payment_intent=intent,
        )
    return intent


@operation("POST /v1/payment_intents/{id}/cancel", PaymentIntentCancelParams)
def cancel(work: Work, params: Params, identity: str) -> Object:
    intent = _found(work, identity)
    reason = params.get("cancellation_reason", "requested_by_customer")
    if intent["status"] not in CONFIRMABLE or work.first(
        "invoice_payment", payment__payment_intent=identity
    ):
        raise StripeError(
            "You cannot cancel this PaymentIntent because it has succeeded, is canceled, or "
            "belongs to an invoice.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )
    return payments.cancel(work, intent, reason)


@operation("GET /v1/payment_intents", PaymentIntentListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {"customer": params["customer"]} if "customer" in params else None
    return list_page(work, params, "payment_intent", URL, where)


def _found(work: Work, identity: str) -> Object:
    intent = work.get("payment_intent", identity)
    work.use_clock_of(work.find("customer", intent["customer"]))
    return intent


@includable("payment_intent", "amount_details.line_items")
def line_items(_: Work, intent: Object) -> Object:
    """Return an empty list. The simulator accepts no line items."""
    return embedded_list([], f"/v1/payment_intents/{intent['id']}/amount_details_line_items")

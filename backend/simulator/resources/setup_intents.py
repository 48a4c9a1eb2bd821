"""Setup intents: created, confirmed and canceled by the seller's own calls."""

from stripe.params import (
    SetupIntentCancelParams,
    SetupIntentConfirmParams,
    SetupIntentCreateParams,
    SetupIntentListParams,
    SetupIntentRetrieveParams,
    SetupIntentUpdateParams,
)

from simulator.billing import setups
from simulator.billing.payment_methods import check_payer, usable
from simulator.billing.payments import CONFIRMABLE
from simulator.objects import Object
from simulator.protocol.errors import StripeError, card_error
from simulator.protocol.lists import equals, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.protocol.urls import check_url
from simulator.state.work import Work

URL = "/v1/setup_intents"


@operation("POST /v1/setup_intents", SetupIntentCreateParams)
def create(work: Work, params: Params) -> Object:
    customer = (
        work.get("customer", params["customer"], "customer") if params.get("customer") else None
    )
    work.use_clock_of(customer)
    fields: Object = {"metadata": {}}
    params.merge_metadata(fields)
    _choose(work, fields, params)
    intent = setups.new_intent(
        work,
        customer=customer["id"] if customer else None,
        usage=params.get("usage", "off_session"),
        description=params.get("description"),
        automatic_payment_methods=params.whole("automatic_payment_methods"),
        **fields,
    )
    params.accept("use_stripe_sdk", "mandate_data")
    return _confirm(work, intent, params) if params.get("confirm") else intent


def _choose(work: Work, intent: Object, params: Params) -> None:
    if name := params.get("payment_method"):
        intent |= {"payment_method": usable(work, name)["id"], "status": "requires_confirmation"}


@operation("GET /v1/setup_intents/{id}", SetupIntentRetrieveParams)
def retrieve(work: Work, params: Params, identity: str) -> Object:
    params.accept("client_secret")
    return work.get("setup_intent", identity)


@operation("POST /v1/setup_intents/{id}", SetupIntentUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    intent = work.get("setup_intent", identity)
    params.into(intent, "description")
    params.merge_metadata(intent)
    _choose(work, intent, params)
    return work.put(intent)


@operation("POST /v1/setup_intents/{id}/confirm", SetupIntentConfirmParams)
def confirm(work: Work, params: Params, identity: str) -> Object:
    intent = work.get("setup_intent", identity)
    work.use_clock_of(work.find("customer", intent["customer"]))
    params.accept("mandate_data", "use_stripe_sdk")
    _require(intent)
    _choose(work, intent, params)
    return _confirm(work, intent, params)


def _require(intent: Object) -> None:
    if intent["status"] not in CONFIRMABLE:
        raise StripeError(
            "You cannot use this SetupIntent any more because it has a status of "
            f"{intent['status']}.",
            code="setup_intent_unexpected_state",
            setup_intent=intent,
        )


def _confirm(work: Work, intent: Object, params: Params) -> Object:
    if not intent["payment_method"]:
        raise StripeError(
            "You cannot confirm this SetupIntent because it's missing a payment method.",
            code="setup_intent_unexpected_state",
            setup_intent=intent,
        )
    if return_url := params.get("return_url"):
        intent["_return_url"] = check_url(return_url, "return_url")
    payment_method = work.get("payment_method", intent["payment_method"])
    check_payer(payment_method, intent["customer"])
    decline = setups.confirm(work, intent, payment_method)
    if decline:
        raise card_error(
            decline.message, decline.code, decline_code=decline.decline_code, setup_intent=intent
        )
    return intent


@operation("POST /v1/setup_intents/{id}/cancel", SetupIntentCancelParams)
def cancel(work: Work, params: Params, identity: str) -> Object:
    intent = work.get("setup_intent", identity)
    reason = params.get("cancellation_reason")
    _require(intent)
    return setups.cancel(work, intent, reason)


@operation("GET /v1/setup_intents", SetupIntentListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {"customer": params["customer"]} if "customer" in params else None
    return list_page(work, params, "setup_intent", URL, where, *equals(params, "payment_method"))

"""Refunds of a charge or of a payment intent."""

from stripe.params import (
    RefundCancelParams,
    RefundCreateParams,
    RefundListParams,
    RefundRetrieveParams,
    RefundUpdateParams,
)

from simulator.billing import refunds
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.protocol.lists import list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work

URL = "/v1/refunds"


@operation("POST /v1/refunds", RefundCreateParams)
def create(work: Work, params: Params) -> Object:
    charge = _charge(work, params)
    work.use_clock_of(work.find("customer", charge["customer"]))
    made: Object = {"metadata": {}}
    params.merge_metadata(made)
    return refunds.refund(
        work, charge, params.get("amount"), params.get("reason"), made["metadata"]
    )


def _charge(work: Work, params: Params) -> Object:
    """Return the charge that the call names, either itself or by its payment intent."""
    if charge := params.get("charge"):
        return work.get("charge", charge, "charge")
    if not (named := params.get("payment_intent")):
        raise StripeError(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            code="parameter_missing",
        )
    intent = work.get("payment_intent", named, "payment_intent")
    if intent["status"] != "succeeded":
        raise StripeError(
            f"This PaymentIntent ({named}) does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
            param="payment_intent",
        )
    return work.get("charge", intent["latest_charge"])


@operation("GET /v1/refunds/{id}", RefundRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get("refund", identity)


@operation("POST /v1/refunds/{id}", RefundUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    found = _found(work, identity)
    params.merge_metadata(found)
    work.put(found)
    work.emit("refund.updated", found)
    return found


@operation("POST /v1/refunds/{id}/cancel", RefundCancelParams)
def cancel(work: Work, _: Params, identity: str) -> Object:
    return refunds.cancel(work, _found(work, identity))


@operation("GET /v1/refunds", RefundListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {name: params[name] for name in ("charge", "payment_intent") if name in params}
    return list_page(work, params, "refund", URL, where)


def _found(work: Work, identity: str) -> Object:
    found = work.get("refund", identity)
    charge = work.get("charge", found["charge"])
    work.use_clock_of(work.find("customer", charge["customer"]))
    return found

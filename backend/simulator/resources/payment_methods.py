"""Payment methods: Stripe's test cards, by number, by test id or by test token."""

from stripe.params import (
    CustomerPaymentMethodListParams,
    CustomerPaymentMethodRetrieveParams,
    PaymentMethodAttachParams,
    PaymentMethodCreateParams,
    PaymentMethodDetachParams,
    PaymentMethodListParams,
    PaymentMethodRetrieveParams,
    PaymentMethodUpdateParams,
)

from simulator.billing.card_details import check_cvc, check_expiry
from simulator.billing.payment_methods import (
    attach,
    complete,
    detach,
    from_test_name,
    new_card,
    usable,
)
from simulator.objects import Object
from simulator.protocol.errors import StripeError, missing_object, unsupported_feature
from simulator.protocol.lists import equals, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work

URL = "/v1/payment_methods"


@operation("POST /v1/payment_methods", PaymentMethodCreateParams)
def create(work: Work, params: Params) -> Object:
    if params.get("type", "card") != "card" or "card" not in params:
        raise unsupported_feature("type", "The simulator supports only cards.")
    sent = params["card"]
    if "token" in sent:
        made = from_test_name(work, sent["token"], "card[token]")
    else:
        check_cvc(sent.get("cvc"))
        made = new_card(
            work, sent.get("number", ""), sent.get("exp_month", 0), sent.get("exp_year", 0)
        )
    _apply(made, params)
    return work.put(made)


@operation("GET /v1/payment_methods/{id}", PaymentMethodRetrieveParams)
def retrieve(work: Work, _: Params, payment_method: str) -> Object:
    return work.get("payment_method", payment_method)


@operation("POST /v1/payment_methods/{id}", PaymentMethodUpdateParams)
def update(work: Work, params: Params, payment_method: str) -> Object:
    found = work.get("payment_method", payment_method)
    if not found["customer"]:
        raise StripeError(
            "You must save this PaymentMethod to a customer before you can update it.",
            code="payment_method_not_saved",
        )
    _use_clock(work, found)
    _apply(found, params)
    if card := params.get("card"):
        card.into(found["card"], "exp_month", "exp_year")
        check_expiry(found["card"]["exp_month"], found["card"]["exp_year"], work.now)
    work.put(found)
    work.emit("payment_method.updated", found)
    return found


@operation("GET /v1/payment_methods", PaymentMethodListParams)
def list_all(work: Work, params: Params) -> Object:
    customer = params.get("customer")
    where = {"customer": work.get("customer", customer, "customer")["id"]} if customer else None
    return list_page(
        work,
        params,
        "payment_method",
        URL,
        where,
        *equals(params, "type", "allow_redisplay"),
        lambda pm: pm["customer"],
    )


@operation("GET /v1/customers/{id}/payment_methods", CustomerPaymentMethodListParams)
def list_of_customer(work: Work, params: Params, customer: str) -> Object:
    where = {"customer": work.get("customer", customer)["id"]}
    tests = equals(params, "type", "allow_redisplay")
    return list_page(
        work, params, "payment_method", f"/v1/customers/{customer}/payment_methods", where, *tests
    )


@operation("GET /v1/customers/{id}/payment_methods/{id}", CustomerPaymentMethodRetrieveParams)
def retrieve_of_customer(work: Work, _: Params, customer: str, payment_method: str) -> Object:
    found = work.get("payment_method", payment_method)
    if found["customer"] != work.get("customer", customer)["id"]:
        raise missing_object("payment_method", payment_method)
    return found


@operation("POST /v1/payment_methods/{id}/attach", PaymentMethodAttachParams)
def attach_to(work: Work, params: Params, payment_method: str) -> Object:
    if "customer" not in params:
        raise StripeError(
            "Missing required param: customer.", code="parameter_missing", param="customer"
        )
    customer = work.get("customer", params["customer"], "customer")
    work.use_clock_of(customer)
    return attach(work, usable(work, payment_method, "id"), customer)


@operation("POST /v1/payment_methods/{id}/detach", PaymentMethodDetachParams)
def detach_from(work: Work, _: Params, payment_method: str) -> Object:
    found = work.get("payment_method", payment_method)
    if not found["customer"]:
        raise StripeError(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            code="payment_method_unexpected_state",
        )
    _use_clock(work, found)
    return detach(work, found)


def _use_clock(work: Work, payment_method: Object) -> None:
    work.use_clock_of(work.find("customer", payment_method["customer"]))


def _apply(payment_method: Object, params: Params) -> None:
    params.merge_metadata(payment_method)
    params.into(payment_method, "allow_redisplay")
    if details := params.whole("billing_details"):
        payment_method["billing_details"] = complete(payment_method["billing_details"] | details)

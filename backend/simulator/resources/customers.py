"""Customers: created, updated, deleted and listed."""

import re

from stripe.params import (
    CustomerCreateParams,
    CustomerDeleteParams,
    CustomerListParams,
    CustomerRetrieveParams,
    CustomerUpdateParams,
)

from simulator.billing import payment_methods, settings
from simulator.billing.customers import new_customer
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.protocol.lists import equals, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work

PLAIN = (
    "address",
    "balance",
    "description",
    "email",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
)
PREFIX = re.compile("[A-Z0-9]{3,12}")
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


@operation("POST /v1/customers", CustomerCreateParams)
def create(work: Work, params: Params) -> Object:
    if clock := params.get("test_clock") or settings.clock_of(work, params.get("email")):
        work.use_clock_of(
            {"test_clock": work.get("test_helpers.test_clock", clock, "test_clock")["id"]}
        )
    customer = new_customer(work, clock)
    attached = {}
    if wanted := params.get("payment_method"):
        attached[wanted] = payment_methods.attach(
            work, payment_methods.usable(work, wanted), customer
        )["id"]
    _apply(work, customer, params, attached)
    work.put(customer)
    work.emit("customer.created", customer)
    return customer


@operation("GET /v1/customers/{id}", CustomerRetrieveParams)
def retrieve(work: Work, _: Params, customer_id: str) -> Object:
    return work.get("customer", customer_id)


@operation("POST /v1/customers/{id}", CustomerUpdateParams)
def update(work: Work, params: Params, customer_id: str) -> Object:
    customer = work.get_live("customer", customer_id)
    work.use_clock_of(customer)
    _apply(work, customer, params, {})
    work.put(customer)
    work.emit("customer.updated", customer)
    return customer


@operation("DELETE /v1/customers/{id}", CustomerDeleteParams)
def delete(work: Work, _: Params, customer_id: str) -> Object:
    return remove(work, work.get_live("customer", customer_id))


def named(work: Work, params: Params) -> Object:
    """Return the customer that the call names, and use its test clock from now on."""
    if not params.get("customer"):
        raise StripeError(
            "Missing required param: customer.", code="parameter_missing", param="customer"
        )
    customer = work.get("customer", params["customer"], "customer")
    work.use_clock_of(customer)
    return customer


def remove(work: Work, customer: Object) -> Object:
    """Delete a customer.

    The customer's subscriptions end immediately, and the payment methods are detached.
    """
    from simulator.billing.endings import cancel_all

    customer_id = customer["id"]
    work.use_clock_of(customer)
    cancel_all(work, customer_id)
    for payment_method in list(work.all("payment_method", customer=customer_id)):
        payment_methods.detach(work, payment_method)
    work.emit("customer.deleted", customer)
    return work.put({"id": customer_id, "object": "customer", "deleted": True})


@operation("GET /v1/customers", CustomerListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {name: params[name] for name in ("email", "test_clock") if params.get(name)}
    return list_page(work, params, "customer", "/v1/customers", where, *equals(params, "email"))


def _apply(work: Work, customer: Object, params: Params, attached: dict[str, str]) -> None:
    """Apply the parameters of a call to the customer.

    `attached` maps the payment methods that the call names to their ids. A name may be
    a test name such as `pm_card_visa`.
    """
    params.into(customer, *PLAIN, "invoice_prefix", "next_invoice_sequence")
    if not PREFIX.fullmatch(customer["invoice_prefix"] or ""):
        raise StripeError(
            "Invoice prefixes must be 3-12 uppercase letters or numbers.", param="invoice_prefix"
        )
    customer["tax_exempt"] = customer["tax_exempt"] or "none"
    customer["balance"] = customer["balance"] or 0
    for holder in (customer, customer["shipping"]):
        if holder and holder.get("address"):
            holder["address"] = dict.fromkeys(ADDRESS) | holder["address"]
    if customer["shipping"]:
        customer["shipping"] = {"carrier": None, "phone": None, "tracking_number": None} | customer[
            "shipping"
        ]
    if customer["email"] and "@" not in customer["email"]:
        raise StripeError(
            f"Invalid email address: {customer['email']}", code="email_invalid", param="email"
        )
    params.merge_metadata(customer)
    if sent := params.get("invoice_settings"):
        sent.into(customer["invoice_settings"], "custom_fields", "default_payment_method", "footer")
        if chosen := customer["invoice_settings"]["default_payment_method"]:
            chosen = customer["invoice_settings"]["default_payment_method"] = attached.get(
                chosen, chosen
            )
            _check_payment_method(work, customer, chosen)


def _check_payment_method(work: Work, customer: Object, payment_method: str) -> None:
    path = "invoice_settings[default_payment_method]"
    if work.get("payment_method", payment_method, path)["customer"] != customer["id"]:
        raise StripeError(
            f"The customer does not have a payment method with the ID {payment_method}. The "
            "payment method must be attached to the customer.",
            code="resource_missing",
            param=path,
        )

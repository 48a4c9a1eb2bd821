"""Previews: the next invoice, the cost of a change, or a new subscription's invoice."""

from stripe.params import InvoiceCreatePreviewParams

from simulator.billing import coupons, preview
from simulator.billing.reshaping import Change
from simulator.billing.subscriptions import Order
from simulator.objects import Object
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.resources.subscription_params import (
    billing_change,
    cancellation,
    new_items,
    refuse_others,
)
from simulator.state.work import Work


@operation("POST /v1/invoices/create_preview", InvoiceCreatePreviewParams)
def create_preview(work: Work, params: Params) -> Object:
    refuse_others(params)
    if params.get("preview_mode", "next") != "next":
        raise unsupported_feature("preview_mode")
    return preview.remember_lines(work, _preview(work, params))


def _preview(work: Work, params: Params) -> Object:
    identity, customer = params.get("subscription"), params.get("customer")
    if identity:
        return _of_subscription(work, params, work.get("subscription", identity, "subscription"))
    if not customer:
        raise StripeError(
            "You must specify one of `customer` and `subscription`.",
            code="parameter_missing",
            param="customer",
        )
    return _of_customer(work, params, work.get("customer", customer, "customer"))


def _of_subscription(work: Work, params: Params, subscription: Object) -> Object:
    work.use_clock_of(subscription)
    if params.get("customer", subscription["customer"]) != subscription["customer"]:
        raise StripeError("The subscription belongs to another customer.", param="customer")
    details = params.get("subscription_details")
    wish = _change(work, details, subscription) if details is not None else Change()
    if "discounts" in params:
        wish.discounts = coupons.named_discounts(
            work, params["discounts"] or [], subscription["customer"]
        )
    if wish.bills or wish.fields or wish.discounts is not None:
        return preview.of_change(work, subscription["id"], wish)
    return preview.upcoming(work, subscription)


def _change(work: Work, details: Params, subscription: Object) -> Change:
    wish = billing_change(work, details, subscription)
    wish.fields = cancellation(details, subscription, work.now)
    return wish


def _of_customer(work: Work, params: Params, customer: Object) -> Object:
    """Return a preview of the first invoice of a new subscription.

    If the call has no details of a new subscription, return the next invoice of the
    customer's only subscription.
    """
    work.use_clock_of(customer)
    details = params.get("subscription_details")
    if details is None or "items" not in details:
        return preview.upcoming(work, _only_subscription(work, customer))
    trial_end = details.get("trial_end")
    order = Order(
        customer,
        new_items(work, details),
        trial_end=trial_end if isinstance(trial_end, int) else None,
        discounts=coupons.named_discounts(work, params.get("discounts") or [], customer["id"]),
    )
    return preview.of_order(work, order)


def _only_subscription(work: Work, customer: Object) -> Object:
    for subscription in work.all("subscription", customer=customer["id"]):
        if subscription["status"] in {"active", "trialing", "past_due"}:
            return subscription
    raise StripeError(
        f"No upcoming invoices for customer: {customer['id']}",
        status=404,
        code="invoice_upcoming_none",
    )

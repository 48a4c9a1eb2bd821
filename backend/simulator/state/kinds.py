"""The kinds of objects, the prefixes of their ids, and the fields that are indexed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    `indexed` are dotted paths to strings, such as an id or a status.

    With these indexes, a list is filtered without reading every object.
    """

    prefix: str
    indexed: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    "billing_portal.configuration": Kind("bpc"),
    "billing_portal.session": Kind("bps", ("_secret",)),
    "charge": Kind("ch", ("customer", "payment_intent")),
    "checkout.session": Kind(
        "cs_test", ("customer", "subscription", "payment_intent", "status", "_waiting")
    ),
    "coupon": Kind("coupon"),
    "customer": Kind("cus", ("email", "test_clock")),
    "discount": Kind("di", ("subscription",)),
    "dispute": Kind("dp", ("charge", "payment_intent")),
    "event": Kind("evt", ("type", "_clock")),
    "invoice": Kind(
        "in", ("customer", "parent.subscription_details.subscription", "status", "_secret")
    ),
    "invoice_payment": Kind("inpay", ("invoice", "payment.payment_intent")),
    "invoiceitem": Kind("ii", ("customer", "invoice", "parent.subscription_details.subscription")),
    "payment_intent": Kind("pi", ("customer",)),
    "payment_method": Kind("pm", ("customer",)),
    "price": Kind("price", ("product", "lookup_key")),
    "product": Kind("prod"),
    "promotion_code": Kind("promo", ("code", "promotion.coupon")),
    "refund": Kind("re", ("charge", "payment_intent")),
    "setup_intent": Kind("seti", ("customer",)),
    "subscription": Kind("sub", ("customer", "status")),
    "subscription_schedule": Kind("sub_sched", ("customer", "subscription", "status")),
    "subscription_item": Kind("si", ("subscription",)),
    "test_helpers.test_clock": Kind("clock", ("status",)),
    "webhook_endpoint": Kind("we", ("status",)),
    # The simulator's own kinds, which no response shows.
    "_answer": Kind("_answer"),
    "_delivery": Kind("_delivery", ("event", "endpoint", "status")),
    "_preview": Kind("_preview"),
    "_setting": Kind("_setting"),
    "_timer": Kind("_timer", ("clock",)),
}

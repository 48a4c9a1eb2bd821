"""Discounts from a coupon."""

from simulator.shapes.common import Object


def new_discount(identity: str, *, start: int, customer: str, coupon: str) -> Object:
    return {
        "id": identity,
        "object": "discount",
        "checkout_session": None,
        "customer": customer,
        "customer_account": None,
        "end": None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon, "type": "coupon"},
        "start": start,
        "subscription": None,
        "subscription_item": None,
    }

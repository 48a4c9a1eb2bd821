"""Subscriptions and their items."""

from simulator.shapes.common import NO_AUTOMATIC_TAX, SELF, Object, embedded_list

_SUBSCRIPTION: Object = {
    "object": "subscription",
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": NO_AUTOMATIC_TAX,
    "billing_cycle_anchor_config": None,
    "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
    "billing_schedules": [],
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {
        "comment": None,
        "feedback": None,
        "feedback_option": None,
        "reason": None,
    },
    "collection_method": "charge_automatically",
    "customer_account": None,
    "days_until_due": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "ended_at": None,
    "invoice_settings": {
        "account_tax_ids": None,
        "custom_fields": None,
        "description": None,
        "footer": None,
        "issuer": SELF,
    },
    "latest_invoice": None,
    "livemode": False,
    "managed_payments": None,
    "metadata": {},
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "status": "incomplete",
    "test_clock": None,
    "transfer_data": None,
    "trial_end": None,
    "trial_settings": {
        "end_behavior": {"billing_cycle_anchor": None, "missing_payment_method": "create_invoice"}
    },
    "trial_start": None,
}

_ITEM: Object = {
    "object": "subscription_item",
    "billing_thresholds": None,
    "current_trial": None,
    "discounts": [],
    "metadata": {},
    "tax_rates": [],
}


def new_subscription(
    identity: str, *, created: int, customer: str, currency: str, anchor: int
) -> Object:
    return {
        **_SUBSCRIPTION,
        "id": identity,
        "created": created,
        "start_date": created,
        "billing_cycle_anchor": anchor,
        "customer": customer,
        "currency": currency,
        "items": items_of(identity, []),
    }


def items_of(subscription: str, items: list[Object]) -> Object:
    return embedded_list(items, f"/v1/subscription_items?subscription={subscription}")


def new_item(
    identity: str, *, created: int, subscription: str, price: Object, quantity: int
) -> Object:
    """Return an item without a period. The caller sets the period."""
    return {
        **_ITEM,
        "id": identity,
        "created": created,
        "subscription": subscription,
        "price": price,
        "plan": plan_of(price),
        "quantity": quantity,
    }


def plan_of(price: Object) -> Object:
    """Return the price in its older form, a plan. Subscription items contain both."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": recurring.get("trial_period_days"),
        "usage_type": recurring["usage_type"],
    }

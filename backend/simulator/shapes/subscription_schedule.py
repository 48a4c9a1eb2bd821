"""Subscription schedules and their phases."""

from simulator.shapes.common import NO_AUTOMATIC_TAX, SELF, Object
from simulator.state.work import plain_copy

_SCHEDULE: Object = {
    "application": None,
    "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
    "canceled_at": None,
    "completed_at": None,
    "current_phase": None,
    "customer_account": None,
    "default_settings": {
        "application_fee_percent": None,
        "automatic_tax": NO_AUTOMATIC_TAX,
        "billing_cycle_anchor": "automatic",
        "billing_thresholds": None,
        "collection_method": "charge_automatically",
        "default_payment_method": None,
        "description": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "days_until_due": None,
            "description": None,
            "footer": None,
            "issuer": SELF,
        },
        "on_behalf_of": None,
        "transfer_data": None,
    },
    "end_behavior": "release",
    "pause_schedules": [],
    "phases": [],
    "released_at": None,
    "released_subscription": None,
    "status": "not_started",
    "subscription": None,
}

_PHASE: Object = {
    "add_invoice_items": [],
    "application_fee_percent": None,
    "billing_cycle_anchor": None,
    "billing_thresholds": None,
    "collection_method": None,
    "default_payment_method": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "invoice_settings": None,
    "metadata": {},
    "on_behalf_of": None,
    "proration_behavior": "create_prorations",
    "transfer_data": None,
    "trial": False,
    "trial_end": None,
}


def schedule_fields() -> Object:
    """Return the fields of a new schedule, except its id, customer and phases."""
    found: Object = plain_copy(_SCHEDULE)
    return found


def new_phase(currency: str, start: int, end: int, items: list[Object]) -> Object:
    base: Object = plain_copy(_PHASE)
    return base | {"currency": currency, "start_date": start, "end_date": end, "items": items}


def phase_item(price: str, quantity: int, metadata: dict[str, str] | None = None) -> Object:
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": metadata or {},
        "plan": price,
        "price": price,
        "quantity": quantity,
        "tax_rates": [],
    }

"""Invoices, with their lines, pending items and payments."""

from simulator.shapes.common import ACCOUNT_NAME, SELF, Object, embedded_list

_INVOICE: Object = {
    "object": "invoice",
    "account_country": "US",
    "account_name": ACCOUNT_NAME,
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_paid_off_stripe": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": True,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "automatically_finalizes_at": None,
    "billing_reason": "manual",
    "collection_method": "charge_automatically",
    "custom_fields": None,
    "customer_account": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "due_date": None,
    "effective_at": None,
    "ending_balance": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "issuer": SELF,
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": False,
    "metadata": {},
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "parent": None,
    "payment_settings": {
        "default_mandate": None,
        "payment_method_options": None,
        "payment_method_types": None,
    },
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "statement_descriptor": None,
    "status": "draft",
    "status_transitions": {
        "finalized_at": None,
        "marked_uncollectible_at": None,
        "paid_at": None,
        "voided_at": None,
    },
    "test_clock": None,
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
    "webhooks_delivered_at": None,
}

_LINE: Object = {
    "object": "line_item",
    "description": None,
    "discount_amounts": [],
    "discountable": True,
    "discounts": [],
    "livemode": False,
    "metadata": {},
    "parent": None,
    "pretax_credit_amounts": [],
    "pricing": None,
    "quantity_decimal": None,
    "subscription": None,
    "taxes": [],
}

_PENDING_ITEM: Object = {
    "object": "invoiceitem",
    "customer_account": None,
    "description": None,
    "discountable": True,
    "discounts": [],
    "invoice": None,
    "livemode": False,
    "metadata": {},
    "parent": None,
    "pricing": None,
    "proration": False,
    "proration_details": {"credited_items": None, "discount_amounts": []},
    "quantity": 1,
    "quantity_decimal": "1",
    "tax_rates": [],
    "test_clock": None,
}

_PAYMENT: Object = {
    "object": "invoice_payment",
    "amount_paid": None,
    "is_default": True,
    "livemode": False,
    "status": "open",
    "status_transitions": {"canceled_at": None, "paid_at": None},
}


def new_invoice(identity: str, *, created: int, customer: Object, currency: str) -> Object:
    """Return a draft for this customer.

    `billing.invoices` adds its lines and totals.
    """
    return {
        **_INVOICE,
        "id": identity,
        "created": created,
        "period_start": created,
        "period_end": created,
        "currency": currency,
        "starting_balance": customer["balance"],
        "test_clock": customer["test_clock"],
        "lines": lines_of(identity, []),
        **customer_details(customer),
    }


def customer_details(customer: Object) -> Object:
    """Return the customer's details that an invoice copies.

    Once the invoice is finalised, the copy no longer changes with the customer.
    """
    return {
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
    }


def lines_of(invoice: str, lines: list[Object]) -> Object:
    return embedded_list(lines, f"/v1/invoices/{invoice}/lines")


def new_line(
    identity: str, *, amount: int, currency: str, period: tuple[int, int], quantity: int
) -> Object:
    return {
        **_LINE,
        "id": identity,
        "amount": amount,
        "currency": currency,
        "period": {"start": period[0], "end": period[1]},
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subtotal": amount,
    }


def pricing_of(price: Object) -> Object:
    return {
        "type": "price_details",
        "price_details": {"price": price["id"], "product": price["product"]},
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def new_pending_item(
    identity: str, *, date: int, customer: str, amount: int, currency: str
) -> Object:
    """Return an invoice item that waits for the next invoice."""
    return {
        **_PENDING_ITEM,
        "id": identity,
        "date": date,
        "customer": customer,
        "amount": amount,
        "net_amount": amount,
        "currency": currency,
        "period": {"start": date, "end": date},
    }


def new_invoice_payment(
    identity: str, *, created: int, invoice: Object, payment_intent: str
) -> Object:
    return {
        **_PAYMENT,
        "id": identity,
        "created": created,
        "invoice": invoice["id"],
        "amount_requested": invoice["amount_remaining"],
        "currency": invoice["currency"],
        "payment": {"type": "payment_intent", "payment_intent": payment_intent},
    }

"""Checkout sessions, with their line items and the customer's details."""

from simulator.shapes.common import ACCOUNT_NAME, Object, embedded_list

_SESSION: Object = {
    "object": "checkout.session",
    "adaptive_pricing": {"enabled": False},
    "after_expiration": None,
    "allowed_payment_method_types": None,
    "allow_promotion_codes": None,
    "amount_subtotal": None,
    "amount_total": None,
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "billing_address_collection": None,
    "branding_settings": {
        "background_color": "#ffffff",
        "border_style": "rounded",
        "button_color": "#0074d4",
        "display_name": ACCOUNT_NAME,
        "font_family": "default",
        "icon": None,
        "logo": None,
    },
    "cancel_url": None,
    "client_reference_id": None,
    "client_secret": None,
    "collected_information": {
        "business_name": None,
        "individual_name": None,
        "shipping_details": None,
    },
    "consent": None,
    "consent_collection": None,
    "currency": None,
    "currency_conversion": None,
    "custom_fields": [],
    "custom_text": {
        "after_submit": None,
        "shipping_address": None,
        "submit": None,
        "terms_of_service_acceptance": None,
    },
    "customer": None,
    "customer_account": None,
    "customer_creation": None,
    "customer_details": None,
    "customer_email": None,
    "discounts": [],
    "integration_identifier": None,
    "invoice": None,
    "invoice_creation": None,
    "livemode": False,
    "locale": None,
    "managed_payments": None,
    "metadata": {},
    "origin_context": None,
    "payment_intent": None,
    "payment_link": None,
    "payment_method_collection": "always",
    "payment_method_configuration_details": None,
    "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
    "payment_method_types": ["card"],
    "payment_status": "unpaid",
    "permissions": None,
    "phone_number_collection": {"enabled": False},
    "recovered_from": None,
    "saved_payment_method_options": None,
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "status": "open",
    "submit_type": None,
    "subscription": None,
    "success_url": None,
    "total_details": None,
    "ui_mode": "hosted_page",
    "url": None,
    "wallet_options": None,
}


_NO_INVOICE: Object = {
    "enabled": False,
    "invoice_data": {
        "account_tax_ids": None,
        "custom_fields": None,
        "description": None,
        "footer": None,
        "issuer": None,
        "metadata": {},
        "rendering_options": None,
    },
}
# The values that depend on the mode of a new session. A setup session sells nothing.
_OF_MODE: dict[str, Object] = {
    "setup": {"discounts": None, "payment_status": "no_payment_required"},
    "payment": {"invoice_creation": _NO_INVOICE, "payment_method_collection": "if_required"},
    "subscription": {},
}


def new_session(identity: str, *, created: int, expires_at: int, mode: str, url: str) -> Object:
    return {
        **_SESSION,
        **_OF_MODE[mode],
        "id": identity,
        "created": created,
        "expires_at": expires_at,
        "mode": mode,
        "url": f"{url}/c/pay/{identity}",
    }


def line_items_of(session: str, items: list[Object]) -> Object:
    return embedded_list(items, f"/v1/checkout/sessions/{session}/line_items")


def new_line_item(
    identity: str, *, price: Object, description: str, quantity: int, amounts: tuple[int, int]
) -> Object:
    """Return a line.

    `amounts` are the cost of the goods, and the sum of the discounts.
    """
    amount, off = amounts
    return {
        "id": identity,
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": off,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount - off,
        "currency": price["currency"],
        "description": description,
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }


def expected_customer(mode: str, email: str) -> Object:
    """Return the customer details of an open session whose email address is known."""
    tax_exempt = None if mode == "setup" else "none"
    return customer_details(email=email, name=None, tax_exempt=tax_exempt) | {"tax_ids": None}


def customer_details(
    *, email: str | None, name: str | None, tax_exempt: str | None = "none"
) -> Object:
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": tax_exempt,
        "tax_ids": [],
    }

"""Payments: intents, charges, refunds and disputes."""

from simulator.shapes.common import NO_ADDRESS, Object, embedded_list

NO_BILLING_DETAILS: Object = {
    "address": NO_ADDRESS,
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}

_PAYMENT_INTENT: Object = {
    "object": "payment_intent",
    "allowed_payment_method_types": None,
    "amount_capturable": 0,
    "amount_details": {"tip": {}},
    "amount_received": 0,
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": None,
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic",
    "confirmation_method": "automatic",
    "customer": None,
    "customer_account": None,
    "description": None,
    "excluded_payment_method_types": None,
    "last_payment_error": None,
    "latest_charge": None,
    "livemode": False,
    "managed_payments": None,
    "metadata": {},
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {
        "card": {
            "installments": None,
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": "automatic",
        }
    },
    "payment_method_types": ["card"],
    "payment_record": None,
    "processing": None,
    "receipt_email": None,
    "review": None,
    "setup_future_usage": None,
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "requires_payment_method",
    "transfer_data": None,
    "transfer_group": None,
}

_SETUP_INTENT: Object = {
    "object": "setup_intent",
    "allowed_payment_method_types": None,
    "application": None,
    "automatic_payment_methods": None,
    "cancellation_reason": None,
    "customer": None,
    "customer_account": None,
    "description": None,
    "excluded_payment_method_types": None,
    "flow_directions": None,
    "last_setup_error": None,
    "latest_attempt": None,
    "livemode": False,
    "managed_payments": None,
    "mandate": None,
    "metadata": {},
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {
        "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
    },
    "payment_method_types": ["card"],
    "single_use_mandate": None,
    "status": "requires_payment_method",
    "usage": "off_session",
}

_CHARGE: Object = {
    "object": "charge",
    "amount_captured": 0,
    "amount_refunded": 0,
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "balance_transaction": None,
    "billing_details": NO_BILLING_DETAILS,
    "calculated_statement_descriptor": "LIFTOFF",
    "captured": False,
    "customer": None,
    "description": None,
    "disputed": False,
    "failure_balance_transaction": None,
    "failure_code": None,
    "failure_message": None,
    "fraud_details": {},
    "livemode": False,
    "metadata": {},
    "on_behalf_of": None,
    "outcome": None,
    "paid": False,
    "payment_intent": None,
    "payment_method": None,
    "payment_method_details": None,
    "receipt_email": None,
    "receipt_number": None,
    "receipt_url": None,
    "refunded": False,
    "review": None,
    "shipping": None,
    "source": None,
    "source_transfer": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "failed",
    "transfer_data": None,
    "transfer_group": None,
}

_REFUND: Object = {
    "object": "refund",
    "balance_transaction": None,
    "customer": None,
    "customer_account": None,
    "metadata": {},
    "reason": None,
    "receipt_number": None,
    "source_transfer_reversal": None,
    "status": "succeeded",
    "transfer_reversal": None,
}

_EVIDENCE: Object = {
    **dict.fromkeys(
        (
            "access_activity_log", "billing_address", "cancellation_policy",
            "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
            "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
            "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
            "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
            "refund_refusal_explanation", "service_date", "service_documentation",
            "shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation",
            "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
        )
    ),
    "enhanced_evidence": {},
}  # fmt: skip

_DISPUTE: Object = {
    "object": "dispute",
    "enhanced_eligibility_types": [],
    "evidence": _EVIDENCE,
    "intended_submission_method": None,
    "livemode": False,
    "metadata": {},
}


def new_payment_intent(
    identity: str, secret: str, *, created: int, amount: int, currency: str
) -> Object:
    return {
        **_PAYMENT_INTENT,
        "id": identity,
        "client_secret": f"{identity}_secret_{secret}",
        "created": created,
        "amount": amount,
        "currency": currency,
    }


def new_setup_intent(identity: str, secret: str, *, created: int) -> Object:
    return {
        **_SETUP_INTENT,
        "id": identity,
        "client_secret": f"{identity}_secret_{secret}",
        "created": created,
    }


def new_charge(
    identity: str, *, created: int, payment_intent: Object, payment_method: Object
) -> Object:
    """Return a charge for the amount of the intent.

    `billing.payments` records the outcome.
    """
    return {
        **_CHARGE,
        "id": identity,
        "created": created,
        "amount": payment_intent["amount"],
        "currency": payment_intent["currency"],
        "customer": payment_intent["customer"],
        "description": payment_intent["description"],
        "metadata": payment_intent["metadata"],
        "payment_intent": payment_intent["id"],
        "payment_method": payment_method["id"],
        "billing_details": payment_method["billing_details"],
        "payment_method_details": {
            "type": "card",
            "card": _charged_card(payment_method["card"], payment_intent),
        },
        "refunds": refunds_of(identity, []),
    }


def refunds_of(charge: str, refunds: list[Object]) -> Object:
    return embedded_list(refunds, f"/v1/charges/{charge}/refunds")


def _charged_card(card: Object, payment_intent: Object) -> Object:
    return {
        "amount_authorized": payment_intent["amount"],
        "authorization_code": None,
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "electronic_commerce_indicator": None,
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {
            "maximum_amount_capturable": payment_intent["amount"],
            "status": "unavailable",
        },
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }


def new_refund(identity: str, *, created: int, charge: Object, amount: int) -> Object:
    return {
        **_REFUND,
        "id": identity,
        "created": created,
        "amount": amount,
        "charge": charge["id"],
        "currency": charge["currency"],
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "destination_details": {
            "type": "card",
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
        },
    }


def new_dispute(identity: str, *, created: int, charge: Object, due_by: int) -> Object:
    return {
        **_DISPUTE,
        "id": identity,
        "created": created,
        "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "currency": charge["currency"],
        "evidence_details": {
            "due_by": due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "payment_intent": charge["payment_intent"],
    }

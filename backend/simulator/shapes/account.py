"""The simulator's only account, as its owner sees it."""

from simulator.shapes.common import ACCOUNT_NAME, NO_ADDRESS, Object, embedded_list

CREATED = 1_577_836_800  # the first second of 2020, which is earlier than the time of every test

_NOTHING_DUE: Object = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}

_SETTINGS: Object = {
    "bacs_debit_payments": {"display_name": None, "service_user_number": None},
    "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
    "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
    "card_payments": {
        "decline_on": {"avs_failure": False, "cvc_failure": False},
        "statement_descriptor_prefix": None,
        "statement_descriptor_prefix_kana": None,
        "statement_descriptor_prefix_kanji": None,
    },
    "dashboard": {"display_name": ACCOUNT_NAME, "timezone": "Etc/UTC"},
    "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
    "payments": {
        "statement_descriptor": "LIFTOFF",
        "statement_descriptor_kana": None,
        "statement_descriptor_kanji": None,
    },
    "payouts": {
        "debit_negative_balances": True,
        "schedule": {"delay_days": 2, "interval": "daily"},
        "statement_descriptor": None,
    },
    "sepa_debit_payments": {},
}

_PROFILE: Object = {
    "annual_revenue": None,
    "estimated_worker_count": None,
    "mcc": None,
    "minority_owned_business_designation": None,
    "name": ACCOUNT_NAME,
    "product_description": None,
    "support_address": NO_ADDRESS,
    "support_email": None,
    "support_phone": None,
    "support_url": None,
    "url": None,
}


def account(identity: str) -> Object:
    """Return the account in a state in which it can charge cards.

    The account cannot be changed, and has no payouts.
    """
    return {
        "id": identity,
        "object": "account",
        "business_profile": _PROFILE,
        "business_type": None,
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": CREATED,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "seller@example.com",
        "external_accounts": embedded_list([], f"/v1/accounts/{identity}/external_accounts"),
        "future_requirements": _NOTHING_DUE,
        "metadata": {},
        "payouts_enabled": False,
        "requirements": _NOTHING_DUE,
        "settings": _SETTINGS,
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }

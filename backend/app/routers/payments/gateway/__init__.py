"""The gateway to Stripe. No other package calls Stripe or imports `stripe`.

- `shapes`: our types for Stripe's objects.
- `errors`: our exceptions for Stripe's errors.
- `reading`: reads objects and converts them into our types.
- `writing`: changes something at Stripe, such as a subscription or a customer.
- `scheduling`: schedules price changes for the end of a period.
- `catalogue`: products, prices and webhook endpoints, which our commands set up.
- `signatures`: the signatures of webhooks.
- `calls`, `client`: the context manager of every call, and the client with our limits.
  `calls` imports `client` at the first call, because stripe-python loads slowly.
- `admission`: limits how many requests may call Stripe at the same time.
- `version`: the API version that we use.
"""

from .calls import UNHEARD
from .catalogue import (
    archive_price,
    create_endpoint,
    create_price,
    create_product,
    delete_endpoint,
    find_price,
    find_prices,
    find_product,
    list_endpoints,
    read_account,
    update_endpoint,
    update_product,
)
from .errors import (
    CurrencyMismatch,
    InvalidSignature,
    PaymentFailed,
    PaymentsMisconfigured,
    PaymentsOff,
    PaymentsUnavailable,
    PlanUnavailable,
    StripeRefused,
)
from .reading import find_live, find_open_sessions, find_sold, payer_of_charge, read_payer
from .scheduling import find_subscription, preview_at_period_end, release_schedule, schedule_price
from .shapes import (
    SeenAccount,
    SeenDiscount,
    SeenEndpoint,
    SeenInvoice,
    SeenLine,
    SeenPayer,
    SeenPreview,
    SeenPrice,
    SeenProduct,
    SeenSession,
    SeenSubscription,
)
from .signatures import sign, verify_signature
from .version import API_VERSION
from .writing import (
    Order,
    cancel_at_period_end,
    cancel_now,
    change_price,
    close_session,
    close_sessions,
    create_customer,
    create_session,
    delete_customer,
    end_and_refund,
    find_customer,
    find_promotion_code,
    find_session,
    open_portal,
    preview_change,
    resume_subscription,
    update_email,
)

__all__ = [
    "API_VERSION",
    "UNHEARD",
    "CurrencyMismatch",
    "InvalidSignature",
    "Order",
    "PaymentFailed",
    "PaymentsMisconfigured",
    "PaymentsOff",
    "PaymentsUnavailable",
    "PlanUnavailable",
    "SeenAccount",
    "SeenDiscount",
    "SeenEndpoint",
    "SeenInvoice",
    "SeenLine",
    "SeenPayer",
    "SeenPreview",
    "SeenPrice",
    "SeenProduct",
    "SeenSession",
    "SeenSubscription",
    "StripeRefused",
    "archive_price",
    "cancel_at_period_end",
    "cancel_now",
    "change_price",
    "close_session",
    "close_sessions",
    "create_customer",
    "create_endpoint",
    "create_price",
    "create_product",
    "create_session",
    "delete_customer",
    "delete_endpoint",
    "end_and_refund",
    "find_customer",
    "find_live",
    "find_open_sessions",
    "find_price",
    "find_prices",
    "find_product",
    "find_promotion_code",
    "find_session",
    "find_sold",
    "find_subscription",
    "list_endpoints",
    "open_portal",
    "payer_of_charge",
    "preview_at_period_end",
    "preview_change",
    "read_account",
    "read_payer",
    "release_schedule",
    "resume_subscription",
    "schedule_price",
    "sign",
    "update_email",
    "update_endpoint",
    "update_product",
    "verify_signature",
]

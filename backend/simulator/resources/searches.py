"""The searches of resources, with the fields by which Stripe can search.

https://docs.stripe.com/search#query-fields
"""

from typing import Any

from stripe import params as stripe_params

from simulator.objects import Object
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.protocol.search import search
from simulator.state.work import Work

FIELDS: dict[str, tuple[str, Any, set[str]]] = {
    "charges": (
        "charge",
        stripe_params.ChargeSearchParams,
        {"amount", "created", "currency", "customer", "disputed", "metadata", "refunded", "status"},
    ),
    "customers": (
        "customer",
        stripe_params.CustomerSearchParams,
        {"created", "email", "metadata", "name", "phone"},
    ),
    "invoices": (
        "invoice",
        stripe_params.InvoiceSearchParams,
        {
            "created",
            "currency",
            "customer",
            "metadata",
            "number",
            "receipt_number",
            "status",
            "subscription",
            "total",
        },
    ),
    "payment_intents": (
        "payment_intent",
        stripe_params.PaymentIntentSearchParams,
        {"amount", "created", "currency", "customer", "metadata", "status"},
    ),
    "prices": (
        "price",
        stripe_params.PriceSearchParams,
        {"active", "currency", "lookup_key", "metadata", "product", "type"},
    ),
    "products": (
        "product",
        stripe_params.ProductSearchParams,
        {"active", "description", "metadata", "name", "shippable", "url"},
    ),
    "subscriptions": (
        "subscription",
        stripe_params.SubscriptionSearchParams,
        {"created", "metadata", "status"},
    ),
}


def _register(resource: str, kind: str, takes: Any, fields: set[str]) -> None:
    url = f"/v1/{resource}/search"

    @operation(f"GET {url}", takes)
    def run(work: Work, params: Params) -> Object:
        return search(work, params, kind, url, fields)


for _resource, (_kind, _takes, _fields) in FIELDS.items():
    _register(_resource, _kind, _takes, _fields)

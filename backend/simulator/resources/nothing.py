"""Resources that are always empty here, because the simulator cannot create them.

A program that copies a whole account reads all of these lists. Histories that the
simulator does not record, such as changes of a customer's balance, are not among them.
"""

from typing import Any

from stripe import params as declared

from simulator.objects import Object
from simulator.protocol.errors import missing_object
from simulator.protocol.lists import page_of
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work

NONE = {
    "apple_pay/domains": "apple_pay_domain",
    "application_fees": "application_fee",
    "apps/secrets": "apps.secret",
    "balance_transactions": "balance_transaction",
    "billing/alerts": "billing.alert",
    "billing/credit_balance_transactions": "billing.credit_balance_transaction",
    "billing/credit_grants": "billing.credit_grant",
    "billing/meters": "billing.meter",
    "climate/orders": "climate.order",
    "credit_notes": "credit_note",
    "entitlements/active_entitlements": "entitlements.active_entitlement",
    "entitlements/features": "entitlements.feature",
    "file_links": "file_link",
    "files": "file",
    "financial_connections/accounts": "financial_connections.account",
    "forwarding/requests": "forwarding.request",
    "identity/verification_reports": "identity.verification_report",
    "identity/verification_sessions": "identity.verification_session",
    "invoice_rendering_templates": "invoice_rendering_template",
    "issuing/authorizations": "issuing.authorization",
    "issuing/cardholders": "issuing.cardholder",
    "issuing/cards": "issuing.card",
    "issuing/disputes": "issuing.dispute",
    "issuing/transactions": "issuing.transaction",
    "payment_links": "payment_link",
    "payment_method_domains": "payment_method_domain",
    "payouts": "payout",
    "quotes": "quote",
    "radar/early_fraud_warnings": "radar.early_fraud_warning",
    "radar/value_lists": "radar.value_list",
    "reporting/report_runs": "reporting.report_run",
    "reviews": "review",
    "shipping_rates": "shipping_rate",
    "sigma/scheduled_query_runs": "sigma.scheduled_query_run",
    "tax/registrations": "tax.registration",
    "tax_ids": "tax_id",
    "tax_rates": "tax_rate",
    "terminal/configurations": "terminal.configuration",
    "terminal/locations": "terminal.location",
    "terminal/readers": "terminal.reader",
    "topups": "topup",
    "transfers": "transfer",
}
"""Each path below `/v1/`, and the kind of object in its list."""

UNREADABLE = {"apple_pay/domains", "apps/secrets"}
"""Lists whose objects cannot be read one by one, or only in another way."""

OF_ANOTHER: dict[str, tuple[str, str, str]] = {
    "customers/{id}/sources": ("customer", "source", "CustomerPaymentSource"),
    "customers/{id}/tax_ids": ("customer", "tax_id", "CustomerTaxId"),
    "products/{id}/features": ("product", "product_feature", "ProductFeature"),
}
"""Lists that belong to another object.

Each path has the kind of the owner, the kind of the listed objects, and the first part
of the names of the parameter classes.
"""


def _parameters(kind: str, ending: str) -> Any:
    """Return stripe-python's class for the parameters of an operation.

    An example is `radar.EarlyFraudWarningListParams` for `radar.early_fraud_warning`.
    """
    *package, name = kind.split(".")
    module = getattr(declared, package[0]) if package else declared
    return getattr(module, "".join(word.capitalize() for word in name.split("_")) + ending)


def _register(path: str, kind: str) -> None:
    url = f"/v1/{path}"

    @operation(f"GET {url}", _parameters(kind, "ListParams"), reads_all=True)
    def list_none(_: Work, params: Params) -> Object:
        params.accept(*params)  # the list is empty with every filter
        return page_of(params, kind, url, [])

    if path not in UNREADABLE:

        @operation(f"GET {url}/{{id}}", _parameters(kind, "RetrieveParams"))
        def retrieve(_: Work, __: Params, identity: str) -> Object:
            raise missing_object(kind, identity)


def _register_of(path: str, owner: str, kind: str, named: str) -> None:
    @operation(f"GET /v1/{path}", getattr(declared, f"{named}ListParams"), reads_all=True)
    def list_none(work: Work, params: Params, identity: str) -> Object:
        params.accept(*params)
        found = work.get_live(owner, identity)
        return page_of(params, kind, f"/v1/{path.format(id=found['id'])}", [])

    @operation(f"GET /v1/{path}/{{id}}", getattr(declared, f"{named}RetrieveParams"))
    def retrieve(work: Work, _: Params, identity: str, wanted: str) -> Object:
        work.get_live(owner, identity)
        raise missing_object(kind, wanted)


for _path, _kind in NONE.items():
    _register(_path, _kind)
for _path, _whole in OF_ANOTHER.items():
    _register_of(_path, *_whole)

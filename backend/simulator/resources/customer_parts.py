"""Parts of a customer that are returned only by `expand` or by separate lists."""

from stripe.params import (
    CustomerCashBalanceRetrieveParams,
    CustomerCashBalanceTransactionListParams,
    SubscriptionListParams,
)

from simulator.billing import standing
from simulator.objects import Object
from simulator.protocol.expansion import includable
from simulator.protocol.lists import list_page, page_of
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.shapes.common import embedded_list
from simulator.state.work import Work

URL = "/v1/customers"


@includable("customer", "subscriptions")
def subscriptions(work: Work, customer: Object) -> Object:
    """Return the subscriptions that have not ended, newest first."""
    living = [one for one in work.all("subscription", customer=customer["id"]) if _lives(one)]
    return embedded_list(living[::-1], f"{URL}/{customer['id']}/subscriptions")


@operation("GET /v1/customers/{id}/subscriptions", SubscriptionListParams)
def list_subscriptions(work: Work, params: Params, identity: str) -> Object:
    """Return a page of the list that `subscriptions` returns."""
    customer = work.get_live("customer", identity)
    where = {"customer": customer["id"]}
    return list_page(work, params, "subscription", f"{URL}/{identity}/subscriptions", where, _lives)


def _lives(subscription: Object) -> bool:
    return subscription["status"] not in standing.ENDED


@includable("customer", "sources")
def sources(_: Work, customer: Object) -> Object:
    """Return an empty list, because cards are payment methods here, not sources."""
    return embedded_list([], f"{URL}/{customer['id']}/sources")


@includable("customer", "tax_ids")
def tax_ids(_: Work, customer: Object) -> Object:
    return embedded_list([], f"{URL}/{customer['id']}/tax_ids")


@includable("customer", "tax")
def tax(_: Work, customer: Object) -> Object:
    """Return the tax status.

    The location is known only from an address. No tax is collected.
    """
    address = customer["address"] or {}
    if not address.get("country"):
        known, location = "unrecognized_location", None
    else:
        known = "not_collecting"
        location = {
            "country": address["country"],
            "source": "billing_address",
            "state": address.get("state"),
        }
    return {"automatic_tax": known, "ip_address": None, "location": location, "provider": "stripe"}


@includable("customer", "invoice_credit_balance")
def invoice_credit_balance(_: Work, customer: Object) -> Object:
    balance, currency = customer["balance"], customer["currency"]
    return {currency: balance} if balance and currency else {}


@includable("customer", "cash_balance")
def cash_balance(_: Work, customer: Object) -> Object:
    return _cash_balance(customer["id"])


@operation("GET /v1/customers/{id}/cash_balance", CustomerCashBalanceRetrieveParams)
def retrieve_cash_balance(work: Work, _: Params, identity: str) -> Object:
    return _cash_balance(work.get_live("customer", identity)["id"])


@operation(
    "GET /v1/customers/{id}/cash_balance_transactions", CustomerCashBalanceTransactionListParams
)
def list_cash_balance(work: Work, params: Params, identity: str) -> Object:
    """Return an empty list: nobody can transfer money to a customer."""
    customer = work.get_live("customer", identity)
    url = f"{URL}/{customer['id']}/cash_balance_transactions"
    return page_of(params, "customer_cash_balance_transaction", url, [])


def _cash_balance(customer: str) -> Object:
    return {
        "object": "cash_balance",
        "available": None,
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "settings": {"reconciliation_mode": "automatic", "using_merchant_default": True},
    }

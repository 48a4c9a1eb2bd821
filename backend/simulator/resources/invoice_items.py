"""Invoice items, which wait for the next invoice or belong to a draft."""

from stripe.params import (
    InvoiceItemCreateParams,
    InvoiceItemDeleteParams,
    InvoiceItemListParams,
    InvoiceItemRetrieveParams,
)

from simulator.billing import invoices, lines
from simulator.billing.catalog import active_price, cost, product_name
from simulator.billing.currencies import checked
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.protocol.lists import list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.resources import customers
from simulator.shapes.invoice import new_pending_item, pricing_of
from simulator.state.work import Work

URL = "/v1/invoiceitems"


@operation("POST /v1/invoiceitems", InvoiceItemCreateParams)
def create(work: Work, params: Params) -> Object:
    """Create an item for the draft in the call, or else for the next manual invoice."""
    customer = customers.named(work, params)
    draft = work.get("invoice", params["invoice"], "invoice") if params.get("invoice") else None
    item = _built(work, params, customer)
    params.into(item, "discountable", "period")
    if description := params.get("description"):
        item["description"] = description
    params.merge_metadata(item)
    if draft:
        invoices.require_status(draft, "draft")
        _add(work, draft, item)
    work.put(item)
    work.emit("invoiceitem.created", item)
    return item


def _built(work: Work, params: Params, customer: Object) -> Object:
    quantity, currency = (
        params.get("quantity", 1),
        checked(params.get("currency") or customer["currency"] or "usd"),
    )
    named = (params.get("pricing") or {}).get("price")
    if (named is None) == ("amount" not in params):
        raise StripeError(
            "You must pass one of `amount` and `pricing`.", code="parameter_missing", param="amount"
        )
    price = active_price(work, named, "pricing[price]") if named else None
    item = new_pending_item(
        work.new_id("invoiceitem"),
        date=work.now,
        customer=customer["id"],
        amount=cost(price, quantity) if price else params["amount"],
        currency=price["currency"] if price else currency,
    )
    item |= {
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "test_clock": customer["test_clock"],
    }
    if price:
        item |= {"pricing": pricing_of(price), "description": product_name(work, price)}
    return item


def _add(work: Work, draft: Object, item: Object) -> None:
    row = lines.from_pending(work, item) | {"invoice": draft["id"]}
    item |= {"invoice": draft["id"], "_line": row["id"]}
    draft |= invoices.with_totals(work, draft, [*draft["lines"]["data"], row])
    work.put(draft)
    work.emit("invoice.updated", draft)


@operation("GET /v1/invoiceitems/{id}", InvoiceItemRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get("invoiceitem", identity)


@operation("DELETE /v1/invoiceitems/{id}", InvoiceItemDeleteParams)
def delete(work: Work, _: Params, identity: str) -> Object:
    item = work.get("invoiceitem", identity)
    work.use_clock_of(item)
    if item["invoice"]:
        raise StripeError("Invoice items that are on an invoice can no longer be deleted.")
    work.emit("invoiceitem.deleted", item)
    work.remove("invoiceitem", identity)
    return {"id": identity, "object": "invoiceitem", "deleted": True}


@operation("GET /v1/invoiceitems", InvoiceItemListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {name: params[name] for name in ("customer", "invoice") if name in params}
    pending = params.get("pending")
    return list_page(
        work,
        params,
        "invoiceitem",
        URL,
        where,
        lambda item: pending in {None, item["invoice"] is None},
    )

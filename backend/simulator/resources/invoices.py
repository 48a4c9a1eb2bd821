"""Invoices: manual drafts, and the actions that finalize, pay and end an invoice."""

from stripe.params import (
    InvoiceCreateParams,
    InvoiceDeleteParams,
    InvoiceFinalizeInvoiceParams,
    InvoiceLineItemListParams,
    InvoiceListParams,
    InvoiceMarkUncollectibleParams,
    InvoicePayParams,
    InvoiceRetrieveParams,
    InvoiceUpdateParams,
    InvoiceVoidInvoiceParams,
)

from simulator.billing import collection, coupons, invoice_endings, invoices
from simulator.billing.currencies import checked
from simulator.billing.invoices import Plan
from simulator.billing.payment_methods import check_payer, usable
from simulator.billing.payments import Answer
from simulator.objects import Object
from simulator.protocol.errors import StripeError, card_error, unsupported_feature
from simulator.protocol.expansion import includable
from simulator.protocol.lists import equals, list_page, page_of
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.resources import customers
from simulator.resources.subscription_params import refuse_others
from simulator.shapes.common import embedded_list
from simulator.state.work import Work

URL = "/v1/invoices"


@operation("POST /v1/invoices", InvoiceCreateParams)
def create(work: Work, params: Params) -> Object:
    """Create a manual draft. If the call says so, add the customer's pending items."""
    refuse_others(params)
    customer = customers.named(work, params)
    currency = checked(params.get("currency") or customer["currency"] or "usd")
    includes = params.get("pending_invoice_items_behavior", "exclude") == "include"
    discounts = coupons.named_discounts(work, params.get("discounts") or [], customer["id"])
    advances = params.get("auto_advance", False)
    fields: Object = {"auto_advance": advances, "metadata": {}}
    _apply(work, fields, params)
    plan = Plan(
        customer,
        currency,
        "manual",
        pending=_pending(work, customer["id"], currency) if includes else [],
        discounts=[
            coupons.redeem_discount(work, source, customer["id"], None, currency)["id"]
            for source in discounts
        ],
        fields=fields,
    )
    return invoices.open_draft(work, plan, waits=advances)


def _pending(work: Work, customer: str, currency: str) -> list[Object]:
    waiting = [
        item for item in work.all("invoiceitem", customer=customer) if item["invoice"] is None
    ]
    return [
        item
        for item in reversed(waiting)
        if item["parent"] is None and item["currency"] == currency
    ]


def _apply(work: Work, invoice: Object, params: Params) -> None:
    params.into(invoice, "description", "footer", "custom_fields", "statement_descriptor")
    params.merge_metadata(invoice)
    if identity := params.get("default_payment_method"):
        invoice["default_payment_method"] = work.get(
            "payment_method", identity, "default_payment_method"
        )["id"]


@operation("GET /v1/invoices/{id}", InvoiceRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get("invoice", identity)


@operation("POST /v1/invoices/{id}", InvoiceUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    invoice = _found(work, identity)
    if set(params) - {"metadata", "auto_advance", "default_payment_method", "expand"}:
        invoices.require_status(invoice, "draft")
    _apply(work, invoice, params)
    if "auto_advance" in params:
        collection.set_automatic(work, invoice, automatic=params["auto_advance"])
    work.put(invoice)
    work.emit("invoice.updated", invoice)
    return invoice


@operation("DELETE /v1/invoices/{id}", InvoiceDeleteParams)
def delete(work: Work, _: Params, identity: str) -> Object:
    invoice = _found(work, identity)
    invoices.require_status(invoice, "draft")
    if invoice["parent"]:
        raise StripeError("You can't delete an invoice of a subscription; void it instead.")
    work.clear_timer("invoice.finalize", identity)
    for item in list(work.all("invoiceitem", invoice=identity)):
        work.emit("invoiceitem.deleted", item)
        work.remove("invoiceitem", item["id"])
    work.emit("invoice.deleted", invoice)
    work.remove("invoice", identity)
    return {"id": identity, "object": "invoice", "deleted": True}


@operation("GET /v1/invoices", InvoiceListParams)
def list_all(work: Work, params: Params) -> Object:
    names = {
        "customer": "customer",
        "subscription": "parent.subscription_details.subscription",
        "status": "status",
    }
    where = {path: params[name] for name, path in names.items() if name in params}
    return list_page(work, params, "invoice", URL, where, *equals(params, "collection_method"))


@operation("GET /v1/invoices/{id}/lines", InvoiceLineItemListParams)
def list_lines(work: Work, params: Params, identity: str) -> Object:
    """List the lines of an invoice or of a preview."""
    preview = work.find("_preview", identity)
    rows = preview["lines"] if preview else work.get("invoice", identity)["lines"]["data"]
    return page_of(params, "line_item", f"{URL}/{identity}/lines", rows)


@operation("POST /v1/invoices/{id}/finalize", InvoiceFinalizeInvoiceParams)
def finalize(work: Work, params: Params, identity: str) -> Object:
    invoice = _found(work, identity)
    invoices.require_status(invoice, "draft")
    if not invoice["lines"]["data"]:
        raise StripeError(
            "You can't finalize an invoice without line items.",
            code="invoice_no_customer_line_items",
        )
    if "auto_advance" in params:
        invoice["auto_advance"] = params["auto_advance"]
    collection.finalize(work, invoice)
    if invoice["status"] == "open" and invoice["auto_advance"]:
        collection.collect(work, invoice)
    return invoice


@operation("POST /v1/invoices/{id}/pay", InvoicePayParams)
def pay(work: Work, params: Params, identity: str) -> Object:
    if params.get("forgive"):
        raise unsupported_feature("forgive")
    invoice = _found(work, identity)
    if invoice["status"] == "draft":
        collection.finalize(work, invoice)
    if invoice["status"] not in {"open", "uncollectible"}:
        raise StripeError(
            "Invoice is already paid"
            if invoice["status"] == "paid"
            else "This invoice can no longer be paid."
        )
    off_session, chosen = params.get("off_session", False), params.get("payment_method")
    if params.get("paid_out_of_band"):
        collection.pay_outside(work, invoice)
        return invoice
    payment_method = (
        usable(work, chosen) if chosen else collection.payment_method_for(work, invoice)
    )
    if payment_method is None:
        raise StripeError(
            "Cannot charge customer that has no active card. Please provide a payment method.",
            code="resource_missing",
        )
    check_payer(payment_method, invoice["customer"])
    _raise_refusal(
        invoice, collection.collect(work, invoice, payment_method, off_session=off_session)
    )
    return invoice


def _raise_refusal(invoice: Object, answer: Answer) -> None:
    if answer.decline:
        charge = answer.charge["id"] if answer.charge else None
        raise card_error(
            answer.decline.message,
            answer.decline.code,
            decline_code=answer.decline.decline_code,
            charge=charge,
        )
    if not answer.paid:
        raise card_error(
            "Payment for this invoice requires additional user action before it can be completed "
            "successfully. Payment can be completed on the invoice's page: "
            f"{invoice['hosted_invoice_url']}",
            "invoice_payment_intent_requires_action",
        )


@operation("POST /v1/invoices/{id}/void", InvoiceVoidInvoiceParams)
def void(work: Work, _: Params, identity: str) -> Object:
    invoice = _found(work, identity)
    invoices.require_status(invoice, "open", "uncollectible")
    return collection.void(work, invoice)


@operation("POST /v1/invoices/{id}/mark_uncollectible", InvoiceMarkUncollectibleParams)
def mark_uncollectible(work: Work, _: Params, identity: str) -> Object:
    invoice = _found(work, identity)
    invoices.require_status(invoice, "open")
    return invoice_endings.give_up(work, invoice)


@includable("invoice", "payments")
def payments_of(work: Work, invoice: Object) -> Object:
    return embedded_list(
        list(work.all("invoice_payment", invoice=invoice["id"])),
        f"/v1/invoice_payments?invoice={invoice['id']}",
    )


@includable("invoice", "confirmation_secret")
def confirmation_secret(work: Work, invoice: Object) -> Object | None:
    payment = invoices.payment_of(work, invoice)
    if payment is None:
        return None
    intent = work.get("payment_intent", payment["payment"]["payment_intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def _found(work: Work, identity: str) -> Object:
    invoice = work.get("invoice", identity)
    work.use_clock_of(invoice)
    return invoice

"""Payments of invoices: read and listed. Invoices create these objects."""

from stripe.params import InvoicePaymentListParams, InvoicePaymentRetrieveParams

from simulator.objects import Object
from simulator.protocol.lists import equals, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work


@operation("GET /v1/invoice_payments/{id}", InvoicePaymentRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get("invoice_payment", identity)


@operation("GET /v1/invoice_payments", InvoicePaymentListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {"invoice": params["invoice"]} if "invoice" in params else {}
    if wanted := params.whole("payment"):
        where["payment.payment_intent"] = wanted.get("payment_intent", "")
    return list_page(
        work, params, "invoice_payment", "/v1/invoice_payments", where, *equals(params, "status")
    )

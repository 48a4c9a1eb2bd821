"""Charges: read, updated and listed, with their refunds. Payments create charges."""

from stripe.params import (
    ChargeListParams,
    ChargeListRefundsParams,
    ChargeRetrieveParams,
    ChargeUpdateParams,
)

from simulator.objects import Object
from simulator.protocol.lists import list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work

URL = "/v1/charges"


@operation("GET /v1/charges/{id}", ChargeRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get("charge", identity)


@operation("POST /v1/charges/{id}", ChargeUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    charge = work.get("charge", identity)
    work.use_clock_of(work.find("customer", charge["customer"]))
    params.into(charge, "description", "receipt_email", "shipping", "transfer_group")
    if details := params.whole("fraud_details"):
        charge["fraud_details"] = details
    params.merge_metadata(charge)
    work.put(charge)
    work.emit("charge.updated", charge)
    return charge


@operation("GET /v1/charges", ChargeListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {name: params[name] for name in ("customer", "payment_intent") if name in params}
    return list_page(work, params, "charge", URL, where)


@operation("GET /v1/charges/{id}/refunds", ChargeListRefundsParams)
def list_refunds(work: Work, params: Params, identity: str) -> Object:
    charge = work.get("charge", identity)
    return list_page(work, params, "refund", f"{URL}/{identity}/refunds", {"charge": charge["id"]})

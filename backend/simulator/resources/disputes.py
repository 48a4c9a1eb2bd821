"""Disputes: the seller submits evidence, or accepts that the dispute is lost."""

from stripe.params import (
    DisputeCloseParams,
    DisputeListParams,
    DisputeRetrieveParams,
    DisputeUpdateParams,
)

from simulator.billing import disputes
from simulator.objects import Object
from simulator.protocol.lists import list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work

URL = "/v1/disputes"


@operation("GET /v1/disputes/{id}", DisputeRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get("dispute", identity)


@operation("POST /v1/disputes/{id}", DisputeUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    """Store evidence, and also submit it to the bank unless `submit` is false."""
    dispute = disputes.find_dispute(work, identity)
    params.merge_metadata(dispute)
    evidence, submit = params.whole("evidence", {}), params.get("submit", True)
    if evidence:
        return disputes.submit_evidence(work, dispute, evidence, submit=submit)
    work.put(dispute)
    work.emit("charge.dispute.updated", dispute)
    return dispute


@operation("POST /v1/disputes/{id}/close", DisputeCloseParams)
def close(work: Work, _: Params, identity: str) -> Object:
    """Close a dispute: the seller accepts that it is lost."""
    return disputes.close_dispute(work, disputes.find_dispute(work, identity), won=False)


@operation("GET /v1/disputes", DisputeListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {name: params[name] for name in ("charge", "payment_intent") if name in params}
    return list_page(work, params, "dispute", URL, where)

"""The seller's own account. There are no connected accounts."""

from stripe.params import AccountListParams, AccountRetrieveParams

from simulator.objects import Object
from simulator.protocol.errors import account_invalid
from simulator.protocol.lists import page_of
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.shapes.account import account
from simulator.state.work import Work


@operation("GET /v1/account", AccountRetrieveParams)
def retrieve_own(work: Work, _: Params) -> Object:
    return account(work.store.ids.account_id)


@operation("GET /v1/accounts/{id}", AccountRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    if identity != work.store.ids.account_id:
        raise account_invalid(identity)
    return account(identity)


@operation("GET /v1/accounts", AccountListParams)
def list_connected(_: Work, params: Params) -> Object:
    """List the connected accounts.

    The caller's own account is not in this list.
    """
    params.accept("created")
    return page_of(params, "account", "/v1/accounts", [])

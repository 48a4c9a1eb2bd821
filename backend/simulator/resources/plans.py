"""Plans: the former name of recurring prices.

A plan and its price are the same object.
"""

from collections.abc import Callable
from typing import Any

from stripe.params import (
    PlanCreateParams,
    PlanDeleteParams,
    PlanListParams,
    PlanRetrieveParams,
    PlanUpdateParams,
)

from simulator.billing.products import new_product
from simulator.objects import Object
from simulator.protocol.errors import StripeError, missing_object, unsupported_feature
from simulator.protocol.expansion import shown_as
from simulator.protocol.lists import equals, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.resources.prices import new_price
from simulator.shapes.subscription import plan_of
from simulator.state.work import Work

URL = "/v1/plans"
OF_PRICE = {"unit_amount": "amount", "unit_amount_decimal": "amount_decimal"}
"""The name of each amount in a price, and its name in a plan."""

shown_as("plan", "price", plan_of)


@operation("POST /v1/plans", PlanCreateParams)
def create(work: Work, params: Params) -> Object:
    for name in ("meter", "tiers", "tiers_mode", "transform_usage"):
        if params.get(name):
            raise unsupported_feature(name)
    identity = params.get("id") or work.store.ids.new("plan")
    if work.find("price", identity):
        raise StripeError("Plan already exists.", code="resource_already_exists", param="id")
    product = _product(work, params)
    return plan_of(_named(lambda: new_price(work, _as_price(params), product, identity)))


def _product(work: Work, params: Params) -> Object:
    if "product" not in params:
        raise StripeError(
            "Missing required param: product.", code="parameter_missing", param="product"
        )
    sent = params["product"]
    if isinstance(sent, Params):
        return new_product(work, sent, sent.get("id"))
    return work.get("product", sent, "product")


def _as_price(params: Params) -> Params:
    """Return the parameters of a plan under the names that they have for a price."""
    recurring = ("interval", "interval_count", "trial_period_days", "usage_type")
    values: dict[str, Any] = {
        name: params[name] for name in ("active", "billing_scheme", "nickname") if name in params
    }
    values |= {theirs: params[ours] for theirs, ours in OF_PRICE.items() if ours in params}
    values |= {name: params[name] for name in ("currency", "metadata") if name in params}
    return Params(
        values | {"recurring": Params({name: params[name] for name in recurring if name in params})}
    )


def _named(make: Callable[[], Object]) -> Object:
    """Call `make`, and let its errors name parameters as they are named for plans."""
    try:
        return make()
    except StripeError as refused:
        if refused.param in OF_PRICE:
            refused.message = refused.message.replace(refused.param, OF_PRICE[refused.param])
            refused.param = OF_PRICE[refused.param]
        raise


@operation("GET /v1/plans/{id}", PlanRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return plan_of(_found(work, identity))


@operation("POST /v1/plans/{id}", PlanUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    price = _found(work, identity)
    params.into(price, "active", "nickname")
    params.merge_metadata(price)
    if "product" in params:
        price["product"] = work.get("product", params["product"], "product")["id"]
    if "trial_period_days" in params:
        price["recurring"] = price["recurring"] | {"trial_period_days": params["trial_period_days"]}
    work.put(price)
    work.emit("price.updated", price)
    return plan_of(price)


@operation("DELETE /v1/plans/{id}", PlanDeleteParams)
def delete(work: Work, _: Params, identity: str) -> Object:
    """Delete a plan. Existing subscribers keep it, and nobody else can subscribe."""
    work.emit("price.deleted", _found(work, identity))
    work.put({"id": identity, "object": "price", "deleted": True})
    return {"id": identity, "object": "plan", "deleted": True}


@operation("GET /v1/plans", PlanListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {"product": params["product"]} if "product" in params else None
    tests = [*equals(params, "active"), lambda price: price["recurring"] is not None]
    answer = list_page(work, params, "price", URL, where, *tests)
    return answer | {"data": [plan_of(price) for price in answer["data"]]}


def _found(work: Work, identity: str) -> Object:
    price = work.find("price", identity)
    if price is None or not price.get("recurring"):
        raise missing_object("plan", identity)
    return price

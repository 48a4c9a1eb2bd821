"""Prices per unit, one-time or recurring, with their lookup keys."""

from decimal import Decimal
from typing import Any

from stripe.params import PriceCreateParams, PriceListParams, PriceRetrieveParams, PriceUpdateParams

from simulator.billing import currencies
from simulator.billing.products import new_product
from simulator.objects import Object
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.protocol.expansion import ABSENT, includable
from simulator.protocol.lists import Test, equals, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work

MAX_UNIT_AMOUNT = 99_999_999_999_999


@operation("POST /v1/prices", PriceCreateParams)
def create(work: Work, params: Params) -> Object:
    _refuse_others(params)
    if ("product" in params) == ("product_data" in params):
        raise StripeError(
            "You must pass either `product` or `product_data`.",
            code="parameter_missing",
            param="product",
        )
    if "product" in params:
        return new_price(work, params, work.get("product", params["product"], "product"))
    data = params["product_data"]
    return new_price(work, params, new_product(work, data, data.get("id")))


def new_price(work: Work, params: Params, product: Object, price_id: str | None = None) -> Object:
    """Create a price, either for its own call or for the `price_data` of another call.

    `price_data` has only some of the parameters.
    """
    amount, exact = _amounts(params)
    price = work.new(
        "price",
        price_id,
        active=params.get("active", True),
        billing_scheme=_only(params, "billing_scheme", "per_unit"),
        currency=currencies.checked(params["currency"]),
        custom_unit_amount=None,
        lookup_key=None,
        nickname=params.get("nickname"),
        product=product["id"],
        recurring=_recurring(params),
        tax_behavior=params.get("tax_behavior", "unspecified"),
        tiers_mode=None,
        transform_quantity=None,
        type="recurring" if "recurring" in params else "one_time",
        unit_amount=amount,
        unit_amount_decimal=exact,
    )
    params.merge_metadata(price)
    _take_lookup_key(work, price, params)
    work.put(price)
    work.emit("price.created", price)
    return price


@operation("GET /v1/prices/{id}", PriceRetrieveParams)
def retrieve(work: Work, _: Params, price_id: str) -> Object:
    return work.get_live("price", price_id)


@operation("POST /v1/prices/{id}", PriceUpdateParams)
def update(work: Work, params: Params, price_id: str) -> Object:
    price = work.get_live("price", price_id)
    behavior = price["tax_behavior"]
    params.into(price, "active", "nickname", "tax_behavior")
    if behavior not in ("unspecified", price["tax_behavior"]):
        raise StripeError(
            "The tax behavior of a price cannot be changed once it is set.", param="tax_behavior"
        )
    params.merge_metadata(price)
    _take_lookup_key(work, price, params)
    work.put(price)
    work.emit("price.updated", price)
    return price


@operation("GET /v1/prices", PriceListParams)
def list_all(work: Work, params: Params) -> Object:
    tests = equals(params, "active", "currency", "type")
    if keys := params.get("lookup_keys"):
        tests.append(lambda price: price["lookup_key"] in keys)
    if wanted := params.whole("recurring"):
        tests.append(_recurs_as(wanted))
    where = {"product": params["product"]} if "product" in params else None
    return list_page(work, params, "price", "/v1/prices", where, *tests)


@includable("price", "tiers")
@includable("plan", "tiers")
def tiers(_: Work, __: Object) -> Any:
    """Return no tiers: prices are per unit here."""
    return ABSENT


@includable("price", "currency_options")
def currency_options(_: Work, price: Object) -> Object:
    """Return no options: a price has only its own currency here."""
    same = ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")
    return {price["currency"]: {name: price[name] for name in same}}


def _recurs_as(wanted: Object) -> Test:
    return lambda price: (
        price["recurring"] is not None
        and all(price["recurring"].get(key) == wanted[key] for key in wanted)
    )


def _amounts(params: Params) -> tuple[int | None, str]:
    """Return `unit_amount` (`None` for a fraction) and `unit_amount_decimal`."""
    if ("unit_amount" in params) == ("unit_amount_decimal" in params):
        raise StripeError(
            "You must pass one of `unit_amount` and `unit_amount_decimal`.",
            code="parameter_missing",
            param="unit_amount",
        )
    exact = Decimal(
        params["unit_amount"] if "unit_amount" in params else params["unit_amount_decimal"]
    )
    if exact < 0:
        raise StripeError(
            "Invalid non-negative integer",
            code="parameter_invalid_integer",
            param=params.path("unit_amount"),
        )
    if exact > MAX_UNIT_AMOUNT:
        raise StripeError(
            "This value is too large.", code="parameter_invalid_integer", param="unit_amount"
        )
    if exact == exact.to_integral_value():
        return int(exact), str(int(exact))
    return None, f"{exact.normalize():f}"


def _recurring(params: Params) -> Object | None:
    if "recurring" not in params:
        return None
    given = params["recurring"]
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": None,
        "trial_period_days": given.get("trial_period_days"),
        "usage_type": _only(given, "usage_type", "licensed"),
    }


def _refuse_others(params: Params) -> None:
    _only(params, "billing_scheme", "per_unit")
    if "recurring" in params:
        _only(params["recurring"], "usage_type", "licensed")


def _only(params: Params, name: str, value: str) -> str:
    if params.get(name, value) != value:
        raise unsupported_feature(params.path(name), f"The simulator knows only `{value}`.")
    return value


def _take_lookup_key(work: Work, price: Object, params: Params) -> None:
    """Give the price its lookup key, which only one price can have.

    With `transfer_lookup_key`, the key is taken away from another price.
    """
    transfer = params.get("transfer_lookup_key", False)
    if "lookup_key" not in params:
        return
    wanted = params["lookup_key"]
    owner = work.first("price", lookup_key=wanted) if wanted else None
    if owner and owner["id"] != price["id"]:
        if not transfer:
            raise StripeError(
                f"A price (`{owner['id']}`) already uses that lookup key.",
                code="resource_already_exists",
                param="lookup_key",
            )
        owner["lookup_key"] = None
        work.put(owner)
        work.emit("price.updated", owner)
    price["lookup_key"] = wanted

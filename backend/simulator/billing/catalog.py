"""The meaning of a price: its interval, the cost of a quantity, and its description."""

from collections.abc import Collection

from simulator.billing.money import times
from simulator.billing.periods import Interval
from simulator.billing.words import format_money, several
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.state.work import Work


def interval_of(price: Object) -> Interval:
    return Interval(price["recurring"]["interval"], price["recurring"]["interval_count"])


def cost(price: Object, quantity: int) -> int:
    """Return the cost of one period, or of a one-time purchase."""
    return times(price["unit_amount_decimal"], quantity)


def recurring_price(work: Work, price_id: str, param: str, held: Collection[str] = ()) -> Object:
    """Return a price that a subscription can have.

    `held` are prices that the customer already pays. These are allowed even if they are
    archived. Raises Stripe's error for any other price.
    """
    price = work.get("price", price_id, param)
    if price_id not in held:
        active_price(work, price_id, param)
    if not price["recurring"]:
        raise StripeError(
            "The price specified is set to `type=one_time` but this field only accepts prices "
            "with `type=recurring`.",
            param=param,
        )
    return price


def active_price(work: Work, price_id: str, param: str) -> Object:
    """Return a price that is for sale.

    A price can be active although its product is archived. Stripe sells neither:
    https://github.com/stripe/stripe-node/issues/2131
    """
    price = work.get("price", price_id, param)
    if not price["active"]:
        raise StripeError(
            "The price specified is inactive. This field only accepts active prices.", param=param
        )
    if not work.get("product", price["product"])["active"]:
        raise StripeError(f"The product {price['product']} is marked as inactive.")
    return price


def product_name(work: Work, price: Object) -> str:
    name: str = work.get("product", price["product"])["name"]
    return name


def counted_name(work: Work, price: Object, quantity: int) -> str:
    """Return the quantity, the product's unit label (if any) and the product's name."""
    product = work.get("product", price["product"])
    return several(quantity, product["name"], product["unit_label"])


def describe(work: Work, price: Object, quantity: int) -> str:
    """Return Stripe's description of a line, with quantity, price and interval."""
    name, amount = (
        product_name(work, price),
        format_money(times(price["unit_amount_decimal"], 1), price["currency"]),
    )
    if not price["recurring"]:
        return name
    unit, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
    every = unit if count == 1 else f"every {count} {unit}s"
    return f"{counted_name(work, price, quantity)} (at {amount} / {every})"

"""The lines of invoices, and the pending invoice items that become lines."""

from typing import Any

from simulator.billing.catalog import cost, counted_name, describe, product_name
from simulator.billing.periods import Period
from simulator.billing.proration import Debit, unused
from simulator.billing.words import several, short_day
from simulator.objects import Object
from simulator.shapes.invoice import new_line, new_pending_item, pricing_of
from simulator.state.work import Work

Item = dict[str, Any]

# The amount of a proration is a share of a price, not a number of units at a unit
# amount. So Stripe gives no unit amount for a proration.
_SHARE: Object = {"unit_amount_decimal": None}


def recurring(
    work: Work, subscription: Object, item: Item, period: Period, amount: int | None = None
) -> Object:
    """Return the line that charges an item's period in advance.

    `amount` is given if the period is shorter than the interval of the price.
    """
    price, quantity = item["price"], item["quantity"]
    whole = cost(price, quantity) if amount is None else amount
    return _of_item(work, subscription, item, period, whole) | {
        "description": describe(work, price, quantity)
    }


def trial(work: Work, subscription: Object, item: Item, period: Period) -> Object:
    line = _of_item(work, subscription, item, period, 0)
    free = line["pricing"] | {"unit_amount_decimal": "0"}
    counted = counted_name(work, item["price"], item["quantity"])
    return line | {"description": f"Free trial for {counted}", "pricing": free}


def _of_item(work: Work, subscription: Object, item: Item, period: Period, amount: int) -> Object:
    line = new_line(
        work.store.ids.new("il"),
        amount=amount,
        currency=subscription["currency"],
        period=period,
        quantity=item["quantity"],
    )
    return line | {
        "metadata": subscription["metadata"],
        "parent": _item_parent(subscription["id"], item["id"], invoice_item=None, proration=False),
        "pricing": pricing_of(item["price"]),
        "subscription": subscription["id"],
    }


def debit_of(line: Object, item: Item, name: str) -> Debit:
    """Return the debit that records what this line has charged for the item.

    If the item changes before the period of the line is over, the unused part of the
    debit is credited.
    """
    return Debit(
        amount=line["amount"] - sum(each["amount"] for each in line["discount_amounts"]),
        start=line["period"]["start"],
        end=line["period"]["end"],
        name=name,
        quantity=item["quantity"],
        pricing=line["pricing"],
        invoice=line["invoice"],
        line=line["id"],
        pending=None,
    )


def credit(work: Work, subscription: Object, item: Item, at: int) -> Object | None:
    """Return a pending invoice item that credits the unused time of the last debit.

    The result is `None` if there is nothing to credit. The debit is removed from the
    subscription, so nothing is credited twice.
    """
    debit: Debit | None = subscription["_debits"].pop(item["id"], None)
    if not debit or not (amount := unused(debit, at)):
        return None
    pending = _proration(work, subscription, item, (amount, at, debit["end"]))
    pending |= {
        "description": f"Unused time on {_several(debit['name'], debit['quantity'])} after "
        f"{short_day(at)}",
        "pricing": debit["pricing"] | _SHARE,
        "quantity": debit["quantity"],
        "quantity_decimal": str(debit["quantity"]),
        "_credited": _credited(work, debit),
    }
    return _kept(work, pending)


def charge(
    work: Work, subscription: Object, item: Item, amount: int, at: int
) -> tuple[Object, Debit]:
    """Return a pending invoice item for the rest of a subscription item's period.

    Also return the debit that records this charge.
    """
    end, name = item["current_period_end"], product_name(work, item["price"])
    pending = _proration(work, subscription, item, (amount, at, end))
    pending |= {
        "description": f"Remaining time on {_several(name, item['quantity'])} after "
        f"{short_day(at)}",
        "pricing": pricing_of(item["price"]) | _SHARE,
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
    }
    debit = Debit(
        amount=amount,
        start=at,
        end=end,
        name=name,
        quantity=item["quantity"],
        pricing=pending["pricing"],
        invoice=None,
        line=None,
        pending=pending["id"],
    )
    return _kept(work, pending), debit


def _proration(work: Work, subscription: Object, item: Item, part: tuple[int, int, int]) -> Object:
    """Return the pending invoice item of a proration.

    `part` is the amount after discounts, and the start and end of the time that it
    covers.
    """
    amount, start, end = part
    pending = new_pending_item(
        work.new_id("invoiceitem"),
        date=work.now,
        customer=subscription["customer"],
        amount=amount,
        currency=subscription["currency"],
    )
    return pending | {
        "discountable": False,
        "metadata": subscription["metadata"],
        "parent": {
            "type": "subscription_details",
            "subscription_details": {
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
        },
        "period": {"start": start, "end": end},
        "proration": True,
        "test_clock": subscription["test_clock"],
    }


def _kept(work: Work, pending: Object) -> Object:
    work.put(pending)
    work.emit("invoiceitem.created", pending)
    return pending


def _several(name: str, quantity: int) -> str:
    return name if quantity == 1 else several(quantity, name)


def _credited(work: Work, debit: Debit) -> Object | None:
    """Return the credited invoice line, or `None` if the debit is not invoiced yet."""
    invoice, line = debit["invoice"], debit["line"]
    if debit["pending"]:
        pending = work.find("invoiceitem", debit["pending"])
        invoice, line = (pending["invoice"], pending.get("_line")) if pending else (None, None)
    return {"invoice": invoice, "invoice_line_items": [line]} if invoice and line else None


def from_pending(work: Work, pending: Object) -> Object:
    """Return the line that a pending invoice item becomes."""
    line = new_line(
        work.store.ids.new("il"),
        amount=pending["amount"],
        currency=pending["currency"],
        period=(pending["period"]["start"], pending["period"]["end"]),
        quantity=pending["quantity"],
    )
    line |= {key: pending[key] for key in ("description", "discountable", "metadata", "pricing")}
    details = (pending["parent"] or {}).get("subscription_details")
    if not details:
        return line | {"parent": _free_parent(pending["id"])}
    parent = _item_parent(
        details["subscription"],
        details["subscription_item"],
        invoice_item=pending["id"],
        proration=pending["proration"],
    )
    parent["subscription_item_details"]["proration_details"] = {
        "credited_items": pending.get("_credited")
    }
    return line | {"parent": parent, "subscription": details["subscription"]}


def _item_parent(
    subscription: str, item: str, *, invoice_item: str | None, proration: bool
) -> Object:
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": invoice_item,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": subscription,
            "subscription_item": item,
        },
    }


def _free_parent(invoice_item: str) -> Object:
    return {
        "type": "invoice_item_details",
        "invoice_item_details": {
            "invoice_item": invoice_item,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": None,
        },
        "subscription_item_details": None,
    }

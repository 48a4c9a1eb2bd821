"""The start of a subscription."""

from dataclasses import dataclass, field
from typing import Any

from simulator.billing import (
    collection,
    coupons,
    invoices,
    lines,
    setups,
    standing,
    subscription_timers,
)
from simulator.billing.catalog import cost, interval_of, product_name
from simulator.billing.invoices import Plan
from simulator.billing.payments import Answer
from simulator.billing.periods import Period
from simulator.billing.proration import remaining
from simulator.objects import Object
from simulator.protocol.errors import StripeError, card_error
from simulator.shapes.subscription import items_of, new_item, new_subscription
from simulator.state.work import Work


@dataclass
class Wanted:
    """An item that a caller wants."""

    price: Object
    quantity: int = 1
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass
class Order:
    """The subscription that a caller orders.

    `discounts` are coupons and promotion codes. `fields` are stored in the subscription
    as they are.
    """

    customer: Object
    items: list[Wanted]
    payment_behavior: str = "allow_incomplete"
    off_session: bool = False
    trial_end: int | None = None
    anchor: int | None = None
    prorates: bool = True
    discounts: list[Object] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)


def start(work: Work, order: Order) -> Object:
    """Create the subscription with its first invoice.

    The payment behaviour decides whether the invoice must be paid.
    """
    _check(work, order)
    subscription = _built(work, order)
    plan = _first_plan(work, order, subscription)
    invoice = invoices.open_draft(work, plan, waits=False)
    subscription["latest_invoice"] = invoice["id"]
    remember_debits(work, subscription, invoice)
    standing.drop_used_discounts(work, subscription, invoice)
    work.put(subscription)
    leaves_it = order.payment_behavior == "default_incomplete"
    waits = leaves_it and bool(invoice["amount_due"])
    if waits:
        work.emit("customer.subscription.created", subscription)
    collection.finalize(work, invoice)
    if not invoice["amount_due"]:
        setups.prepare(
            work, subscription, collection.payment_method_for(work, invoice), waits=leaves_it
        )
    elif not waits:
        pay_now(work, invoice, order.payment_behavior, off_session=order.off_session)
    if not waits:
        work.emit("customer.subscription.created", subscription)
    subscription_timers.set_trial_timer(work, subscription)
    subscription_timers.set_period_timer(work, subscription)
    if subscription["status"] == "incomplete":
        subscription_timers.first_payment(work, subscription)
    return subscription


def _check(work: Work, order: Order) -> None:
    for item in order.items:
        check_currency(work, order.customer, item.price["currency"], "items")
    check_items([(item.price, item.quantity) for item in order.items])
    if len({item.price["currency"] for item in order.items}) > 1:
        raise StripeError("All prices of a subscription must have one currency.", param="items")


def check_currency(work: Work, customer: Object, currency: str, param: str) -> None:
    """Refuse a currency if the customer has subscriptions or pending items in another.

    Subscriptions that have ended do not count.
    """
    running = [
        *(
            one
            for one in work.all("subscription", customer=customer["id"])
            if one["status"] not in standing.ENDED
        ),
        *(
            one
            for one in work.all("invoiceitem", customer=customer["id"])
            if one["invoice"] is None
        ),
    ]
    if other := next((one["currency"] for one in running if one["currency"] != currency), None):
        raise StripeError(
            "You cannot combine currencies on a single customer. This customer has an active "
            "subscription, subscription schedule, discount, quote, or invoice item with currency "
            f"{other}.",
            param=param,
        )


def check_items(items: list[tuple[Object, int]]) -> None:
    if not items:
        raise StripeError(
            "A subscription must have at least one active item.",
            code="parameter_missing",
            param="items",
        )
    prices = [price["id"] for price, _ in items]
    if twice := next((one for one in prices if prices.count(one) > 1), None):
        raise StripeError(
            f"Cannot add multiple subscription items with the same plan: {twice}", param="items"
        )
    if len({interval_of(price) for price, _ in items}) > 1:
        raise StripeError(
            "The simulator does not bill prices of different intervals on one subscription.",
            code="simulator_unsupported",
            param="items",
        )


def _built(work: Work, order: Order) -> Object:
    now = work.now
    trial = order.trial_end if order.trial_end and order.trial_end > now else None
    subscription = new_subscription(
        work.new_id("subscription"),
        created=now,
        customer=order.customer["id"],
        currency=order.items[0].price["currency"],
        anchor=order.anchor or trial or now,
    )
    subscription |= {"test_clock": order.customer["test_clock"], "_debits": {}, **order.fields}
    if trial:
        subscription |= {"trial_start": now, "trial_end": trial}
    period = first_period(subscription, interval_of(order.items[0].price).period(now, now), now)
    items = [built_item(work, subscription, wanted, period) for wanted in order.items]
    subscription["items"] = items_of(subscription["id"], items)
    _take_currency(work, order.customer, subscription["currency"])
    work.put(subscription)
    subscription["discounts"] = [
        coupons.redeem_discount(
            work, source, order.customer["id"], subscription["id"], subscription["currency"]
        )["id"]
        for source in order.discounts
    ]
    return subscription


def first_period(subscription: Object, whole: Period, now: int) -> Period:
    """Return the first period, which ends with the trial or at the anchor, if any."""
    if standing.in_trial(subscription, now):
        return Period(now, subscription["trial_end"])
    if subscription["billing_cycle_anchor"] > now:
        return Period(now, min(subscription["billing_cycle_anchor"], whole.end))
    return whole


def built_item(work: Work, subscription: Object, wanted: Wanted, period: Period) -> Object:
    item = new_item(
        work.new_id("subscription_item"),
        created=work.now,
        subscription=subscription["id"],
        price=wanted.price,
        quantity=wanted.quantity,
    )
    item |= {
        "metadata": wanted.metadata,
        "current_period_start": period.start,
        "current_period_end": period.end,
    }
    work.put({"object": "subscription_item", "id": item["id"], "subscription": subscription["id"]})
    return item


def _take_currency(work: Work, customer: Object, currency: str) -> None:
    """Give the customer the currency of the newest subscription."""
    if customer["currency"] != currency:
        customer["currency"] = currency
        work.put(customer)
        work.emit("customer.updated", customer)


def _first_plan(work: Work, order: Order, subscription: Object) -> Plan:
    period = Period(*subscription_timers.period_of(subscription))
    if standing.in_trial(subscription, work.now):
        rows = [
            lines.trial(work, subscription, item, period) for item in subscription["items"]["data"]
        ]
    else:
        rows = [
            lines.recurring(
                work, subscription, item, period, _first_amount(order, subscription, item, period)
            )
            for item in subscription["items"]["data"]
        ]
    return Plan(
        order.customer,
        subscription["currency"],
        "subscription_create",
        subscription,
        lines=rows,
        pending=[],
        discounts=subscription["discounts"],
    )


def _first_amount(order: Order, subscription: Object, item: Object, period: Period) -> int:
    """Return the amount that an item costs in the first period.

    If the anchor makes the first period shorter than the interval of the price, this is
    a share of the price, or zero if the order is not prorated.
    """
    price, whole = cost(item["price"], item["quantity"]), interval_of(item["price"])
    if period.end < whole.after(period.start, 1):
        around = whole.period(subscription["billing_cycle_anchor"], period.start)
        return remaining(price, around, period.start) if order.prorates else 0
    return price


def remember_debits(work: Work, subscription: Object, invoice: Object) -> None:
    """Store the last charge for each item's time, so that a change can credit it."""
    by_item = {item["id"]: item for item in subscription["items"]["data"]}
    for line in invoice["lines"]["data"]:
        details = line["parent"]["subscription_item_details"]
        if (
            details
            and not details["proration"]
            and (item := by_item.get(details["subscription_item"]))
        ):
            subscription["_debits"][item["id"]] = lines.debit_of(
                line, item, product_name(work, item["price"])
            )


def pay_now(work: Work, invoice: Object, payment_behavior: str, *, off_session: bool) -> Answer:
    """Try to collect an invoice within an API call.

    Raises an error if the payment fails and the call requires it to succeed.
    """
    payment_method = collection.payment_method_for(work, invoice)
    if payment_method is None and invoice["billing_reason"] == "subscription_create":
        raise StripeError(
            "This customer has no attached payment source or default payment method. Please "
            "consider adding a default payment method. For more information, visit "
            "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
            code="resource_missing",
        )
    answer = collection.collect(work, invoice, payment_method, off_session=off_session)
    if payment_behavior == "error_if_incomplete" and not answer.paid:
        raise _refusal(answer)
    return answer


def _refusal(answer: Answer) -> StripeError:
    """Return the error that ends the call, so that the call's changes are undone."""
    error = card_error(
        "Your card was declined. This transaction requires authentication.",
        "authentication_required",
    )
    if answer.decline:
        error = card_error(
            answer.decline.message, answer.decline.code, decline_code=answer.decline.decline_code
        )
    error.keeps_changes = False
    return error

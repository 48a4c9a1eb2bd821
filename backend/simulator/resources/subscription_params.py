"""Parameters of subscriptions that several calls share.

These calls are create, update, the calls for items, and previews.
"""

from collections.abc import Collection
from typing import Any

from simulator.billing import coupons, subscription_timers
from simulator.billing.catalog import recurring_price
from simulator.billing.endings import ending_at
from simulator.billing.items import ItemChange
from simulator.billing.reshaping import Change
from simulator.billing.subscriptions import Wanted
from simulator.objects import Object
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.protocol.parameters import Params
from simulator.resources.prices import new_price
from simulator.state.work import Work

MAX_ITEMS = 20


def refuse_others(params: Params) -> None:
    """Refuse every form of a parameter except the form that the simulator supports."""
    by_invoice = params.get("collection_method", "charge_automatically") != "charge_automatically"
    if by_invoice or "days_until_due" in params:
        raise unsupported_feature(
            "collection_method" if by_invoice else "days_until_due",
            "The simulator charges automatically; it sends no invoices.",
        )
    mode = params.whole("billing_mode", {})
    if (
        mode.get("type", "flexible") != "flexible"
        or mode.get("flexible", {}).get("proration_discounts") == "itemized"
    ):
        raise unsupported_feature(
            "billing_mode",
            "The simulator bills in flexible mode with discounts included in prorations.",
        )
    if params.whole("automatic_tax", {}).get("enabled"):
        raise unsupported_feature("automatic_tax", "The simulator calculates no taxes.")


def new_items(work: Work, params: Params, held: Collection[str] = ()) -> list[Wanted]:
    """Return the wanted items. `held` are prices that may be archived: see
    `recurring_price`.
    """
    items = params.get("items") or []
    if len(items) > MAX_ITEMS:
        raise StripeError(f"A subscription can have at most {MAX_ITEMS} items.", param="items")
    found = []
    for item in items:
        price = _price(work, item, held)
        if price is None:
            raise StripeError(
                "Missing required param: items[0][price].",
                code="parameter_missing",
                param="items[0][price]",
            )
        found.append(Wanted(price, _quantity(item, 1), _metadata(item, {})))
    return found


def _quantity(item: Params, default: int) -> int:
    quantity: int = item.get("quantity", default)
    if quantity < 0:
        raise StripeError(
            "This value must be greater than or equal to 0.",
            code="parameter_invalid_integer",
            param=item.path("quantity"),
        )
    return quantity


def _price(work: Work, item: Params, held: Collection[str]) -> Object | None:
    """Return the price with the given id, or the price that `price_data` describes.

    `plan` is the older name of the parameter.
    """
    if "price_data" in item:
        data = item["price_data"]
        return new_price(work, data, work.get("product", data["product"], data.path("product")))
    name = "price" if "price" in item else "plan"
    return recurring_price(work, item[name], item.path(name), held) if name in item else None


def _metadata(params: Params, before: dict[str, str]) -> dict[str, str]:
    target: Object = {"metadata": before}
    params.merge_metadata(target)
    found: dict[str, str] = target["metadata"]
    return found


def item_change(
    work: Work, item: Params, subscription: Object, identity: str | None = None
) -> ItemChange:
    """Return a change of the item that the call names, or else a new item."""
    current = {one["id"]: one for one in subscription["items"]["data"]}
    held = [one["price"]["id"] for one in current.values()]
    identity, price = identity or item.get("id"), _price(work, item, held)
    if identity is None and price is None:
        raise StripeError(
            "You must pass `id` or `price` for each item.",
            code="parameter_missing",
            param=item.path("price"),
        )
    before = current.get(identity, {}).get("metadata", {})
    item.accept("clear_usage")
    return ItemChange(
        identity,
        price=price,
        quantity=_quantity(item, 1) if "quantity" in item else None,
        metadata=_metadata(item, before) if "metadata" in item else None,
        deleted=item.get("deleted", False),
    )


def read_change(work: Work, params: Params, subscription: Object) -> Change:
    """Return the whole change of `subscriptions.update`."""
    change = billing_change(work, params, subscription)
    change.payment_behavior = params.get("payment_behavior", "allow_incomplete")
    change.off_session = params.get("off_session", False)
    if "discounts" in params:
        change.discounts = coupons.named_discounts(
            work, params["discounts"] or [], subscription["customer"]
        )
    change.fields = plain_fields(params, subscription) | cancellation(
        params, subscription, work.now
    )
    if "default_payment_method" in params:
        change.fields["default_payment_method"] = own_payment_method(
            work, params, subscription["customer"]
        )
    if "pause_collection" in params:
        change.fields["pause_collection"] = _pause_collection(work, params, subscription)
    return change


def billing_change(work: Work, params: Params, subscription: Object) -> Change:
    """Return the part of the change that a preview shares with an update."""
    anchor: Any = params.get("billing_cycle_anchor", {"type": None})
    return Change(
        items=[item_change(work, item, subscription) for item in params.get("items") or []],
        proration_behavior=params.get("proration_behavior", "create_prorations"),
        proration_date=params.get("proration_date"),
        anchor=anchor["type"],
        trial_end=_trial_end(params, work.now),
    )


def _trial_end(params: Params, now: int) -> int | None:
    if "trial_end" not in params:
        return None
    end: int | str = params["trial_end"]
    if isinstance(end, int) and end <= now:
        raise StripeError(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end"
        )
    return end if isinstance(end, int) else now


def plain_fields(params: Params, before: Object) -> Object:
    """Return the fields of the subscription that are stored as the call gives them."""
    fields: Object = {}
    params.into(fields, "description")
    if "metadata" in params:
        fields["metadata"] = _metadata(params, before["metadata"])
    if "payment_settings" in params:
        fields["payment_settings"] = {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
            **before.get("payment_settings", {}),
            **params.whole("payment_settings"),
        }
    if settings := params.get("trial_settings"):
        sent = settings.whole("end_behavior")
        fields["trial_settings"] = {"end_behavior": {"billing_cycle_anchor": None, **sent}}
    return fields


def own_payment_method(work: Work, params: Params, customer: str) -> str | None:
    """Return the payment method, which must be attached to the customer."""
    identity: str | None = params["default_payment_method"]
    if identity is None:
        return None
    if work.get("payment_method", identity, "default_payment_method")["customer"] != customer:
        raise StripeError(
            f"The customer does not have a payment method with the ID {identity}. The payment "
            "method must be attached to the customer.",
            code="resource_missing",
            param="default_payment_method",
        )
    return identity


def cancellation(params: Params, subscription: Object, now: int) -> Object:
    """Return the fields that `cancel_at` or `cancel_at_period_end` changes."""
    details = subscription["cancellation_details"] | (params.whole("cancellation_details") or {})
    fields: Object = {}
    if "cancel_at" in params:
        if params.get("cancel_at_period_end"):
            raise StripeError(
                "You may only set one of `cancel_at` and `cancel_at_period_end`.", param="cancel_at"
            )
        fields = _at_moment(params, subscription, now)
    elif "cancel_at_period_end" in params:
        fields = ending_at(subscription, now, at_period_end=params["cancel_at_period_end"])
    if fields:
        details = details | {"reason": "cancellation_requested" if fields["cancel_at"] else None}
    return fields | (
        {"cancellation_details": details} if details != subscription["cancellation_details"] else {}
    )


def _at_moment(params: Params, subscription: Object, now: int) -> Object:
    """Return the fields that `cancel_at` changes.

    The value of `cancel_at` is a time, `None` to withdraw the cancellation, or one of
    Stripe's names for the end of the period. A subscription that ends within a later
    period is always credited for the rest of that period. The rest of the current
    period is credited only if the call wants prorations.
    """
    wanted, end = params["cancel_at"], subscription_timers.period_of(subscription)[1]
    at = end if isinstance(wanted, str) else wanted
    if at is not None and at <= now:
        raise StripeError("`cancel_at` must be in the future.", param="cancel_at")
    prorates = params.get("proration_behavior", "create_prorations") != "none"
    return {
        "cancel_at": at,
        "cancel_at_period_end": False,
        "canceled_at": None if at is None else now,
        "_prorates_end": at is not None and (at > end or (prorates and at < end)),
    }


def _pause_collection(work: Work, params: Params, subscription: Object) -> Object | None:
    sent: Object | None = params.whole("pause_collection")
    work.clear_timer("subscription.resume_collection", subscription["id"])
    if sent is None:
        return None
    if resumes_at := sent.get("resumes_at"):
        work.set_timer("subscription.resume_collection", subscription["id"], resumes_at)
    return {"behavior": sent["behavior"], "resumes_at": resumes_at}

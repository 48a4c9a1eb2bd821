"""`flow_data`: a portal session for one action, after which the customer goes back."""

from simulator.billing import standing
from simulator.objects import Object
from simulator.protocol.errors import StripeError, missing_object, unsupported_feature
from simulator.protocol.parameters import Params
from simulator.protocol.urls import check_url
from simulator.state.work import Work

FEATURES = {
    "payment_method_update": "payment_method_update",
    "subscription_cancel": "subscription_cancel",
    "subscription_update": "subscription_update",
    "subscription_update_confirm": "subscription_update",
}
"""The feature that the configuration must allow for each flow."""


def read_flow(work: Work, params: Params, customer: Object, features: Object) -> Object | None:
    """Return the `flow` of a new session.

    Raises if the configuration does not allow the flow, or if the flow is impossible.
    """
    if "flow_data" not in params:
        return None
    sent = params["flow_data"]
    kind = sent["type"]
    if kind not in FEATURES:
        raise unsupported_feature(
            sent.path("type"), f"The simulator's portal has no flow `{kind}`."
        )
    if not features[FEATURES[kind]]["enabled"]:
        raise StripeError(
            f"You cannot create a portal session with a `{kind}` flow: "
            f"`features[{FEATURES[kind]}]` is disabled in the portal configuration.",
            param=sent.path("type"),
        )
    flow: Object = {"type": kind, "after_completion": _after_completion(sent)}
    flow |= dict.fromkeys(
        ("subscription_cancel", "subscription_update", "subscription_update_confirm")
    )
    if kind != "payment_method_update":
        flow[kind] = _of_subscription(work, _part(sent, kind), kind, customer, features)
    return flow


def _part(sent: Params, name: str) -> Params:
    if name not in sent:
        raise StripeError(
            f"Missing required param: {sent.path(name)}.",
            code="parameter_missing",
            param=sent.path(name),
        )
    found: Params = sent[name]
    return found


def _after_completion(sent: Params) -> Object:
    after: Object = {"type": "portal_homepage", "redirect": None, "hosted_confirmation": None}
    if "after_completion" not in sent:
        return after
    wanted = sent["after_completion"]
    after["type"] = wanted["type"]
    if wanted["type"] == "redirect":
        url = _part(wanted, "redirect")["return_url"]
        param = wanted["redirect"].path("return_url")
        after["redirect"] = {"return_url": check_url(url, param)}
    if wanted["type"] == "hosted_confirmation":
        message = wanted.whole("hosted_confirmation", {}).get("custom_message")
        after["hosted_confirmation"] = {"custom_message": message}
    return after


def _of_subscription(
    work: Work, sent: Params, kind: str, customer: Object, features: Object
) -> Object:
    param = sent.path("subscription")
    subscription = work.get("subscription", sent["subscription"], param)
    if subscription["customer"] != customer["id"]:
        raise missing_object("subscription", subscription["id"], param)
    _check_goes_on(subscription, param)
    flow: Object = {"subscription": subscription["id"]}
    if kind == "subscription_cancel":
        if sent.get("retention"):
            raise unsupported_feature(sent.path("retention"))
        flow["retention"] = None
    if kind == "subscription_update_confirm":
        if sent.get("discounts"):
            raise unsupported_feature(sent.path("discounts"))
        flow |= {"discounts": None, "items": [_item(work, sent, subscription, features)]}
    return flow


def _check_goes_on(subscription: Object, param: str) -> None:
    identity = subscription["id"]
    if subscription["status"] in standing.ENDED:
        raise StripeError(
            f"The subscription `{identity}` is canceled and cannot be changed.", param=param
        )
    if subscription["cancel_at_period_end"] or subscription["cancel_at"]:
        raise StripeError(
            f"The subscription `{identity}` is already set to be canceled.", param=param
        )


def _item(work: Work, sent: Params, subscription: Object, features: Object) -> Object:
    items = sent["items"] or []
    if len(items) != 1:
        raise StripeError("You must pass exactly one item to update.", param=sent.path("items"))
    (wanted,) = items
    current = next(
        (one for one in subscription["items"]["data"] if one["id"] == wanted["id"]), None
    )
    if current is None:
        raise missing_object("subscription_item", wanted["id"], wanted.path("id"))
    price = wanted.get("price", current["price"]["id"])
    quantity = wanted.get("quantity", current["quantity"])
    if (price, quantity) == (current["price"]["id"], current["quantity"]):
        raise StripeError("There are no changes to confirm.", param=sent.path("items"))
    if price != current["price"]["id"]:
        _check_offered(work, price, features, wanted.path("price"))
    return {"id": current["id"], "price": price, "quantity": quantity}


def _check_offered(work: Work, price: str, features: Object, param: str) -> None:
    work.get("price", price, param)
    products = features["subscription_update"]["products"]
    if products and price not in {each for product in products for each in product["prices"]}:
        raise StripeError(
            f"The price `{price}` is not in `features[subscription_update][products]` of the "
            "portal configuration.",
            param=param,
        )

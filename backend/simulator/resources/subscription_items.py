"""The items of a subscription. Each change of an item changes the subscription."""

from stripe.params import (
    SubscriptionItemCreateParams,
    SubscriptionItemDeleteParams,
    SubscriptionItemListParams,
    SubscriptionItemRetrieveParams,
    SubscriptionItemUpdateParams,
)

from simulator.billing import subscription_schedules
from simulator.billing.changes import change
from simulator.billing.items import ItemChange
from simulator.billing.reshaping import Change
from simulator.objects import Object
from simulator.protocol.errors import missing_object
from simulator.protocol.lists import page_of
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.resources.subscription_params import item_change
from simulator.state.work import Work

URL = "/v1/subscription_items"


@operation("POST /v1/subscription_items", SubscriptionItemCreateParams)
def create(work: Work, params: Params) -> Object:
    subscription = work.get("subscription", params["subscription"], "subscription")
    known = {item["id"] for item in subscription["items"]["data"]}
    changed = _change(work, params, subscription, item_change(work, params, subscription))
    return next(item for item in changed["items"]["data"] if item["id"] not in known)


@operation("GET /v1/subscription_items/{id}", SubscriptionItemRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return _item(_owner(work, identity), identity)


@operation("POST /v1/subscription_items/{id}", SubscriptionItemUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    subscription = _owner(work, identity)
    wish = item_change(work, params, subscription, identity)
    return _item(_change(work, params, subscription, wish), identity)


@operation("DELETE /v1/subscription_items/{id}", SubscriptionItemDeleteParams)
def delete(work: Work, params: Params, identity: str) -> Object:
    params.accept("clear_usage")
    _change(work, params, _owner(work, identity), ItemChange(identity, deleted=True))
    return {"id": identity, "object": "subscription_item", "deleted": True}


@operation("GET /v1/subscription_items", SubscriptionItemListParams)
def list_all(work: Work, params: Params) -> Object:
    subscription = work.get("subscription", params["subscription"], "subscription")
    return page_of(params, "subscription_item", URL, subscription["items"]["data"])


def _change(work: Work, params: Params, subscription: Object, item: ItemChange) -> Object:
    work.use_clock_of(subscription)
    wish = Change(
        items=[item],
        proration_behavior=params.get("proration_behavior", "create_prorations"),
        proration_date=params.get("proration_date"),
        payment_behavior=params.get("payment_behavior", "allow_incomplete"),
        off_session=params.get("off_session", False),
    )
    changed = change(work, subscription, wish)
    subscription_schedules.follow_direct_change(work, changed)
    return changed


def _owner(work: Work, identity: str) -> Object:
    pointer = work.find("subscription_item", identity)
    if pointer is None:
        raise missing_object("subscription_item", identity)
    return work.get("subscription", pointer["subscription"])


def _item(subscription: Object, identity: str) -> Object:
    for item in subscription["items"]["data"]:
        if item["id"] == identity:
            found: Object = item
            return found
    raise missing_object("subscription_item", identity)

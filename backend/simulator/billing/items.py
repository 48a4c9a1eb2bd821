"""The items of a subscription after a change."""

from dataclasses import dataclass

from simulator.billing import subscription_timers
from simulator.billing.periods import Period
from simulator.billing.subscriptions import Wanted, built_item, check_items
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.shapes.subscription import plan_of
from simulator.state.work import Work


@dataclass
class ItemChange:
    """A change of the item with the id `item_id`, or a new item if that is `None`.

    In a change, `None` leaves a field as it is.
    """

    item_id: str | None = None
    price: Object | None = None
    quantity: int | None = None
    metadata: dict[str, str] | None = None
    deleted: bool = False


def items_after(work: Work, subscription: Object, changes: list[ItemChange]) -> list[Object]:
    """Return the items after the changes. Each changed item is a new dict."""
    current = {item["id"]: item for item in subscription["items"]["data"]}
    added = []
    for one in changes:
        if one.item_id is None:
            assert one.price
            period = Period(*subscription_timers.period_of(subscription))
            wanted = Wanted(
                one.price, 1 if one.quantity is None else one.quantity, one.metadata or {}
            )
            added.append(built_item(work, subscription, wanted, period))
        elif one.item_id not in current:
            raise StripeError(
                f"No such subscription item: '{one.item_id}'",
                code="resource_missing",
                param="items",
            )
        elif one.deleted:
            del current[one.item_id]
        else:
            current[one.item_id] = _changed(current[one.item_id], one)
    items = [*current.values(), *added]
    check_items([(item["price"], item["quantity"]) for item in items])
    if len({item["price"]["currency"] for item in items} | {subscription["currency"]}) > 1:
        raise StripeError("A subscription's currency cannot be changed.", param="items")
    return items


def _changed(item: Object, wish: ItemChange) -> Object:
    changed = dict(item)
    if wish.price:
        changed |= {"price": wish.price, "plan": plan_of(wish.price)}
    if wish.quantity is not None:
        changed["quantity"] = wish.quantity
    if wish.metadata is not None:
        changed["metadata"] = wish.metadata
    return changed

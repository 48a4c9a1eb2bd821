"""A simulator without HTTP. Tests call its operations and check its invariants."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import simulator.resources  # noqa: F401 - registers the operations
from simulator.billing import standing, subscription_timers
from simulator.billing.catalog import interval_of
from simulator.objects import Object, public_surface
from simulator.protocol.checking import check
from simulator.protocol.forms import decode_form
from simulator.protocol.operations import find_operation
from simulator.state.store import Store
from simulator.state.timeline import Timeline

REPLAYED = ("subscription", "subscription_schedule", "invoice", "charge", "payment_intent")


class World:
    def __init__(self, now: int) -> None:
        self.store = Store(None, seed="world", frozen=now)
        self.voided_by_hand = False

    @property
    def now(self) -> int:
        return self.store.clock.now()

    def call(self, method: str, path: str, **params: Any) -> Object:
        """Call an operation as a request does. Raises `StripeError` if the call is
        refused.

        Parameters have the same names as in a form.
        """
        operation, ids = find_operation(method, path)
        with self.store.work() as work:
            wanted = check(operation.takes, decode_form(urlencode(params)))
            answer = operation.handler(work, wanted, *ids)
            assert list(wanted.unread()) == []
            return answer

    def advance(self, seconds: int) -> None:
        asyncio.run(Timeline(self.store).advance(self.now + seconds))

    def all(self, kind: str) -> list[Object]:
        with self.store.work() as work:
            return list(work.all(kind))

    def subscription(self, identity: str) -> Object:
        with self.store.work() as work:
            return work.get("subscription", identity)

    def charges_for_time(self, item: str) -> list[Object]:
        """Return the charges for a subscription item's time, oldest first.

        The charges are lines of valid invoices, and pending items. Each charge has an
        `amount` after discounts, and the `start` and `end` of the time that it covers.
        """
        found = []
        for invoice in self.all("invoice"):
            for line in invoice["lines"]["data"] if invoice["status"] != "void" else []:
                details = line["parent"]["subscription_item_details"]
                if details["subscription_item"] == item:
                    off = sum(each["amount"] for each in line["discount_amounts"])
                    order = details["invoice_item"] or line["id"]
                    found.append(
                        {"order": order[-8:], "amount": line["amount"] - off, **line["period"]}
                    )
        for pending in self.all("invoiceitem"):
            details = pending["parent"]["subscription_details"]
            if pending["invoice"] is None and details["subscription_item"] == item:
                found.append(
                    {"order": pending["id"][-8:], "amount": pending["amount"], **pending["period"]}
                )
        return sorted(found, key=lambda one: one["order"])

    def check(self) -> None:
        """Raise if an invariant does not hold."""
        for invoice in self.all("invoice"):
            _adds_up(invoice)
        self._charges_no_period_twice()
        self._credits_nothing_twice()
        self._balances()
        self._subscriptions_are_alive_or_over()
        self._schedules_lead_their_subscriptions()
        self._events_tell_everything()

    def _charges_no_period_twice(self) -> None:
        """Check that no period has two invoices that are open or paid."""
        periods = Counter(
            (
                line["parent"]["subscription_item_details"]["subscription_item"],
                line["period"]["start"],
                line["period"]["end"],
            )
            for invoice in self.all("invoice")
            if invoice["status"] != "void"
            and invoice["billing_reason"] in {"subscription_create", "subscription_cycle"}
            for line in invoice["lines"]["data"]
            if not line["parent"]["subscription_item_details"]["proration"]
        )
        assert [period for period, count in periods.items() if count > 1] == []

    def _credits_nothing_twice(self) -> None:
        """Check that each credit for an item's time follows a charge at least as large.

        If a charge is voided by hand, it may already have been credited. Such a charge
        is not checked.
        """
        if self.voided_by_hand:
            return
        for subscription in self.all("subscription"):
            for item in subscription["items"]["data"]:
                charged = 0
                for one in self.charges_for_time(item["id"]):
                    assert -one["amount"] <= charged
                    charged = max(one["amount"], 0)

    def _balances(self) -> None:
        """Check that a customer's balance equals what invoices have added to it, minus
        what invoices have used of it.
        """
        for customer in self.all("customer"):
            moved = sum(
                invoice["ending_balance"] - invoice["starting_balance"]
                for invoice in self.all("invoice")
                if invoice["customer"] == customer["id"]
                and invoice["ending_balance"] is not None
                and invoice["status"] != "void"
            )
            assert customer["balance"] == moved

    def _subscriptions_are_alive_or_over(self) -> None:
        timers = {(entry["name"], entry["for"]): entry["at"] for entry in self.all("_timer")}
        for subscription in self.all("subscription"):
            turn = timers.get(("subscription.period", subscription["id"]))
            ended = subscription["status"] in standing.ENDED
            assert (turn is None) == (ended or subscription["status"] == "paused")
            assert ended == (subscription["ended_at"] is not None)
            if turn is not None:
                start, end = subscription_timers.period_of(subscription)
                assert start <= self.now < end
                assert self.now < turn <= end
                _is_in_step(subscription, self.now)
            if subscription["status"] == "incomplete":
                assert self.now < subscription["created"] + 23 * 3600
            if subscription["status"] == "trialing":
                assert self.now < subscription["trial_end"]

    def _schedules_lead_their_subscriptions(self) -> None:
        """Check that an active schedule and its subscription name each other.

        The phase must be the current one.
        """
        subscriptions = {one["id"]: one for one in self.all("subscription")}
        led = {
            one["schedule"]: identity for identity, one in subscriptions.items() if one["schedule"]
        }
        active = [one for one in self.all("subscription_schedule") if one["status"] == "active"]
        assert led == {one["id"]: one["subscription"] for one in active}
        for one in active:
            assert subscriptions[one["subscription"]]["status"] not in standing.ENDED
            assert one["current_phase"]["start_date"] <= self.now < one["current_phase"]["end_date"]

    def _events_tell_everything(self) -> None:
        """Check that the last event about an object contains the object as it is now.

        If the changes in an event's `previous_attributes` are undone, its object must
        equal that of the previous event.
        """
        last: dict[tuple[str, str], Object] = {}
        for event in self.all("event"):
            shown = event["data"]["object"]
            assert not list(_hidden(shown)), event["type"]
            key = (shown["object"], shown["id"])
            if key[0] not in REPLAYED:
                continue
            if (previous := event["data"].get("previous_attributes")) is not None and key in last:
                assert _plain(_undone(shown, previous)) == _plain(last[key]), event["type"]
            last[key] = shown
        for (kind, identity), shown in last.items():
            with self.store.work() as work:
                found = work.find(kind, identity)
            assert found is None or public_surface(found) == shown


def _is_in_step(subscription: Object, now: int) -> None:
    """Check that every item's period is one interval of the item's price, counted from
    the anchor.

    During a trial, the period ends with the trial. The first period begins with the
    subscription.
    """
    for item in subscription["items"]["data"]:
        start, end = item["current_period_start"], item["current_period_end"]
        if standing.in_trial(subscription, now):
            assert end == subscription["trial_end"]
            continue
        whole = interval_of(item["price"]).period(subscription["billing_cycle_anchor"], now)
        assert end == whole.end
        assert start in {whole.start, subscription["created"]}
        assert whole.start <= start


def _adds_up(invoice: Object) -> None:
    rows = invoice["lines"]["data"]
    off = sum(each["amount"] for row in rows for each in row["discount_amounts"])
    assert off == sum(each["amount"] for each in invoice["total_discount_amounts"])
    assert invoice["subtotal"] == sum(row["amount"] for row in rows)
    assert invoice["total"] == invoice["subtotal"] - off
    assert invoice["amount_paid"] + invoice["amount_remaining"] == invoice["amount_due"]
    if invoice["status"] == "paid":
        assert invoice["amount_remaining"] == 0
    if invoice["ending_balance"] is not None:
        owed = invoice["total"] + invoice["starting_balance"]
        assert invoice["amount_due"] + invoice["ending_balance"] == owed
        assert (invoice["amount_due"] >= 50) or (invoice["amount_due"] == 0 and owed < 50)


def _hidden(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (key for key in value if key.startswith("_"))
        for one in value.values():
            yield from _hidden(one)
    elif isinstance(value, list):
        for one in value:
            yield from _hidden(one)


def _undone(shown: Object, previous: Object) -> Object:
    found = dict(shown)
    for name, value in previous.items():
        now = shown.get(name)
        found[name] = (
            _undone(now, value) if isinstance(value, dict) and isinstance(now, dict) else value
        )
    return found


def _plain(value: Any) -> Any:
    """Return the object without null values. A key that an event adds counts as null
    before.
    """
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if one is not None}
    return [_plain(one) for one in value] if isinstance(value, list) else value

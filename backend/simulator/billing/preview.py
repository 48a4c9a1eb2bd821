"""Previews of invoices: the next invoice, and the cost of a change.

To preview a change, the simulator makes the change in a separate unit of work, and then
undoes that unit of work. So a preview shows exactly what the change would do.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from simulator.billing import changes, cycle, invoices, subscription_schedules, subscription_timers
from simulator.billing.reshaping import Change, reshape
from simulator.billing.subscriptions import Order, start
from simulator.durations import HOUR
from simulator.objects import EMBEDDED, Object
from simulator.protocol.errors import StripeError
from simulator.state.work import Work

REMEMBERED = 50


def upcoming(work: Work, subscription: Object, *, follows_schedule: bool = True) -> Object:
    """Return the invoice of the next period, as it will be if nothing changes until
    then.

    If a phase of a schedule begins with that period, the prices of the phase apply.
    Raises `invoice_upcoming_none` if there will be no invoice.
    """
    end = subscription["cancel_at"]
    at = subscription_timers.period_of(subscription)[1]
    ends = subscription["status"] in {"canceled", "incomplete_expired", "paused"} or (
        end is not None and end <= at
    )
    then = (
        subscription_schedules.as_of(work, subscription, at) if follows_schedule else subscription
    )
    plan = cycle.plan_period_invoice(work, then, at, "upcoming")
    if ends:
        plan.lines = []
        if not plan.pending:
            raise StripeError(
                f"No upcoming invoices for customer: {subscription['customer']}",
                status=404,
                code="invoice_upcoming_none",
            )
    return _shown(invoices.compose(work, plan), at)


def of_change(work: Work, subscription_id: str, wish: Change) -> Object:
    with _undone(work) as scratch:
        effect = reshape(scratch, scratch.get("subscription", subscription_id), wish)
        if effect.invoices_now:
            plan = changes.plan_of_update(scratch, effect, "upcoming")
            return _shown(invoices.compose(scratch, plan), scratch.now)
        found = upcoming(scratch, effect.wanted, follows_schedule=not wish.items)
        details = found["parent"]["subscription_details"]
        return found | {
            "parent": found["parent"]
            | {
                "subscription_details": details
                | {"subscription_proration_date": effect.at or scratch.now}
            }
        }


def of_order(work: Work, order: Order) -> Object:
    """Return the first invoice that a new subscription would have."""
    with _undone(work) as scratch:
        order.payment_behavior = "default_incomplete"
        invoice = scratch.get("invoice", start(scratch, order)["latest_invoice"])
        lines = invoice["lines"] | {
            "data": [line | {"subscription": None} for line in invoice["lines"]["data"]]
        }
        draft = invoice | {
            "status": "draft",
            "billing_reason": "upcoming",
            "lines": lines,
            "parent": None,
        }
        return _shown(invoices.with_totals(scratch, draft, lines["data"]), scratch.now)


def remember_lines(work: Work, shown: Object) -> Object:
    """Store all lines of a preview that shows only its first lines.

    Another call can then list them. Only the lines of the newest previews are kept.
    """
    if len(shown["lines"]["data"]) > EMBEDDED:
        work.put({"object": "_preview", "id": shown["id"], "lines": shown["lines"]["data"]})
        for old in work.ids("_preview")[:-REMEMBERED]:
            work.remove("_preview", old)
    return shown


@contextmanager
def _undone(work: Work) -> Iterator[Work]:
    """Open a second unit of work, which is undone after the block.

    The caller's own unit of work must not have changed anything yet.
    """
    scratch = Work(work.store, None, None)
    scratch.now, scratch.clock_id = work.now, work.clock_id
    try:
        yield scratch
    finally:
        scratch.undo()


def _shown(invoice: Object, at: int) -> Object:
    identity = invoice["id"].replace("in_", "upcoming_in_")
    rows = [
        row | {"id": row["id"].replace("il_", "il_tmp_"), "invoice": identity}
        for row in invoice["lines"]["data"]
    ]
    return invoice | {
        "id": identity,
        "created": at,
        "auto_advance": False,
        "next_payment_attempt": at + HOUR,
        "lines": {
            "object": "list",
            "data": rows,
            "has_more": False,
            "url": f"/v1/invoices/{identity}/lines",
        },
    }

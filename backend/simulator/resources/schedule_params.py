"""The phases of a subscription schedule in a call."""

from typing import Any

from simulator.billing import coupons
from simulator.billing.catalog import interval_of
from simulator.billing.periods import Interval
from simulator.billing.subscriptions import Wanted, check_items
from simulator.objects import Object
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.protocol.parameters import Params
from simulator.resources.subscription_params import new_items, own_payment_method, refuse_others
from simulator.shapes.subscription_schedule import new_phase, phase_item
from simulator.state.work import Work

MAX_PHASES = 10  # current and future phases


def read_phases(work: Work, params: Params, customer: Object, start: int) -> list[Object]:
    """Return the phases in their order. The first one begins at `start`.

    Every other phase begins at the end of the previous phase.
    """
    given = params.get("phases") or []
    if not given:
        raise StripeError(
            "A schedule must have at least one phase.", code="parameter_missing", param="phases"
        )
    if len(given) > MAX_PHASES:
        raise StripeError(
            f"A schedule can have at most {MAX_PHASES} phases that are not over.", param="phases"
        )
    found: list[Object] = []
    for one in given:
        is_last = one is given[-1]
        found.append(
            _phase(work, one, customer, found[-1]["end_date"] if found else start, is_last=is_last)
        )
    if len({phase["currency"] for phase in found} | {customer["currency"]} - {None}) > 1:
        raise StripeError(
            "All phases of a schedule must have the customer's currency.", param="phases"
        )
    return found


def moment(work: Work, params: Params, name: str) -> int | None:
    value: int | str | None = params.get(name)
    return work.now if value == "now" else value  # type: ignore[return-value]  # otherwise a number


def end_behavior(params: Params, default: str = "release") -> str:
    behavior: str = params.get("end_behavior", default)
    if behavior not in {"release", "cancel"}:
        raise unsupported_feature(
            "end_behavior", "The simulator's schedules release their subscription, or cancel it."
        )
    return behavior


def _phase(work: Work, params: Params, customer: Object, start: int, *, is_last: bool) -> Object:
    refuse_others(params)
    if moment(work, params, "start_date") not in {None, start}:
        raise StripeError(
            "The start date of a phase must be the end date of the one before.",
            param=params.path("start_date"),
        )
    items = new_items(work, params, _held_prices(work, customer))
    check_items([(item.price, item.quantity) for item in items])
    end = _end(work, params, start, interval_of(items[0].price), is_last=is_last)
    if end <= start and not (end == work.now and "end_date" in params):
        raise StripeError(
            "The end date of a phase must be after its start date.", param=params.path("end_date")
        )
    phase = new_phase(items[0].price["currency"], start, end, [_item(one) for one in items])
    params.into(phase, "proration_behavior", "billing_cycle_anchor", "description", "trial")
    params.merge_metadata(phase)
    phase["discounts"] = _discounts(work, params, customer["id"])
    if "trial_end" in params:
        phase["trial_end"] = moment(work, params, "trial_end")
    if "default_payment_method" in params:
        phase["default_payment_method"] = own_payment_method(work, params, customer["id"])
    if params.get("currency", phase["currency"]) != phase["currency"]:
        raise StripeError(
            "The prices of a phase must have its currency.", param=params.path("currency")
        )
    return phase


def _held_prices(work: Work, customer: Object) -> set[str]:
    """Return the prices of the customer's current subscriptions.

    A schedule must be able to name its current price, even if that is no longer for
    sale.
    """
    live = [one for one in work.all("subscription", customer=customer["id"]) if not one["ended_at"]]
    return {item["price"]["id"] for one in live for item in one["items"]["data"]}


def _item(wanted: Wanted) -> Object:
    return phase_item(wanted.price["id"], wanted.quantity, wanted.metadata)


def _end(work: Work, params: Params, start: int, interval: Interval, *, is_last: bool) -> int:
    """Return the end of a phase, from a date or a duration.

    The last phase may have neither a date nor a duration. It then ends after one
    period.
    """
    end, duration = moment(work, params, "end_date"), params.get("duration")
    if end is not None and duration is not None:
        raise StripeError(
            "You may only specify one of `end_date` and `duration`.", param=params.path("end_date")
        )
    if end is not None:
        return end
    if duration is not None:
        return Interval(duration["interval"], duration.get("interval_count", 1)).after(start, 1)
    if not is_last:
        raise StripeError(
            "Every phase but the last needs an `end_date` or a `duration`.",
            code="parameter_missing",
            param=params.path("end_date"),
        )
    return interval.after(start, 1)


def _discounts(work: Work, params: Params, customer: str) -> list[Object]:
    """Return the discounts in the form in which the phase shows them.

    A `discount` that the subscription already has continues.
    """
    found = []
    for one in params.get("discounts") or []:
        shown: dict[str, Any] = {
            name: one.get(name) for name in ("coupon", "discount", "promotion_code")
        }
        if shown["discount"]:
            work.get("discount", shown["discount"], one.path("discount"))
        else:
            coupons.named_discounts(work, [one], customer, params.path("discounts"))
        found.append(shown)
    return found

"""Billing periods in Unix seconds (UTC), counted from an anchor.

A short month does not move the anchor. A subscription with an anchor on the 31st is
billed on the last day of shorter months, and on the 31st of longer months
(https://docs.stripe.com/billing/subscriptions/billing-cycle).
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from simulator.durations import DAY

_SECONDS = {"day": DAY, "week": 7 * DAY}
_MONTHS = {"month": 1, "year": 12}


class Period(NamedTuple):
    """The time from `start`, inclusive, to `end`, exclusive."""

    start: int
    end: int

    @property
    def seconds(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Interval:
    """The interval of a price. `unit` is one of Stripe's: day, week, month or year."""

    unit: str
    count: int = 1

    def after(self, anchor: int, periods: int) -> int:
        """Return the boundary `periods` intervals after the anchor.

        A negative number counts backwards from the anchor.
        """
        steps = periods * self.count
        if self.unit in _SECONDS:
            return anchor + steps * _SECONDS[self.unit]
        return _months_after(anchor, steps * _MONTHS[self.unit])

    def period(self, anchor: int, at: int) -> Period:
        """Return the period that contains `at`.

        A time on a boundary belongs to the period that begins there.
        """
        number = self._estimate(anchor, at)
        while self.after(anchor, number) > at:
            number -= 1
        while self.after(anchor, number + 1) <= at:
            number += 1
        return Period(self.after(anchor, number), self.after(anchor, number + 1))

    def _estimate(self, anchor: int, at: int) -> int:
        if self.unit in _SECONDS:
            return (at - anchor) // (_SECONDS[self.unit] * self.count)
        first, last = _utc(anchor), _utc(at)
        months = (last.year - first.year) * 12 + last.month - first.month
        return months // (_MONTHS[self.unit] * self.count)


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _months_after(anchor: int, months: int) -> int:
    moment = _utc(anchor)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())

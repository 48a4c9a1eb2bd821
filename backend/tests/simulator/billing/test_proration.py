"""Prorations whose amounts were calculated by hand.

The comment next to an amount shows the fraction of the period.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.billing.periods import Period
from simulator.billing.proration import Debit, remaining, unused
from simulator.durations import DAY

APRIL = Period(1_775_001_600, 1_775_001_600 + 30 * DAY)
MAY = Period(1_777_593_600, 1_777_593_600 + 31 * DAY)


def debit(amount: int, period: Period) -> Debit:
    return Debit(
        amount=amount,
        start=period.start,
        end=period.end,
        name="Pro",
        quantity=1,
        pricing={},
        invoice=None,
        line=None,
        pending=None,
    )


@pytest.mark.parametrize(
    ("old", "new", "period", "elapsed", "lines"),
    [
        (1000, 2000, APRIL, 15 * DAY, (-500, 1000)),  # 15/30: the example on Stripe's page
        (2000, 1000, APRIL, 15 * DAY, (-1000, 500)),
        (10_000, 20_000, MAY, 14 * DAY, (-5484, 10_968)),  # 17/31 = 5483.87, 10967.74
        (1999, 4999, MAY, 7 * DAY, (-1548, 3870)),  # 24/31 = 1547.61, 3870.19
        (1000, 2000, APRIL, 1, (-1000, 2000)),  # 2591999/2592000 = 999.9996
        (1000, 2000, APRIL, 30 * DAY - 1, (0, 0)),  # 1/2592000
        (1, 1, APRIL, 15 * DAY, (-1, 1)),  # a half goes away from zero on both sides
        (999, 0, APRIL, 20 * DAY, (-333, 0)),  # 10/30
        (0, 999, APRIL, 20 * DAY, (0, 333)),
        (1000, 2000, APRIL, 0, (-1000, 2000)),
    ],
)
def test_unused_time_is_credited_and_remaining_time_charged(old, new, period, elapsed, lines):
    at = period.start + elapsed
    assert (unused(debit(old, period), at), remaining(new, period, at)) == lines


def test_a_second_change_credits_what_the_first_one_charged():
    """From the 16th, the price is 6000 a month. That is 3000 for 15 days, of which 5
    days are left on the 26th.
    """
    second_half = Period(APRIL.start + 15 * DAY, APRIL.end)
    assert unused(debit(3000, second_half), APRIL.start + 25 * DAY) == -1000


def test_time_that_is_over_gives_no_credit():
    assert unused(debit(1000, APRIL), APRIL.end) == 0
    assert unused(debit(1000, APRIL), APRIL.end + DAY) == 0


@given(st.integers(0, 10**8), st.integers(0, 30 * DAY))
def test_the_same_price_again_costs_nothing(amount, elapsed):
    at = APRIL.start + elapsed
    assert unused(debit(amount, APRIL), at) + remaining(amount, APRIL, at) == 0


@given(st.integers(0, 10**8), st.lists(st.integers(0, 30 * DAY), min_size=1, max_size=6))
def test_no_series_of_changes_credits_more_than_was_paid(amount, moments):
    paid, current = amount, debit(amount, APRIL)
    for moment in sorted(moments):
        at = APRIL.start + moment
        credit = unused(current, at)
        assert 0 <= -credit <= current["amount"]
        charge = remaining(2 * amount, APRIL, at)
        paid += credit + charge
        current = debit(charge, Period(at, APRIL.end)) if at < APRIL.end else debit(0, APRIL)
        assert paid >= 0

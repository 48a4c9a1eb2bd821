from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.billing.periods import Interval, Period

MONTH, YEAR = Interval("month"), Interval("year")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("interval", "anchor", "periods", "boundary"),
    [
        (MONTH, "2026-01-31T10:20:30", 1, "2026-02-28T10:20:30"),
        (MONTH, "2026-01-31T10:20:30", 2, "2026-03-31T10:20:30"),
        (MONTH, "2026-01-31T10:20:30", 3, "2026-04-30T10:20:30"),
        (MONTH, "2028-01-31T00:00:00", 1, "2028-02-29T00:00:00"),
        (MONTH, "2026-11-30T00:00:00", 3, "2027-02-28T00:00:00"),
        (MONTH, "2026-03-15T12:00:00", -1, "2026-02-15T12:00:00"),
        (Interval("month", 3), "2026-11-30T00:00:00", 1, "2027-02-28T00:00:00"),
        (YEAR, "2028-02-29T06:00:00", 1, "2029-02-28T06:00:00"),
        (YEAR, "2028-02-29T06:00:00", 4, "2032-02-29T06:00:00"),
        (Interval("week", 2), "2026-03-20T00:00:00", 1, "2026-04-03T00:00:00"),
        (Interval("day", 10), "2026-12-25T00:00:00", 1, "2027-01-04T00:00:00"),
    ],
)
def test_a_boundary_keeps_the_day_of_the_anchor(interval, anchor, periods, boundary):
    assert interval.after(at(anchor), periods) == at(boundary)


def test_a_moment_on_a_boundary_begins_the_next_period():
    anchor = at("2026-01-31T00:00:00")
    march = Period(at("2026-02-28T00:00:00"), at("2026-03-31T00:00:00"))
    assert MONTH.period(anchor, march.start) == march
    assert MONTH.period(anchor, march.end - 1) == march
    assert MONTH.period(anchor, march.end).start == march.end


intervals = st.builds(
    Interval, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 12)
)
moments = st.integers(at("2020-01-01"), at("2040-12-31"))


@given(intervals, moments, moments)
def test_periods_cover_all_time_without_gap_or_overlap(interval, anchor, moment):
    period = interval.period(anchor, moment)
    assert period.start <= moment < period.end
    assert interval.period(anchor, period.end).start == period.end
    assert interval.period(anchor, period.start - 1).end == period.start

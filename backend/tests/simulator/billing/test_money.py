from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.billing.currencies import decimals, multiple_of, smallest_charge
from simulator.billing.money import percentage, rounded, share, spread, times
from simulator.billing.totals import due
from simulator.billing.words import format_money


@pytest.mark.parametrize(
    ("exact", "whole"),
    [("0.5", 1), ("-0.5", -1), ("2.5", 3), ("2.4999", 2), ("-2.5", -3), ("7", 7), ("-0.49", 0)],
)
def test_a_half_goes_away_from_zero(exact, whole):
    assert rounded(Decimal(exact)) == whole


def test_units_with_decimals_are_rounded_once_for_the_line():
    assert times("0.5", 3) == 2
    assert times("33.333333333333", 3) == 100
    assert times("1999", 4) == 7996


def test_a_percentage_of_a_float_is_exact():
    assert percentage(1000, 33.3) == 333
    assert percentage(5, 10.1) == 1
    assert percentage(2990, "25") == 748  # 747.5


def test_a_share_is_exact_for_sums_that_floats_cannot_hold():
    assert share(99_999_999_999_999_999, 1, 3) == 33_333_333_333_333_333


def test_the_remainder_of_a_division_goes_to_those_who_lost_most():
    assert spread(100, [1, 1, 1]) == [34, 33, 33]
    assert spread(10, [5, 0, 15]) == [3, 0, 7]  # equal remainders (2.5, 7.5): the first wins
    assert spread(7, [0, 0]) == [0, 0]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=9).filter(any), st.integers(0, 10**9))
def test_shares_add_up_and_none_is_off_by_more_than_a_cent(weights, amount):
    shares = spread(amount, weights)
    assert sum(shares) == amount
    for weight, part in zip(weights, shares, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)


def test_currencies_have_their_own_smallest_charge():
    assert (smallest_charge("usd"), smallest_charge("gbp"), smallest_charge("huf")) == (
        50,
        30,
        17500,
    )


@pytest.mark.parametrize(
    ("amount", "code", "text"),
    [
        (500, "jpy", "¥500"),
        (50_000, "ugx", "500.00 UGX"),
        (50_000, "isk", "500.00 ISK"),
        (12_340, "kwd", "12.340 KWD"),
    ],
)
def test_amounts_are_written_as_stripe_counts_them(amount, code, text):
    assert format_money(amount, code) == text


def test_the_application_reads_the_same_table():
    from app.routers.payments.plans.currencies import supported

    assert len(supported()) > 130
    for code, currency in supported().items():
        assert (currency.decimals, currency.multiple_of) == (decimals(code), multiple_of(code))
        assert currency.minimum in (1, smallest_charge(code))


@pytest.mark.parametrize(
    ("total", "code", "expected"),
    [
        (10_049, "ugx", (10_000, 49)),
        (10_050, "isk", (10_100, -50)),
        (5_124, "kwd", (5_120, 4)),
        (10_049, "huf", (0, 10_049)),  # less than the smallest amount that can be charged
        (17_549, "huf", (17_549, 0)),
        (10_049, "usd", (10_049, 0)),
    ],
)
def test_what_rounding_leaves_over_goes_onto_the_balance(total, code, expected):
    assert due(total, 0, code) == expected

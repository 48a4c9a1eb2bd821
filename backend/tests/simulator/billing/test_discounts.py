from hypothesis import given
from hypothesis import strategies as st

from simulator.billing.discounts import Discountable, Reduction, reductions_by_line
from simulator.billing.totals import due


def line(amount: int, product: str = "prod_1", *, discountable: bool = True) -> Discountable:
    return Discountable(amount, product, discountable)


def test_a_percentage_is_taken_of_the_sum_and_spread_over_lines():
    """25 % of 29.90 is 7.48. The shares of 10.00 and 19.90 are 2.5017 and 4.9783."""
    assert reductions_by_line([line(1000), line(1990)], [Reduction("di_1", 25)]) == [
        [("di_1", 250)],
        [("di_1", 498)],
    ]


def test_credits_are_left_alone():
    lines = [line(-500, discountable=False), line(1000)]
    assert reductions_by_line(lines, [Reduction("di_1", 50)]) == [[], [("di_1", 500)]]


def test_an_amount_takes_no_line_below_zero():
    assert reductions_by_line([line(300)], [Reduction("di_1", amount_off=500)]) == [[("di_1", 300)]]


def test_a_second_discount_applies_to_what_the_first_one_left():
    taken = reductions_by_line([line(1000)], [Reduction("di_1", 50), Reduction("di_2", 10)])
    assert taken == [[("di_1", 500), ("di_2", 50)]]


def test_a_coupon_for_some_products_leaves_the_others():
    reduction = Reduction("di_1", amount_off=400, products=frozenset({"prod_2"}))
    assert reductions_by_line([line(1000), line(500, "prod_2")], [reduction]) == [
        [],
        [("di_1", 400)],
    ]


reductions = st.builds(
    Reduction, st.just("di_1"), st.one_of(st.none(), st.floats(0.01, 100)), st.integers(0, 10**6)
)


@given(
    st.lists(st.builds(line, st.integers(-(10**6), 10**6)), min_size=1),
    st.lists(reductions, max_size=3),
)
def test_discounts_never_exceed_a_line(lines, several):
    for each, taken in zip(lines, reductions_by_line(lines, several), strict=True):
        assert 0 <= sum(amount for _, amount in taken) <= max(each.amount, 0)


def test_credit_on_the_balance_is_used_before_the_card():
    assert due(1000, -300, "usd") == (700, 0)
    assert due(1000, -1500, "usd") == (0, -500)


def test_a_negative_total_becomes_credit():
    assert due(-500, 0, "usd") == (0, -500)
    assert due(-500, 200, "usd") == (0, -300)


def test_what_is_too_small_to_charge_is_carried():
    assert due(49, 0, "usd") == (0, 49)
    assert due(50, 0, "usd") == (50, 0)
    assert due(1000, 49, "usd") == (1049, 0)

"""The input of a card form, and the page's messages about wrong input."""

import pytest

from simulator.pages.entry import CardEntry, Wrong, read_card, read_email, typed

NOW = 1_767_225_600  # 2026-01-01
GOOD = {"number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123", "name": "Ada Example"}


@pytest.mark.parametrize("expiry", ["12 / 34", "12/34", "1234", "12/2034"])
def test_a_card_is_read_however_it_is_written(expiry):
    assert read_card(GOOD | {"expiry": expiry}, NOW) == CardEntry(
        "4242424242424242", 12, 2034, "123", "Ada Example"
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("number", "", "Your card number is incomplete."),
        ("number", "4242 4242", "Your card number is incomplete."),
        ("number", "4242 4242 4242 4241", "Your card number is invalid."),
        ("expiry", "", "Your card's expiration date is incomplete."),
        ("expiry", "13 / 34", "Your card's expiration date is incomplete."),
        ("expiry", "12 / 25", "Your card's expiration date is in the past."),
        ("cvc", "12", "Your card's security code is incomplete."),
        ("cvc", "1234", "Your card's security code is incomplete."),
        ("name", "", "Please enter the name on the card."),
    ],
)
def test_each_field_says_what_is_wrong_with_it(field, value, said):
    with pytest.raises(Wrong) as caught:
        read_card(GOOD | {field: value}, NOW)
    assert caught.value.errors == {field: said}


def test_the_month_that_it_is_has_not_passed():
    assert read_card(GOOD | {"expiry": "01 / 26"}, NOW).exp_month == 1


def test_american_express_has_a_code_of_four():
    amex = {"number": "3782 822463 10005", "cvc": "1234"}
    assert read_card(GOOD | amex, NOW).cvc == "1234"
    with pytest.raises(Wrong):
        read_card(GOOD | amex | {"cvc": "123"}, NOW)


def test_an_address_has_two_sides():
    assert read_email({"email": "ada@example.com"}) == "ada@example.com"
    for wrong in ("", "ada", "ada@example", "a da@example.com", "@example.com"):
        with pytest.raises(Wrong):
            read_email({"email": wrong})


def test_a_pressed_test_card_fills_the_form_and_keeps_the_rest():
    entry = typed(
        {"use": "4000000000000002", "email": " ada@example.com ", "name": "Ada", "unknown": "x"}
    )
    assert entry["number"] == "4000 0000 0000 0002"
    assert (entry["email"], entry["name"]) == ("ada@example.com", "Ada")
    assert "unknown" not in entry
    assert read_card(entry, NOW).number == "4000000000000002"

import pytest

from simulator.billing import cards


def test_every_card_has_a_valid_number_and_names_of_its_own():
    assert all(cards.is_valid_number(card.number) for card in cards.CARDS)
    names = [name for card in cards.CARDS for name in card.names]
    assert len(names) == len(set(names))
    assert len({card.number for card in cards.CARDS}) == len(cards.CARDS)


@pytest.mark.parametrize(
    "number", ["4242424242424241", "4242", "", "4242424242424242424242", "٤٢٤٢424242424242"]
)
def test_what_is_no_card_number_is_refused(number):
    assert cards.by_number(number) is None


def test_numbers_are_read_as_people_write_them():
    card = cards.by_number("4000 0025 0000-3155")
    assert card is not None
    assert (card.last4, card.authentication) == ("3155", "unless_set_up")


def test_a_valid_number_of_no_test_card_is_a_plain_card():
    card = cards.by_number("4111111111111111")
    assert card is not None
    assert (card.brand, card.on_charge, card.authentication) == ("visa", None, "never")


def test_names_are_found_with_and_without_their_prefix():
    assert cards.by_name("pm_card_visa") is cards.by_name("tok_visa") is cards.by_name("visa")
    assert cards.by_name("pm_card_nope") is None


def charge(name, *, off_session=False, set_up=False, authenticated=False):
    card = cards.by_name(name)
    assert card is not None
    return cards.outcome(card, off_session=off_session, set_up=set_up, authenticated=authenticated)


def test_declines_say_why():
    assert charge("visa") is None
    assert charge("chargeDeclined") is cards.GENERIC
    assert charge("chargeDeclinedInsufficientFunds") is cards.INSUFFICIENT_FUNDS
    assert charge("chargeCustomerFail") is cards.GENERIC


def test_the_card_0341_is_saved_and_fails_later():
    card = cards.by_number("4000000000000341")
    assert card is not None
    assert cards.setup_outcome(card, authenticated=False) is None
    declined = cards.by_name("chargeDeclined")
    assert declined is not None
    assert cards.setup_outcome(declined, authenticated=False) is cards.GENERIC


@pytest.mark.parametrize(
    ("name", "present", "absent", "absent_and_set_up"),
    [
        ("authenticationRequiredOnSetup", "action", cards.AUTHENTICATION_REQUIRED, None),
        (
            "authenticationRequired",
            "action",
            cards.AUTHENTICATION_REQUIRED,
            cards.AUTHENTICATION_REQUIRED,
        ),
        ("threeDSecure2Required", "action", None, None),
        ("threeDSecureOptional", None, None, None),
    ],
)
def test_who_is_asked_for_3d_secure(name, present, absent, absent_and_set_up):
    assert charge(name) == present
    assert charge(name, authenticated=True) is None
    assert charge(name, off_session=True) == absent
    assert charge(name, off_session=True, set_up=True) == absent_and_set_up


def test_after_3d_secure_the_bank_still_decides():
    name = "authenticationRequiredChargeDeclinedInsufficientFunds"
    assert charge(name) == "action"
    assert charge(name, authenticated=True) is cards.INSUFFICIENT_FUNDS

import pytest
import stripe


@pytest.fixture
def customer(v1):
    return v1.customers.create({"email": "ada@example.com"}).id


def card(**changes):
    return {
        "type": "card",
        "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, **changes},
    }


def test_a_card_by_its_number(v1, customer):
    made = v1.payment_methods.create(
        {**card(cvc="123"), "billing_details": {"name": "Ada", "address": {"city": "X"}}}
    )
    assert (made.card.brand, made.card.last4, made.customer) == ("visa", "4242", None)
    assert (made.billing_details.name, made.billing_details.address.city) == ("Ada", "X")
    assert "4242424242424242" not in str(made)
    attached = v1.payment_methods.attach(made.id, {"customer": customer})
    assert attached.customer == customer
    again = v1.payment_methods.create(card(exp_year=2040))
    assert again.card.fingerprint == made.card.fingerprint


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"number": "abc"}, "incorrect_number", "number"),
        ({"exp_month": 13}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": 2025}, "invalid_expiry_year", "exp_year"),
        ({"exp_year": 99}, "invalid_expiry_year", "exp_year"),
        ({"cvc": "12"}, "invalid_cvc", "cvc"),
    ],
)
def test_a_card_that_cannot_be_is_refused(v1, changes, code, param):
    with pytest.raises(stripe.CardError) as refused:
        v1.payment_methods.create(card(**changes))
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        402,
        code,
        param,
    )


@pytest.mark.parametrize(
    ("name", "brand", "last4"),
    [
        ("pm_card_visa", "visa", "4242"),
        ("pm_card_mastercard", "mastercard", "4444"),
        ("pm_card_de", "visa", "0016"),
        ("pm_card_amex", "amex", "0005"),
    ],
)
def test_test_cards_by_name_are_new_each_time(v1, customer, name, brand, last4):
    first = v1.payment_methods.attach(name, {"customer": customer})
    second = v1.payment_methods.attach(name, {"customer": customer})
    assert (first.card.brand, first.card.last4) == (brand, last4)
    assert first.card.display_brand == {"amex": "american_express"}.get(brand, brand)
    assert first.id != second.id
    assert [
        pm.id for pm in v1.payment_methods.list({"customer": customer, "type": "card"}).data
    ] == [
        second.id,
        first.id,
    ]


def test_a_test_token_is_a_card(v1):
    assert (
        v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).card.last4
        == "4242"
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.payment_methods.create({"type": "card", "card": {"token": "tok_nope"}})
    assert refused.value.param == "card[token]"


@pytest.mark.parametrize(
    ("name", "decline"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ],
)
def test_a_card_that_declines_is_not_saved(v1, customer, name, decline):
    with pytest.raises(stripe.CardError) as declined:
        v1.payment_methods.attach(name, {"customer": customer})
    error = declined.value.error
    assert error is not None
    assert error.decline_code == decline
    assert v1.customers.payment_methods.list(customer).data == []


def test_a_card_that_fails_later_is_saved(v1, customer):
    assert (
        v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).card.last4
        == "0341"
    )


def test_a_card_is_changed_and_goes(v1, customer):
    made = v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": made.id}})
    v1.payment_methods.update(
        made.id, {"card": {"exp_month": 1, "exp_year": 2040}, "metadata": {"a": "b"}}
    )
    v1.payment_methods.detach(made.id)
    gone = v1.payment_methods.retrieve(made.id)
    assert (gone.customer, gone.card.exp_year) == (None, 2040)
    assert v1.customers.retrieve(customer).invoice_settings.default_payment_method is None
    events = [e for e in v1.events.list().data if e.type.startswith("payment_method.")]
    assert [e.type.partition(".")[2] for e in events] == ["detached", "updated", "attached"]
    assert events[0].data.to_dict()["previous_attributes"] == {"customer": customer}
    for refused in (
        lambda: v1.payment_methods.detach(made.id),
        lambda: v1.payment_methods.attach(made.id, {"customer": customer}),
        lambda: v1.payment_methods.update(made.id, {"metadata": {"a": "c"}}),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            refused()


def test_a_card_has_one_customer(v1, customer):
    made = v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    assert v1.payment_methods.attach(made.id, {"customer": customer}).id == made.id
    other = v1.customers.create().id
    with pytest.raises(stripe.InvalidRequestError):
        v1.payment_methods.attach(made.id, {"customer": other})
    with pytest.raises(stripe.InvalidRequestError) as missing:
        v1.customers.payment_methods.retrieve(other, made.id)
    assert missing.value.http_status == 404
    assert v1.customers.payment_methods.retrieve(customer, made.id).id == made.id


def test_other_kinds_of_payment_are_said_to_be_missing(v1):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.payment_methods.create(
            {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}}
        )
    assert refused.value.code == "simulator_unsupported"

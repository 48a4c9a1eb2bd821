"""Calls read the account itself, or act on its behalf."""

import pytest
import stripe


def test_the_account_is_the_one_that_its_own_id_names(v1):
    own = v1.accounts.retrieve_current()
    assert own.id.startswith("acct_1")
    assert (own.charges_enabled, own.country, own.default_currency) == (True, "US", "usd")
    assert v1.accounts.retrieve(own.id) == own
    assert v1.accounts.list().data == []  # Stripe lists connected accounts here


def test_the_account_outlives_its_objects(simulator, v1):
    own = v1.accounts.retrieve_current().id
    simulator.control("reset")
    assert v1.accounts.retrieve_current().id == own


@pytest.mark.parametrize("header", ["stripe_account", "stripe_context"])
def test_a_call_may_name_one_s_own_account_and_no_other(v1, header):
    own = v1.accounts.retrieve_current().id
    assert (
        v1.customers.create({"email": "ada@example.com"}, {header: own}).email == "ada@example.com"
    )
    with pytest.raises(stripe.PermissionError) as refused:
        v1.customers.list(options={header: "acct_1Other"})
    assert refused.value.http_status == 403
    assert refused.value.error is not None
    assert refused.value.error.code == "account_invalid"
    assert "acct_1Other" in str(refused.value)


def test_another_account_cannot_be_read(v1):
    with pytest.raises(stripe.PermissionError):
        v1.accounts.retrieve("acct_1Other")

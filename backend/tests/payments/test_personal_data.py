"""Exports contain what a payer has bought."""

import pytest

from tests.auth.exports import download, forget
from tests.auth.factories import make_user
from tests.auth.steps import row_of
from tests.payments.factories import make_customer, make_invoice, make_subscription, store_plans


@pytest.fixture
def payer(db):
    return make_user()


def test_an_export_has_the_payers_purchases(client, db, payer):
    store_plans()
    for one in (payer, make_user()):
        customer = make_customer(one)
        make_subscription(customer, "pro")
        make_invoice(customer, number=f"No. {one.id}")
    files = download(client, payer)
    assert [each["number"] for each in files["payments/invoices.json"]] == [f"No. {payer.id}"]
    assert len(files["payments/subscriptions.json"]) == 1
    (customer,) = files["payments/customers.json"]
    assert not customer.keys() & {"creation_key", "person"}
    assert files["payments/checkouts.json"] == []


def test_a_subscription_must_be_cancelled_before_forgetting(db, payer):
    store_plans()
    make_subscription(make_customer(payer), "pro")
    code, said = forget("--yes", payer.username)
    assert code == 1
    assert "Cancel the subscription first" in said
    assert row_of(payer).email == payer.email

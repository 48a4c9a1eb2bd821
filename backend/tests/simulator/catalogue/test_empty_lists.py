"""The simulator has no objects of some kinds. Their lists are empty, and reading one
object gives a 404.
"""

import pytest
import stripe

from simulator.resources.nothing import NONE, OF_ANOTHER, UNREADABLE
from tests.simulator.conftest import KEY
from tests.support import patient

HEADERS = {"Authorization": f"Bearer {KEY}", "Stripe-Version": "2022-11-15"}
NEEDED = {
    "apps/secrets": "?scope[type]=account",
    "billing/credit_balance_transactions": "?customer=cus_1",
    "entitlements/active_entitlements": "?customer=cus_1",
    "invoice_rendering_templates": "",
}


def test_each_list_is_empty_and_each_thing_is_missing(simulator):
    with patient.Client(base_url=f"{simulator.url}/v1/", headers=HEADERS) as stripe_api:
        for path in NONE:
            listed = stripe_api.get(path + NEEDED.get(path, ""))
            assert listed.status_code == 200, (path, listed.text)
            assert listed.json() == {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": f"/v1/{path}",
            }
            assert stripe_api.get(f"{path}?limit=0").status_code == 400, path
            if path not in UNREADABLE:
                missing = stripe_api.get(f"{path}/none_1")
                assert (missing.status_code, missing.json()["error"]["code"]) == (
                    404,
                    "resource_missing",
                ), path


def test_lists_of_another_object_need_it(simulator, v1):
    owners = {
        "customer": v1.customers.create({"email": "ada@example.com"}).id,
        "product": v1.products.create({"name": "Pro"}).id,
    }
    with patient.Client(base_url=f"{simulator.url}/v1/", headers=HEADERS) as stripe_api:
        for path, (owner, _, _) in OF_ANOTHER.items():
            url = path.format(id=owners[owner])
            listed = stripe_api.get(url).json()
            assert (listed["data"], listed["url"]) == ([], f"/v1/{url}")
            assert stripe_api.get(f"{url}/none_1").status_code == 404
            assert stripe_api.get(path.format(id="none")).status_code == 404


def test_filters_of_empty_lists_are_taken(v1):
    assert (
        v1.tax_rates.list({"active": True, "created": {"gte": 1}, "expand": ["data.metadata"]}).data
        == []
    )
    assert v1.credit_notes.list({"customer": "cus_1"}).data == []
    assert v1.radar.early_fraud_warnings.list({"charge": "ch_1"}).data == []


@pytest.mark.parametrize("name", ["starting_after", "ending_before"])
def test_an_empty_list_has_no_place_to_go_on_from(v1, name):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.payouts.list({name: "po_1"})
    assert refused.value.code == "resource_missing"


def test_a_customer_has_no_cash(v1):
    customer = v1.customers.create({"email": "ada@example.com"}).id
    assert v1.customers.cash_balance.retrieve(customer).available is None
    assert v1.customers.cash_balance_transactions.list(customer).data == []

"""Chaos mode causes deliberate, reproducible faults of Stripe's API and of its
webhooks.
"""

import httpx2
import pytest
import stripe

from simulator.settings import Settings
from simulator.webhooks import delivery
from tests.simulator.conftest import serving
from tests.simulator.webhooks.receiver import receiving
from tests.support import patient
from tests.support.server import free_port


def create(v1, **options):
    return v1.customers.create({"email": "a@example.com"}, options)


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [("error", stripe.APIError, 500), ("rate_limit", stripe.RateLimitError, 429)],
)
def test_the_next_calls_fail_before_anything_happens(simulator, v1, fault, error, status):
    simulator.control(
        "chaos", next=[{"fault": fault, "method": "POST", "path": "/v1/customers", "times": 2}]
    )
    v1.products.create({"name": "not meant"})
    for _ in range(2):
        with pytest.raises(error) as failed:
            create(v1, idempotency_key="k")
        assert failed.value.http_status == status
    assert v1.customers.list().data == []
    assert create(v1, idempotency_key="k").email == "a@example.com"


def test_a_response_lost_after_success_is_recovered_by_the_key(simulator, v1):
    simulator.control("chaos", next=[{"fault": "lost", "path": "/v1/cust*"}])
    with pytest.raises(stripe.APIConnectionError):
        create(v1, idempotency_key="k")
    (made,) = v1.customers.list().data
    assert create(v1, idempotency_key="k").id == made.id
    assert len(v1.customers.list().data) == 1


def test_stripe_python_gets_over_it_with_retries(simulator):
    http = stripe.RequestsClient(timeout=10)
    patient = stripe.StripeClient(
        "sk_test_x", base_addresses={"api": simulator.url}, http_client=http, max_network_retries=2
    )
    for fault in ("error", "lost"):
        simulator.control("chaos", next=[{"fault": fault}])
        patient.v1.customers.create()
    assert len(patient.v1.customers.list().data) == 2


def test_a_call_that_times_out_for_the_client_still_takes_effect(simulator, v1):
    simulator.control("chaos", next=[{"fault": "slow", "seconds": 2}])
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{simulator.url}/v1/customers", auth=("sk_test_x", ""), timeout=0.5)
    while not v1.customers.list().data:
        pass


def outcomes(simulator, v1, seed):
    simulator.control("chaos", seed=seed, calls={"error": 0.3, "rate_limit": 0.2})
    results = []
    for _ in range(30):
        try:
            v1.customers.retrieve("cus_nope")
        except stripe.StripeError as error:
            results.append(error.http_status)
    return results


def test_chance_has_a_seed(simulator, v1):
    first = outcomes(simulator, v1, 1)
    assert outcomes(simulator, v1, 1) == first
    assert outcomes(simulator, v1, 2) != first
    assert {404, 429, 500} == set(first)
    simulator.control("chaos")
    assert outcomes(simulator, v1, 1) == first


def test_events_are_dropped(simulator, v1, receiver):
    simulator.control("chaos", webhooks={"drop": 1})
    create(v1)
    simulator.settle()
    assert receiver.types() == []
    assert v1.events.list().data[0].pending_webhooks == 0
    assert simulator.app.state.box.deliveries()[0]["status"] == "dropped"


def test_events_come_twice(simulator, v1, receiver):
    simulator.control("chaos", webhooks={"duplicate": 1})
    create(v1)
    simulator.settle()
    first, second = receiver.events
    assert first.id == second.id


@pytest.mark.parametrize("reorder", [0, 1])
def test_an_event_is_overtaken_by_the_next(monkeypatch, reorder):
    monkeypatch.setattr(delivery, "PARALLEL", 1)  # otherwise, deliveries could overtake each other
    with (
        receiving() as receiver,
        serving(Settings(free_port(), None, webhook=(receiver.url, "whsec_x"))) as running,
    ):
        receiver.secret, v1 = "whsec_x", running.client().v1
        running.control("chaos", webhooks={"reorder": reorder})
        create(v1)
        running.control("chaos")
        v1.products.create({"name": "Pro"})
        running.settle()
        order = ["product.created", "customer.created"]
        assert receiver.types() == (order if reorder else order[::-1])


def test_the_last_event_of_all_is_overtaken_by_none_and_arrives(simulator, v1, receiver):
    simulator.control("chaos", webhooks={"reorder": 1})
    create(v1)
    simulator.settle()
    assert receiver.types() == ["customer.created"]


def test_a_late_event_arrives_after_a_later_one(simulator, v1, receiver):
    simulator.control("chaos", webhooks={"delay": 1, "delay_seconds": 1})
    create(v1)
    simulator.control("chaos")
    v1.products.create({"name": "Pro"})
    simulator.settle()
    assert receiver.types() == ["product.created", "customer.created"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"calls": {"error": 2}},
        {"colour": 1},
        {"next": [{"fault": "fire"}]},
        {"webhooks": {"drop": -1}},
    ],
)
def test_wrong_settings_are_refused(simulator, wrong):
    assert patient.post(f"{simulator.url}/_simulator/api/chaos", json=wrong).status_code == 422

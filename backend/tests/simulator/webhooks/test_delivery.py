"""Webhooks are signed, delivered several at a time, and retried by the simulator's
clock.
"""

import json
import time

import pytest
import stripe

from simulator.settings import Settings
from simulator.webhooks.delivery import PARALLEL
from simulator.webhooks.planning import RETRIES
from tests.simulator.conftest import KEY, serving
from tests.simulator.fidelity import flaws
from tests.simulator.webhooks.receiver import receiving
from tests.support import patient
from tests.support.server import free_port


def deliveries(simulator):
    return patient.get(f"{simulator.url}/_simulator/api/deliveries").json()["deliveries"]


def test_an_event_arrives_signed_and_whole(simulator, v1, receiver):
    customer = v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "k"})
    v1.customers.update(customer.id, {"name": "Ada"})
    simulator.settle()
    by_type = {event.type: event for event in receiver.events}
    created, updated = by_type["customer.created"], by_type["customer.updated"]
    assert created.data.object["id"] == customer.id
    assert (created.request.idempotency_key, created.pending_webhooks) == ("k", 1)
    assert created.request.id == customer.last_response.request_id
    assert updated.data.to_dict()["previous_attributes"] == {"name": None}
    assert created.api_version == stripe.api_version
    assert [flaws(json.loads(body)) for body, _ in receiver.requests] == [[], []]
    assert v1.events.retrieve(created.id).pending_webhooks == 0


def test_the_signature_has_real_time_and_covers_the_body(simulator, v1, receiver):
    simulator.advance(seconds=400 * 24 * 3600)
    v1.customers.create()
    simulator.settle()
    body, header = receiver.requests[0]
    at = int(header.split(",")[0].removeprefix("t="))
    assert abs(at - time.time()) < 60
    assert (
        json.loads(body)["created"] > time.time()
        or simulator.store.clock.now() == json.loads(body)["created"]
    )
    for wrong in (body + b" ", json.dumps(json.loads(body)).encode()):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(wrong, header, receiver.secret)


def test_an_endpoint_gets_what_it_asked_for(simulator, v1, receiver):
    endpoint = v1.webhook_endpoints.list().data[0]
    v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ["product.created"]})
    v1.customers.create()
    v1.products.create({"name": "Pro"})
    v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    v1.products.create({"name": "Team"})
    simulator.settle()
    assert receiver.types() == ["product.created"]
    assert "secret" not in v1.webhook_endpoints.retrieve(endpoint.id).to_dict()
    v1.webhook_endpoints.delete(endpoint.id)
    with pytest.raises(stripe.InvalidRequestError):
        v1.webhook_endpoints.retrieve(endpoint.id)


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"url": "no url", "enabled_events": ["*"]}, "url"),
        ({"url": "http://localhost:99999/", "enabled_events": ["*"]}, "url"),
        ({"url": "http://localhost:port/", "enabled_events": ["*"]}, "url"),
        ({"url": "http://[::1/", "enabled_events": ["*"]}, "url"),
        (
            {"url": "https://example.com", "enabled_events": ["nothing.happened"]},
            "enabled_events[0]",
        ),
        (
            {"url": "https://example.com", "enabled_events": ["*"], "api_version": "2020-08-27"},
            "api_version",
        ),
        ({"url": "https://example.com", "enabled_events": ["*"], "connect": True}, "connect"),
    ],
)
def test_endpoints_that_make_no_sense_are_refused(v1, params, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.webhook_endpoints.create(params)
    assert refused.value.param == param


@pytest.mark.parametrize("status", [500, 404, 301])
def test_what_is_not_taken_is_sent_again_on_the_simulators_clock(simulator, v1, receiver, status):
    receiver.statuses = [status, status]
    v1.customers.create()
    simulator.settle()
    assert len(receiver.requests) == 1
    assert v1.events.list({"delivery_success": False}).data[0].pending_webhooks == 1
    for wait, count in zip(RETRIES, (2, 3), strict=False):
        simulator.advance(seconds=wait - 1)
        simulator.settle()
        assert len(receiver.requests) == count - 1
        simulator.advance(seconds=1)
        simulator.settle()
        assert len(receiver.requests) == count
    assert len({event.id for event in receiver.events}) == 1
    (delivery,) = deliveries(simulator)
    assert [attempt["code"] for attempt in delivery["attempts"]] == [status, status, 200]
    assert delivery["status"] == "succeeded"
    assert [event.type for event in v1.events.list({"delivery_success": True}).data] == [
        "customer.created"
    ]


def test_after_three_days_it_is_given_up_and_can_be_sent_by_hand(simulator, v1, receiver):
    receiver.statuses = [500] * (len(RETRIES) + 1)
    v1.customers.create()
    simulator.settle()
    for wait in RETRIES:
        simulator.advance(seconds=wait)
        simulator.settle()
    (delivery,) = deliveries(simulator)
    assert (delivery["status"], len(delivery["attempts"])) == ("failed", len(RETRIES) + 1)
    simulator.advance(seconds=7 * 24 * 3600)
    simulator.settle()
    assert len(receiver.requests) == len(RETRIES) + 1
    simulator.control(f"deliveries/{delivery['id']}/resend")
    simulator.settle()
    assert deliveries(simulator)[0]["status"] == "succeeded"


def test_an_endpoint_that_is_away_is_tried_again(simulator, v1):
    v1.webhook_endpoints.create(
        {"url": f"http://127.0.0.1:{free_port()}/", "enabled_events": ["*"]}
    )
    v1.customers.create()
    simulator.settle()
    (attempt,) = deliveries(simulator)[0]["attempts"]
    assert attempt["code"] is None
    assert attempt["error"].startswith("ConnectError")


def test_an_endpoint_that_breaks_the_client_does_not_stop_others(simulator, v1, receiver):
    """No call creates the default endpoint, so no call has checked its URL."""
    endpoint = v1.webhook_endpoints.create({"url": "http://127.0.0.1/", "enabled_events": ["*"]})
    with simulator.store.work() as work:
        work.put(work.get("webhook_endpoint", endpoint.id) | {"url": "http://127.0.0.1:99999/"})
    for _ in range(PARALLEL + 1):
        v1.customers.create()
    simulator.settle()
    assert receiver.types() == ["customer.created"] * (PARALLEL + 1)
    (attempt,) = next(one for one in deliveries(simulator) if one["endpoint"] == endpoint.id)[
        "attempts"
    ]
    assert attempt["code"] is None


@pytest.mark.parametrize("act", ["disable", "delete"])
def test_an_endpoint_that_is_gone_is_not_tried_again(simulator, v1, receiver, act):
    receiver.statuses = [500]
    v1.customers.create()
    simulator.settle()
    endpoint = v1.webhook_endpoints.list().data[0]
    if act == "disable":
        v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    else:
        v1.webhook_endpoints.delete(endpoint.id)
    simulator.advance(seconds=RETRIES[0])
    simulator.settle()
    assert len(receiver.requests) == 1
    assert [delivery["status"] for delivery in deliveries(simulator)] == ["failed"]
    assert v1.events.list({"type": "customer.created"}).data[0].pending_webhooks == 0


def test_many_are_on_their_way_at_once(simulator, v1, receiver):
    """Stripe does not wait for a response before it sends the next event."""
    import threading

    together = threading.Barrier(4, timeout=20)
    take = receiver.requests.append

    class Gate(list[tuple[bytes, str]]):
        def append(self, request):
            take(request)
            together.wait()

    receiver.requests = Gate()
    for _ in range(4):
        v1.customers.create()
    simulator.settle()
    assert not together.broken


def test_what_was_on_its_way_at_the_end_arrives_after_a_restart(tmp_path):
    """Deliveries that had failed before the simulator stopped are retried at their
    scheduled times.
    """
    with receiving() as receiver:
        options = {"state": tmp_path / "state.db", "webhook": (receiver.url, "whsec_of_the_test")}
        receiver.secret = "whsec_of_the_test"
        receiver.statuses = [503]
        with serving(Settings(free_port(), **options)) as running:
            running.client().v1.customers.create()
            running.settle()
        with serving(Settings(free_port(), **options)) as running:
            assert len(running.client().v1.webhook_endpoints.list().data) == 1
            running.advance(seconds=RETRIES[0])
            receiver.until(2)
            running.settle()
        assert receiver.types() == ["customer.created"] * 2


def test_the_default_endpoint_survives_a_reset_with_its_secret(tmp_path):
    with receiving() as receiver:
        receiver.secret = "whsec_of_the_test"
        options = {"state": tmp_path / "state.db", "webhook": (receiver.url, "whsec_of_the_test")}
        with serving(Settings(free_port(), **options)) as running:
            running.client().v1.customers.create()
            running.settle()
            running.control("reset")
            running.client().v1.products.create({"name": "Pro"})
            running.settle()
            listed = patient.get(f"{running.url}/v1/webhook_endpoints", auth=(KEY, "")).text
        assert receiver.types() == ["customer.created", "product.created"]
        assert "whsec" not in listed

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from simulator.protocol import idempotency
from simulator.settings import Settings
from tests.simulator.conftest import serving
from tests.support.server import free_port


def create(v1, email="a@example.com", key="k1"):
    return v1.customers.create({"email": email}, {"idempotency_key": key})


def test_the_same_key_gives_the_same_answer_once(v1):
    first, second = create(v1), create(v1)
    assert first.id == second.id
    assert first.last_response.headers.get("Idempotent-Replayed") is None
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.last_response.headers["Original-Request"] == first.last_response.request_id
    assert len(v1.customers.list().data) == len(v1.events.list().data) == 1


def test_the_answer_is_the_first_one_whatever_has_happened_since(v1):
    first = create(v1)
    v1.customers.update(first.id, {"name": "Ada"})
    assert create(v1).name is None


def test_other_parameters_or_another_path_are_an_error(v1):
    create(v1)
    with pytest.raises(stripe.IdempotencyError):
        create(v1, email="b@example.com")
    with pytest.raises(stripe.IdempotencyError):
        v1.products.create({"name": "Pro"}, {"idempotency_key": "k1"})


def test_another_account_key_has_keys_of_its_own(simulator, v1):
    assert create(v1).id != create(simulator.client("sk_test_other").v1).id


def test_a_refused_request_does_not_use_its_key_up(v1):
    with pytest.raises(stripe.InvalidRequestError):
        v1.products.create({"name": "x", "id": "p", "colour": 1}, {"idempotency_key": "k2"})
    assert v1.products.create({"name": "x", "id": "p"}, {"idempotency_key": "k2"}).id == "p"


def test_a_declined_card_is_an_answer_like_any_other(v1):
    customer = v1.customers.create()
    errors = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            v1.payment_methods.attach(
                "pm_card_chargeDeclined", {"customer": customer.id}, {"idempotency_key": "k3"}
            )
        errors.append(declined.value)
    assert errors[0].json_body == errors[1].json_body
    assert "generic_decline" in str(errors[0].http_body)
    assert "Idempotent-Replayed" in (errors[1].headers or {})


def test_a_key_in_use_is_a_conflict(simulator, v1):
    simulator.control("chaos", next=[{"fault": "slow", "method": "POST", "seconds": 3}])
    with ThreadPoolExecutor() as pool:
        first = pool.submit(create, v1)
        while simulator.control("settle")["chaos"]["next"]:
            time.sleep(0.01)
        with pytest.raises(stripe.APIError) as conflict:
            create(v1)
    assert conflict.value.http_status == 409
    assert "idempotency_key_in_use" in str(conflict.value.http_body)
    assert create(v1).id == first.result().id


def test_answers_are_forgotten_after_a_day(v1, monkeypatch):
    first = create(v1)
    monkeypatch.setattr(idempotency, "KEPT_SECONDS", -10)
    assert create(v1).id != first.id


def test_answers_survive_a_restart(tmp_path):

    with serving(Settings(free_port(), tmp_path / "state.db")) as running:
        first = create(running.client().v1)
    with serving(Settings(free_port(), tmp_path / "state.db")) as running:
        assert create(running.client().v1).id == first.id
        assert len(running.client().v1.customers.list().data) == 1


def test_old_answers_make_room_for_new_ones(simulator, v1, monkeypatch):
    for number in range(3):
        create(v1, key=f"k{number}")
    monkeypatch.setattr(idempotency, "KEPT_SECONDS", -10)
    for number in range(3):
        create(v1, key=f"new{number}")
        assert len(simulator.store.tables["_answer"].rows) <= 3

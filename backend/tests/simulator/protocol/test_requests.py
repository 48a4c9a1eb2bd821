"""Incorrect calls over HTTP get responses like Stripe's."""

import pytest
import stripe

from tests.simulator.conftest import KEY
from tests.simulator.fidelity import flaws
from tests.support import patient


@pytest.fixture
def ask(simulator):
    """Send a bare request that stripe-python would not send."""

    def send(method, path, *, key=KEY, headers=None, **more):
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        return patient.request(
            method, simulator.url + path, headers=authorization | (headers or {}), **more
        )

    return send


def error_of(answer):
    return answer.status_code, answer.json()["error"]


def test_a_body_over_a_megabyte_is_refused(ask):
    status, error = error_of(ask("POST", "/v1/customers", content=b"a" * 1_000_001))
    assert (status, error["type"]) == (413, "invalid_request_error")


@pytest.mark.parametrize("key", ["", "sk_live_1234567890abcd", "whatever", "pk_test_123"])
def test_without_a_secret_test_key_nothing_is_answered(ask, key):
    answer = ask("GET", "/v1/customers", key=key)
    status, error = error_of(answer)
    assert (status, error["type"]) == (401, "invalid_request_error")
    assert "1234567890" not in answer.text


def test_the_key_may_come_as_basic_authentication(simulator):
    assert (
        patient.get(f"{simulator.url}/v1/customers", auth=("rk_test_limited", "")).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/nonsense"),
        ("GET", "/v1/"),
        ("DELETE", "/v1/customers"),
        ("GET", "/v1/customers//cards"),
        ("PUT", "/v1/customers"),
        ("OPTIONS", "/v1/customers"),
        ("TRACE", "/v1/customers"),
        ("GET", "/"),
        ("POST", "/"),
        ("GET", "/v1"),
        ("GET", "/v2/core/events"),
        ("POST", "/v2/core/event_destinations"),
        ("GET", "/customers"),
        ("GET", "/c/nowhere"),
        ("GET", "/_simulator/nowhere"),
    ],
)
def test_an_unknown_url_is_404(ask, method, path):
    answer = ask(method, path, follow_redirects=False)
    status, error = error_of(answer)
    assert (status, error["type"]) == (404, "invalid_request_error")
    assert error["message"].startswith(f"Unrecognized request URL ({method}: {path})")
    assert flaws(answer.json()) == []
    assert error["request_log_url"].endswith(answer.headers["Request-Id"])


def test_outside_the_api_nobody_asks_for_a_key_or_a_form(ask):
    status, _ = error_of(ask("POST", "/v2/core/event_destinations", key="", json={"name": "mine"}))
    assert status == 404


def test_stripe_python_understands_the_error_of_a_v2_request(simulator):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        simulator.client().v2.core.events.retrieve("evt_1")
    assert refused.value.http_status == 404


@pytest.mark.parametrize(
    ("data", "code", "param", "message"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour", "Received unknown parameter: colour"),
        ({"a": "1", "b": "2"}, "parameter_unknown", "a", "Received unknown parameters: a, b"),
        ({"address[planet]": "x"}, "parameter_unknown", "address[planet]", None),
        ({"balance": "ten"}, "parameter_invalid_integer", "balance", "Invalid integer: ten"),
        ({"balance": ""}, "parameter_invalid_empty", "balance", None),
        (
            {"tax_exempt": "maybe"},
            None,
            "tax_exempt",
            "Invalid tax_exempt: must be one of exempt, none, or reverse",
        ),
        ({"address": "Main Street"}, None, "address", "Invalid object"),
        ({"preferred_locales": "en"}, None, "preferred_locales", "Invalid array"),
        ({"preferred_locales[a]": "en"}, None, "preferred_locales", "Invalid array"),
        ({"email[x]": "y"}, None, "email", None),
        ({"metadata[x][y]": "z"}, None, "metadata[x]", None),
        ({"metadata[" + "k" * 41 + "]": "v"}, None, "metadata", None),
        ({"metadata[k]": "v" * 501}, None, "metadata[k]", None),
        ({"source": "tok_visa"}, "simulator_unsupported", "source", None),
        (
            {"cash_balance[settings][reconciliation_mode]": "manual"},
            "simulator_unsupported",
            "cash_balance",
            None,
        ),
    ],
)
def test_wrong_parameters_are_named(ask, data, code, param, message):
    status, error = error_of(ask("POST", "/v1/customers", data=data))
    assert status == 400
    assert (error.get("code"), error["param"]) == (code, param)
    assert message in (None, error["message"])
    assert ask("GET", "/v1/customers").json()["data"] == []


def test_a_missing_parameter_is_named(ask):
    status, error = error_of(ask("POST", "/v1/products"))
    assert (status, error["code"], error["param"]) == (400, "parameter_missing", "name")


def test_json_bodies_and_odd_versions_are_refused(ask):
    assert ask("POST", "/v1/customers", json={"email": "a@example.com"}).status_code == 400
    assert ask("GET", "/v1/customers", headers={"Stripe-Version": "newest"}).status_code == 400
    answer = ask("GET", "/v1/customers", headers={"Stripe-Version": "2024-06-20"})
    assert answer.headers["Stripe-Version"] == stripe.api_version


@pytest.mark.parametrize("version", [{}, {"Stripe-Version": "2024-06-20"}])
def test_a_word_of_older_versions_is_read_as_they_had_it(ask, version):
    """In the simulator's version, this field is an object. A request that names an
    older version, or no version, may still send the word.
    """
    sent = {"data": {"billing_cycle_anchor": "now"}}
    _, error = error_of(ask("POST", "/v1/subscriptions/sub_1", headers=version, **sent))
    assert error["code"] == "resource_missing"
    newest = {"Stripe-Version": stripe.api_version}
    _, error = error_of(ask("POST", "/v1/subscriptions/sub_1", headers=newest, **sent))
    assert error["message"] == "Invalid object"


def test_every_answer_names_its_request(ask):
    first, second = ask("GET", "/v1/customers"), ask("GET", "/v1/nonsense")
    assert first.headers["Request-Id"] != second.headers["Request-Id"]
    assert second.headers["Request-Id"] in second.json()["error"]["request_log_url"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::1", ""])
@pytest.mark.parametrize("path", ["/v1/customers", "/_simulator/api/state"])
def test_only_this_machine_is_answered(simulator, host, path):
    assert patient.get(simulator.url + path, headers={"Host": host}).status_code == 403


def test_pages_of_others_are_not_answered(simulator):
    advance = f"{simulator.url}/_simulator/api/clock/advance"
    for origin in ("https://evil.example", "null"):
        assert (
            patient.post(advance, json={"seconds": 1}, headers={"Origin": origin}).status_code
            == 403
        )
    assert (
        patient.post(advance, json={"seconds": 1}, headers={"Origin": simulator.url}).status_code
        == 200
    )


def test_an_empty_value_unsets(v1):
    customer = v1.customers.create(
        {"name": "Ada", "address": {"city": "London"}, "metadata": {"a": "1", "b": "2"}}
    )
    changed = v1.customers.update(
        customer.id, {"name": "", "address": "", "metadata": {"a": "", "c": "3"}}
    )
    assert (changed.name, changed.address) == (None, None)
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}


def test_a_bug_in_the_simulator_is_a_500_that_changes_nothing(simulator, v1, monkeypatch):
    from simulator.state.work import Work

    def broken(self, *_):
        raise ZeroDivisionError

    monkeypatch.setattr(Work, "emit", broken)
    with pytest.raises(stripe.APIError) as failed:
        v1.customers.create({"email": "a@example.com"})
    assert failed.value.http_status == 500
    assert v1.customers.list().data == []
    assert v1.customers.list({"email": "a@example.com"}).data == []

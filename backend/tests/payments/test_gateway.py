"""Calls to Stripe end in time, are retried with their key, and fail with our errors
(R11).
"""

import socket
import time

import pytest
import stripe

from app.routers.payments import gateway
from app.routers.payments.gateway import (
    PaymentFailed,
    PaymentsMisconfigured,
    PaymentsUnavailable,
    StripeRefused,
)
from app.routers.payments.gateway import client as limits
from tests.payments.scripted import hang
from tests.payments.stripe_side import KEY

CUSTOMER = {"id": "cus_1", "object": "customer"}


def error(kind, code=None):
    return {"error": {"type": kind, "code": code, "message": "No."}}


def create():
    return gateway.create_customer(key="the key", email="ada@example.com")


def keys(script):
    return [headers.get("Idempotency-Key") for _, _, headers, _ in script.requests]


def test_the_version_is_pinned_and_the_key_is_sent(script):
    script.answers = [(200, CUSTOMER)]
    assert create() == "cus_1"
    ((method, path, headers, body),) = script.requests
    assert (method, path, body) == (
        "POST",
        "/v1/customers",
        b"email=ada%40example.com&metadata[liftoff_customer]=the+key",
    )
    assert headers["Stripe-Version"] == gateway.API_VERSION == "2026-10-28.endive"
    assert (headers["Idempotency-Key"], headers["Authorization"]) == ("the key", f"Bearer {KEY}")


def test_the_pinned_api_version_is_the_one_of_stripe_python():
    assert stripe.StripeClient(KEY)._requestor.stripe_version == gateway.API_VERSION  # noqa: SLF001 - has no public reader


def test_what_fails_for_a_moment_is_repeated_with_the_same_key(script):
    """Requirement 53."""
    script.answers = [
        (500, error("api_error")),
        (409, error("idempotency_error", "idempotency_key_in_use")),
        (200, CUSTOMER),
    ]
    assert create() == "cus_1"
    assert keys(script) == ["the key"] * 3


def test_a_lost_response_is_requested_again_with_the_same_key(script):
    """Requirement 53."""

    def lose(handler, _ended):
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    script.answers = [lose, (200, CUSTOMER)]
    assert create() == "cus_1"
    assert keys(script) == ["the key"] * 2


@pytest.mark.parametrize(
    ("answer", "ours"),
    [
        ((500, error("api_error")), PaymentsUnavailable),
        ((503, {}), PaymentsUnavailable),
        ((429, error("invalid_request_error", "rate_limit")), PaymentsUnavailable),
        ((409, error("idempotency_error", "idempotency_key_in_use")), PaymentsUnavailable),
        ((401, error("invalid_request_error")), PaymentsMisconfigured),
        ((403, error("invalid_request_error")), PaymentsMisconfigured),
        ((402, error("card_error", "card_declined")), PaymentFailed),
        ((400, error("invalid_request_error", "parameter_unknown")), StripeRefused),
        ((400, error("idempotency_error")), StripeRefused),
        ((404, error("invalid_request_error", "resource_missing")), StripeRefused),
        ((200, "no object"), PaymentsUnavailable),
    ],
)
def test_failures_are_our_own_errors(script, monkeypatch, answer, ours):
    monkeypatch.setattr(
        stripe.HTTPClient, "INITIAL_DELAY", 0.01
    )  # all retries happen, but with shorter pauses
    script.answers = [answer]
    with pytest.raises(ours) as failure:
        create()
    assert type(failure.value) is ours


def test_nobody_there_is_unavailable(settings):
    settings(STRIPE_SECRET_KEY=KEY, STRIPE_API_BASE="http://127.0.0.1:1")
    with pytest.raises(PaymentsUnavailable):
        create()


@pytest.mark.parametrize("variables", [{"STRIPE_SECRET_KEY": ""}, {"PAYMENTS_ENABLED": "false"}])
def test_without_a_key_nobody_is_asked(script, settings, variables):
    settings(**variables)
    with pytest.raises(PaymentsMisconfigured):
        create()
    assert script.requests == []


def drip(handler, ended):
    """Send a byte now and then, so that no single read takes long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not ended.is_set():
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return
        ended.wait(0.05)


def flood(handler, ended):
    handler.send_response(200)
    handler.send_header("Content-Length", str(10**9))
    handler.end_headers()
    while not ended.is_set():
        try:
            handler.wfile.write(b" " * 65_536)
        except OSError:
            return


@pytest.mark.parametrize("trouble", [hang, drip, flood])
def test_a_call_has_an_end_however_stripe_answers(script, monkeypatch, trouble):
    """R11.

    In this test, the limits are one second instead of ten, and one megabyte instead of
    twenty.
    """
    monkeypatch.setattr(limits, "TOTAL_SECONDS", 1.0)
    monkeypatch.setattr(limits, "MAX_BYTES", 1_000_000)
    script.answers = [trouble]
    began = time.monotonic()
    with pytest.raises(PaymentsUnavailable):
        create()
    assert time.monotonic() - began < 8  # much less than the 30 seconds that the server would take


def test_ten_seconds_are_the_whole_of_a_call():
    """R11."""
    assert limits.TOTAL_SECONDS == 10.0


def test_nothing_goes_where_stripe_redirects(script):
    def redirect(handler, _ended):
        handler.send_response(302)
        handler.send_header("Location", "http://127.0.0.1:1/")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    script.answers = [redirect]
    with pytest.raises(PaymentsUnavailable):
        create()
    assert len(script.requests) == 1

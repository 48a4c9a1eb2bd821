"""A webhook of Stripe is stored once, and no other request is accepted (requirements 50
to 52).
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from app.db.database import SessionLocal
from app.platform.models import Job
from tests.core.safe_settings import SAFE
from tests.payments.received import outcome, rows
from tests.payments.stripe_side import SECRET, event, send, signed

pytestmark = pytest.mark.usefixtures("billing")


def jobs():
    with SessionLocal() as db:
        return db.scalar(select(func.count(Job.id)).where(Job.kind == "payments.process_event"))


def test_an_event_is_kept_word_for_word_with_its_job(client, db):
    sent = json.dumps(event(), indent=1).encode()
    answer = send(client, sent)
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    (row,) = rows()
    assert (row.event_id, row.type, row.payer, row.body) == (
        "evt_customer.updated",
        "customer.updated",
        "cus_1",
        sent,
    )
    assert (row.outcome, row.attempts, jobs()) == (None, 0, 1)


BODY = json.dumps(event()).encode()


def test_the_query_of_the_registered_address_is_ignored(client, db):
    answer = client.post("/payments/webhook?from=stripe&from=", content=BODY, headers=signed(BODY))
    assert (answer.status_code, len(rows())) == (200, 1)


def forged():
    """Return requests that are forged or too old. They are created again for each test.

    Otherwise, all of them would be too old after a while.
    """
    good, now = signed(BODY), int(time.time())
    return {
        "no header": {},
        "an empty one": {"Stripe-Signature": ""},
        "another secret": signed(BODY, "whsec_of_somebody_else"),
        "another body": signed(b"{}"),
        "re-serialised": signed(json.dumps(event(), separators=(",", ":")).encode()),
        "only v0": {"Stripe-Signature": good["Stripe-Signature"].replace("v1=", "v0=")},
        "too old": signed(BODY, at=now - 302),
        "too early": signed(BODY, at=now + 302),
        "far ahead": signed(BODY, at=99_999_999_999),
        "not ASCII": {"Stripe-Signature": f"t={now},v1=\xe9".encode("latin-1")},
        "no number": {"Stripe-Signature": "t=now,v1=00"},
        "no time": {"Stripe-Signature": "v1=00"},
        "two times": {"Stripe-Signature": f"t=1,{good['Stripe-Signature']}"},
        "nothing sensible": {"Stripe-Signature": "=,=,="},
    }


@pytest.mark.parametrize("kind", forged())
def test_what_stripe_did_not_sign_just_now_changes_nothing(client, db, kind):
    """Requirement 50."""
    headers = {"Content-Type": "application/json", **forged()[kind]}
    assert outcome(client.post("/payments/webhook", content=BODY, headers=headers)) == (
        400,
        "invalid_signature",
    )
    assert rows() == []


@pytest.mark.parametrize("seconds", [-290, 290])
def test_clocks_may_differ_by_five_minutes(client, db, seconds):
    """Requirement 50."""
    assert send(client, BODY, at=int(time.time()) + seconds).status_code == 200


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"{}",
        b"null",
        b'"event"',
        b"{",
        b"",
        json.dumps(event(id=7)).encode(),
        json.dumps(event(id="e" * 256)).encode(),
        json.dumps(event(type="t" * 81)).encode(),
        json.dumps(event(livemode="no")).encode(),
        json.dumps(event(created="now")).encode(),
        json.dumps(event(created=2**62)).encode(),
        json.dumps(event(data=[])).encode(),
        json.dumps(event(data={"object": "customer"})).encode(),
        json.dumps(event(id="evt_\0")).encode(),
        json.dumps(event(object="customer")).encode(),
    ],
)
def test_what_is_signed_and_no_event_changes_nothing(client, db, payload):
    """Requirement 50: the rule also covers signed JSON that is not an object."""
    assert outcome(send(client, payload)) == (400, "invalid_payload")
    assert rows() == []


def test_a_body_over_the_limit_is_refused(client, db):
    assert (
        send(
            client, event(about={"object": "customer", "id": "cus_1", "name": "x" * 1_000_001})
        ).status_code
        == 413
    )


def test_while_the_secret_is_changed_both_count(client, db, settings):
    settings(STRIPE_WEBHOOK_SECRET=f"whsec_the_next_one,{SECRET}")
    assert send(client, event(id="evt_1")).status_code == 200
    assert send(client, event(id="evt_2"), secret="whsec_the_next_one").status_code == 200
    assert send(client, event(id="evt_3"), secret="whsec_the_one_before").status_code == 400


@pytest.mark.parametrize(
    "variables", [{"STRIPE_WEBHOOK_SECRET": ""}, {"PAYMENTS_ENABLED": "false"}]
)
def test_without_a_secret_nothing_is_believed(client, db, settings, variables):
    """Requirement 50: production refuses to start, as test_settings.py shows.

    In other environments, the response is 503.
    """
    settings(**variables)
    for secret in (SECRET, ""):
        answer = send(client, event(), secret=secret)
        assert outcome(answer) == (503, "payments_unavailable")
        is_off = "PAYMENTS_ENABLED" in variables
        assert (
            answer.json()["detail"] == "Payments are switched off (PAYMENTS_ENABLED=false)."
        ) is is_off
    assert rows() == []


def test_one_event_fifty_times_at_once_is_one_row_and_one_job(client, committed):
    """Requirement 51."""
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: send(client, BODY).status_code, range(50)))
    assert set(answers) == {200}
    assert (len(rows()), jobs()) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "customer.created"}, "Events of this type are not handled"),
        ({"kind": "x.y"}, "Events of this type are not handled"),
        ({"livemode": True}, "The event is from the other mode, live or test"),
    ],
)
def test_what_is_not_for_us_is_kept_and_ignored(client, db, changes, reason):
    """Requirement 52. A test event on a live system is treated in the same way."""
    assert send(client, event(**changes)).status_code == 200
    (row,) = rows()
    assert (row.outcome, row.error, row.processed_at is not None, jobs()) == (
        "ignored",
        reason,
        True,
        0,
    )


def test_a_test_event_on_a_live_system_is_kept_and_ignored(client, db, settings):
    """Requirement 52."""
    settings(STRIPE_SECRET_KEY="sk_live_0123456789")
    assert send(client, event()).status_code == 200
    assert rows()[0].outcome == "ignored"
    assert send(client, event(id="evt_live", livemode=True)).status_code == 200
    assert rows()[1].outcome is None


def test_staging_lives_in_the_test_mode(client, db, settings):
    """Staging is like production, except for Stripe's test mode."""
    staging = {
        "ENVIRONMENT": "staging",
        "STRIPE_SECRET_KEY": "sk_test_0123456789",
        "STRIPE_WEBHOOK_SECRET": SECRET,
    }
    settings(**SAFE | staging, PASSWORD_HASH_KIB="")
    assert send(client, event()).status_code == 200
    assert rows()[0].outcome is None
    assert send(client, event(id="evt_live", livemode=True)).status_code == 200
    assert (rows()[1].outcome, rows()[1].error) == (
        "ignored",
        "The event is from the other mode, live or test",
    )


def test_a_refused_signature_is_a_security_event(client, db, records):
    """Requirement 56."""
    client.post("/payments/webhook", content=BODY, headers=forged()["another secret"])
    noted = [record["security_event"] for record in records() if "security_event" in record]
    assert noted == ["webhook_signature_refused"]

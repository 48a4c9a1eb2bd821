"""A signed event is stored, whatever it contains (requirement 50)."""

import hashlib
import hmac
import json
import time

import pytest

from tests.auth.factories import make_user
from tests.payments.received import outcome, rows
from tests.payments.steps import work
from tests.payments.stripe_side import SECRET, event, send, signed

pytestmark = pytest.mark.usefixtures("billing")


def test_what_changed_may_have_any_shape(client, db):
    """Requirement 50: the response is never a 500."""
    odd = {
        "object": {"object": "payment_method", "customer": None},
        "previous_attributes": ["customer"],
    }
    assert send(client, event("payment_method.detached", data=odd)).status_code == 200
    assert [row.payer for row in rows()] == [None]


def holding(content):
    """Return the JSON of an event. The customer's name in it is `content`, which is
    already JSON.
    """
    written = json.dumps(
        event(about={"object": "customer", "id": "cus_1", "name": "NAME"})
    ).encode()
    return written.replace(b'"NAME"', content)


ODD = {
    "NUL": holding(b'"a\\u0000b"'),
    "half of a surrogate pair": holding(b'"a\\ud83d"'),
    "the other half": holding(b'"\\udc00\\ud800"'),
    "half of a pair as a name": holding(b'{"\\ud83d": 1}'),
    "a half written raw": holding(b'"\xed\xa0\xbd"'),
    "not UTF-8": holding(b'"\xff\xfe"'),
    "an integer of 20 digits": holding(b"18446744073709551616"),
    "an integer of 10,000 digits": holding(b"1" * 10_000),
    "more than a float holds": holding(b"1e999"),
    "no number": holding(b"[NaN, -Infinity]"),
    "200,000 levels": holding(b"[" * 200_000 + b"]" * 200_000),
    "150 levels of objects": holding(b'{"a":' * 150 + b"1" + b"}" * 150),
    "levels within texts": holding(b'["[[[\\"{{{\\\\", "]"]'),
    "200,000 items": holding(b"[" + b"1," * 200_000 + b"1]"),
    "a member twice": holding(b'{"a": 1, "a": 2}'),
    "line separators": holding('"\u2028\u202e\ufeff"'.encode()),
}


def signed_bytes(body):
    stamp = int(time.time())
    made = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={stamp},v1={made}", "Content-Type": "application/json"}


@pytest.mark.parametrize("kind", ODD)
def test_a_signed_event_is_kept_and_worked_off_whatever_it_holds(client, db, login, kind):
    """If we refused such an event, Stripe would resend it for days in vain.

    Administrators can read all these events.
    """
    answer = client.post("/payments/webhook", content=ODD[kind], headers=signed_bytes(ODD[kind]))
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    (row,) = rows()
    assert (row.payer, row.body) == ("cus_1", ODD[kind])
    work()
    assert rows()[0].outcome == "parked"  # no user here has the customer cus_1
    login(make_user(is_superuser=True))
    shown = client.get(f"/payments/admin/events/{row.id}")
    assert shown.status_code == 200
    assert shown.json()["body"]["data"]["object"]["id"] == "cus_1"


@pytest.mark.parametrize(
    "customer", ["cus_\0", "cus_\ud800", "c" * 300, "", 7, ["cus_1"], {"id": "cus \n"}]
)
def test_what_can_be_no_customer_is_none(client, db, customer):
    assert (
        send(
            client, event("invoice.paid", about={"object": "invoice", "customer": customer})
        ).status_code
        == 200
    )
    assert [row.payer for row in rows()] == [None]


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000], ids=["lists", "objects"])
def test_a_body_that_ends_within_its_nesting_is_no_event(client, db, body):
    assert outcome(send(client, body)) == (400, "invalid_payload")


def test_a_body_that_is_no_utf8_needs_its_own_signature(client, db):
    """Requirement 50."""
    headers = signed(b"{}")
    answer = client.post("/payments/webhook", content=b"\xff\xfe", headers=headers)
    assert outcome(answer) == (400, "invalid_signature")

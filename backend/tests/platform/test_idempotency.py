"""With an Idempotency-Key, a request that is sent again takes effect only once."""

import hashlib

import pytest
import time_machine
from sqlalchemy import select, text

from app import main
from app.core.types import utc_now
from app.db.database import SessionLocal
from app.platform.models import IdempotencyKey
from app.platform.requests import idempotency
from tests.auth.factories import PASSWORD, make_user, token_for
from tests.auth.letters import letters_to
from tests.platform.keyed import KEY, WIDGET, rows

CHANGE = {"new_email": "new@example.org", "password": PASSWORD}


def test_sent_again_it_is_answered_again_and_has_its_effect_once(widgets, db):
    first, again = (widgets.post("/widgets", json=WIDGET, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert rows() == 1


def test_without_a_key_nothing_is_kept(widgets, db):
    widgets.post("/widgets", json=WIDGET)
    assert widgets.post("/widgets", json=WIDGET).status_code == 409
    assert rows(IdempotencyKey) == 0


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("/widgets", {"json": WIDGET | {"weight": 2}}),
        ("/widgets?note=x", {"json": WIDGET}),
        (
            "/widgets",
            {
                "content": b'{"name": "spring", "weight" : 1}',
                "headers": {"Content-Type": "application/json"},
            },
        ),
    ],
)
def test_the_key_for_another_request_is_refused(widgets, db, url, options):
    widgets.post("/widgets", json=WIDGET, headers=KEY)
    answer = widgets.post(url, **options | {"headers": options.get("headers", {}) | KEY})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert rows() == 1


def test_each_caller_has_his_own_keys(client, db):
    for user in (make_user(), make_user()):
        client.headers["Authorization"] = f"Bearer {token_for(user)}"
        first, again = (
            client.post("/auth/email-change", json=CHANGE, headers=KEY) for _ in range(2)
        )
        assert (first.status_code, "idempotency-replayed" in first.headers) == (202, False)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    assert rows(IdempotencyKey) == 2
    assert len(letters_to(CHANGE["new_email"])) == 2


def test_who_may_no_longer_ask_gets_no_stored_answer(client, db, login):
    login(make_user())
    assert client.post("/auth/email-change", json=CHANGE, headers=KEY).status_code == 202
    client.headers.pop("Authorization")
    assert client.post("/auth/email-change", json=CHANGE, headers=KEY).status_code == 401


def test_an_answer_that_never_differs_is_not_stored(client, db):
    """Otherwise, a stranger could fill the table: each new key would add a row for a
    day.
    """
    make_user(email="ada@example.com")
    for path in ("/auth/password/forgot", "/auth/verify-email/resend"):
        answers = [
            client.post(path, json={"email": "ada@example.com"}, headers=KEY) for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [202, 202]
        assert answers[0].content == answers[1].content
        refused = client.post(
            path, json={"email": "ada@example.com"}, headers={"Idempotency-Key": "no key"}
        )
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_idempotency_key")
    assert rows(IdempotencyKey) == 0


def test_a_registration_is_stored_since_its_answer_differs(client, db):
    data = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    first, again = (client.post("/auth/register", json=data, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["idempotency-replayed"] == "true"
    assert client.post("/auth/register", json=data).status_code == 409


def test_strangers_have_a_limit_of_keys(widgets, db):
    def create(number):
        headers = {"Idempotency-Key": f"stranger-{number}"}
        return widgets.post("/widgets", json={"name": f"widget {number}"}, headers=headers)

    assert {create(number).status_code for number in range(60)} == {201}
    assert create(60).status_code == 429
    assert create(0).headers["idempotency-replayed"] == "true"
    assert rows(IdempotencyKey) == 60
    assert widgets.post("/widgets", json={"name": "without a key"}).status_code == 201


def test_every_route_that_stores_for_strangers_is_known():
    """A developer has to add a new route to this list on purpose.

    Each such route declares its own limit by address. Otherwise, the limit is 60 an
    hour.
    """
    storing = {
        f"{method.upper()} {path}"
        for path, methods in main.app.openapi()["paths"].items()
        for method, operation in methods.items()
        if "idempotency_in_progress" in operation["responses"].get("409", {}).get("description", "")
        and not operation.get("security")
    }
    assert storing == {"POST /auth/register"}


def test_only_the_existence_of_an_oversized_response_is_stored(widgets, db, monkeypatch):
    monkeypatch.setattr(idempotency, "MAX_ANSWER", 20)
    first, again = (widgets.post("/widgets", json=WIDGET, headers=KEY) for _ in range(2))
    assert first.status_code == 201
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_answer_not_kept")
    assert again.headers["location"] == first.headers["location"]
    assert rows() == 1
    with SessionLocal() as session:
        assert len(session.scalars(select(IdempotencyKey.answer)).one() or b"") < 400


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a\tb", "x" * 256])
def test_a_key_that_is_none_is_refused(widgets, db, key):
    answer = widgets.post(
        "/widgets", json=WIDGET, headers={b"Idempotency-Key": key.encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_idempotency_key")
    assert rows() == 0


@pytest.mark.parametrize("key", ["x", "x" * 255, "!~", '"quoted, too"'.replace(" ", "")])
def test_any_visible_text_is_a_key(widgets, db, key):
    assert (
        widgets.post("/widgets", json=WIDGET, headers={"Idempotency-Key": key}).status_code == 201
    )


def test_only_answers_of_success_are_kept(widgets, db):
    widgets.post("/widgets", json=WIDGET)
    assert widgets.post("/widgets", json=WIDGET, headers=KEY).status_code == 409
    assert widgets.post("/widgets", json={"weight": 1}, headers=KEY).status_code == 422
    assert widgets.post("/widgets", json={"name": "wheel"}, headers=KEY).status_code == 201


def test_the_stored_answer_is_unreadable_at_rest(widgets, db):
    widgets.post("/widgets", json={"name": "a rather private name"}, headers=KEY)
    row = db.execute(text("SELECT * FROM idempotency_keys")).one()
    everything = b" ".join(
        bytes(value) if isinstance(value, memoryview) else str(value).encode() for value in row
    )
    assert row.answer
    for plain in (b"private", b"/widgets/", b"application/json", KEY["Idempotency-Key"].encode()):
        assert plain not in everything


def test_after_24_hours_the_key_is_free_again(widgets, db):
    widgets.post("/widgets", json=WIDGET, headers=KEY)
    start = utc_now()
    with time_machine.travel(start.replace(microsecond=0)) as clock:
        clock.shift(24 * 3600 - 60)
        assert (
            widgets.post("/widgets", json=WIDGET, headers=KEY).headers["idempotency-replayed"]
            == "true"
        )
        clock.shift(120)
        answer = widgets.post("/widgets", json={"name": "wheel"}, headers=KEY)
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)
    assert rows(IdempotencyKey) == 1


def test_no_body_can_be_guessed_from_what_is_stored(widgets, db):
    """A body may hold a password.

    The fingerprint of the body is made with our secret key, so nobody can test guesses
    with it.
    """
    body = b'{"name": "Anvil"}'
    headers = {"Idempotency-Key": "guess-me", "Content-Type": "application/json"}
    assert widgets.post("/widgets", content=body, headers=headers).status_code == 201
    row = db.scalars(select(IdempotencyKey)).one()
    parts = (b"", b"application/json", body)
    plain = hashlib.sha256(
        b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    ).hexdigest()
    assert row.fingerprint != plain

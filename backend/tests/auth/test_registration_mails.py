"""The emails that registrations send.

The owner of an address gets an email, and the person who registers learns nothing.
"""

import pytest
from sqlalchemy import select

from app.routers.auth.models import OneTimeToken, User
from tests.auth.factories import PASSWORD, make_user
from tests.auth.letters import last_token, letters_to
from tests.auth.steps import outcome, row_of, sign_in
from tests.support.mails import mails_to

DAY = 24 * 3600
FORM = {"username": "ada.lovelace", "email": "ada@example.org", "password": PASSWORD}
VARYING = {"x-request-id", "date"}


def register(client, **changes):
    return client.post("/auth/register", json=FORM | changes)


def shape(answer):
    return (
        answer.status_code,
        answer.content,
        {n: v for n, v in answer.headers.items() if n not in VARYING},
    )


def subjects(address):
    return [mail.subject for mail in letters_to(address)]


def test_the_link_opens_the_account_once(client, db):
    """Requirement 11."""
    assert register(client).status_code == 202
    owner = db.scalar(select(User))
    assert outcome(sign_in(client, owner)) == (403, "email_not_verified")
    token = last_token(FORM["email"], "verify-email")
    assert client.post("/auth/verify-email", json={"token": token}).status_code == 204
    assert sign_in(client, owner).status_code == 200
    assert outcome(client.post("/auth/verify-email", json={"token": token})) == (
        400,
        "invalid_token",
    )


def test_free_taken_and_waiting_addresses_get_one_response(client, db):
    """Requirement 1."""
    owner, waiting = make_user(), make_user(is_verified=False)
    before = row_of(owner), row_of(waiting)
    answers = [
        register(client, username=f"newcomer{number}", email=email)
        for number, email in enumerate(["free@example.org", owner.email, waiting.email])
    ]
    assert shape(answers[0]) == shape(answers[1]) == shape(answers[2])
    assert (row_of(owner), row_of(waiting)) == before
    assert subjects("free@example.org") == ["Confirm your email address"]
    assert subjects(owner.email) == ["You already have an account"]
    assert subjects(waiting.email) == ["Choose your password"]


def test_a_new_link_kills_the_older(client, db):
    """Requirement 12."""
    register(client)
    first = last_token(FORM["email"], "verify-email")
    client.post("/auth/verify-email/resend", json={"email": FORM["email"]})
    second = last_token(FORM["email"], "verify-email")
    assert outcome(client.post("/auth/verify-email", json={"token": first})) == (
        400,
        "invalid_token",
    )
    assert client.post("/auth/verify-email", json={"token": second}).status_code == 204


def test_a_link_expires_after_a_day(client, db, clock):
    """Requirement 12."""
    waiting = make_user(is_verified=False)
    client.post("/auth/verify-email/resend", json={"email": waiting.email})
    token = last_token(waiting.email, "verify-email")
    clock.shift(DAY + 1)
    assert outcome(client.post("/auth/verify-email", json={"token": token})) == (
        400,
        "invalid_token",
    )


def test_resending_gets_one_response_and_emails_only_the_waiting(client, db):
    """Requirement 1."""
    known, waiting = make_user(), make_user(is_verified=False)
    addresses = [known.email, waiting.email, "nobody@example.org"]
    answers = [
        client.post("/auth/verify-email/resend", json={"email": address}) for address in addresses
    ]
    assert shape(answers[0]) == shape(answers[1]) == shape(answers[2])
    assert answers[0].status_code == 202
    assert [len(letters_to(address)) for address in addresses] == [0, 1, 0]


@pytest.mark.parametrize("path", ["/auth/verify-email/resend", "/auth/password/forgot"])
def test_over_the_limit_the_response_stays_but_no_email_is_sent(client, db, path):
    """At most five emails an hour go to one address, whoever asks for them."""
    waiting = make_user(is_verified=False)
    answers = [client.post(path, json={"email": waiting.email}) for _ in range(8)]
    assert answers[0].status_code == 202
    assert all(shape(answer) == shape(answers[0]) for answer in answers)
    assert len(letters_to(waiting.email)) == 5


def test_one_address_asks_for_30_mails_an_hour_and_then_in_vain(client, db, from_address):
    """The limit also holds for many addresses in one network.

    IPv6 addresses are counted by /64 and by /48.
    """
    owners = [make_user() for _ in range(32)]
    for number, owner in enumerate(owners):
        asker = from_address(f"2001:db8:1:2::{number + 1:x}")
        assert asker.post("/auth/password/forgot", json={"email": owner.email}).status_code == 202
    letters_to("")
    assert sum(len(mails_to(owner.email)) for owner in owners) == 30
    elsewhere = from_address("2001:db8:2:3::1")
    elsewhere.post("/auth/password/forgot", json={"email": owners[-1].email})
    assert len(letters_to(owners[-1].email)) == 1


def test_an_unfinished_registration_frees_its_names_after_a_day(client, db, clock):
    """A registration with a free address holds its username for as long as one with a
    taken address, even if the link was sent again.
    """
    make_user(email="taken@example.org")
    register(client)
    register(client, username="babbage", email="taken@example.org")
    clock.shift(DAY - 60)
    client.post("/auth/verify-email/resend", json={"email": FORM["email"]})
    for name in ("ada.lovelace", "babbage"):
        assert outcome(register(client, username=name, email="new1@example.org")) == (
            409,
            "username_taken",
        )
    clock.shift(120)
    for name in ("ada.lovelace", "babbage"):
        assert register(client, username=name, email=f"{name}@example.net").status_code == 202
    assert register(client, username="third", email=FORM["email"]).status_code == 202
    assert db.scalar(select(User.username).where(User.email == FORM["email"])) == "third"


def test_no_link_can_be_found_in_the_database(client, db):
    """Requirement 10."""
    register(client)
    token = last_token(FORM["email"], "verify-email")
    client.post("/auth/password/forgot", json={"email": FORM["email"]})
    reset = last_token(FORM["email"], "reset-password")
    tables = OneTimeToken.metadata.sorted_tables
    everything = "".join(str(db.execute(select(table)).all()) for table in tables)
    assert token not in everything
    assert reset not in everything
    assert FORM["password"] not in everything


@pytest.mark.parametrize(
    "host",
    [
        {"Host": "localhost:666"},
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example"},
    ],
)
def test_links_lead_to_the_configured_frontend_only(client, db, host):
    """Requirement 32, for links in emails."""
    assert client.post("/auth/register", json=FORM, headers=host).status_code == 202
    mail = letters_to(FORM["email"])[0]
    assert "http://localhost:8000/demo/verify-email?token=" in mail.text
    assert not any(word in mail.text + mail.html for word in ("evil", ":666"))

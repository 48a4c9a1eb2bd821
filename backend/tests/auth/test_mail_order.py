"""The order and expiry of auth's emails, and the effect of a flood of registrations."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.types import utc_now
from app.platform import mail
from app.platform.mail import read_mail
from app.platform.models import Mail, Priority
from app.routers.auth.credentials.one_time_tokens import LIFE, Purpose
from tests.auth.factories import PASSWORD, make_user
from tests.auth.letters import letters_to

HOUR = 3600


def register(client, name, email=None):
    body = {"username": name, "email": email or f"{name}@example.org", "password": PASSWORD}
    assert client.post("/auth/register", json=body).status_code == 202


def forget(client, email):
    assert client.post("/auth/password/forgot", json={"email": email}).status_code == 202


def resend(client, email):
    assert client.post("/auth/verify-email/resend", json={"email": email}).status_code == 202


def change(client, login, new_email):
    login(make_user())
    body = {"new_email": new_email, "password": PASSWORD}
    assert client.post("/auth/email-change", json=body).status_code == 202


def mails(db):
    letters_to("")
    return list(db.scalars(select(Mail).order_by(Mail.id)))


def priorities(db):
    return [Priority(one.priority) for one in mails(db)]


FLOWS = {
    "registration": lambda client, _login, _owner: register(client, "ada"),
    "registration, taken": lambda client, _login, owner: register(client, "ada", owner.email),
    "registration, contested": lambda client, _login, _owner: [
        register(client, name, "ada@example.org") for name in ("ada", "eve")
    ],
    "resend": lambda client, _login, _owner: [
        register(client, "ada"),
        resend(client, "ada@example.org"),
    ],
    "reset": lambda client, _login, owner: forget(client, owner.email),
    "e-mail change": lambda client, login, _owner: change(client, login, "new@example.org"),
    "e-mail change, taken": lambda client, login, owner: change(client, login, owner.email),
}


@pytest.mark.parametrize("flow", FLOWS)
def test_an_email_with_a_link_goes_first_unless_it_has_expired(client, db, login, flow):
    FLOWS[flow](client, login, make_user())
    found = mails(db)
    assert found
    for one in found:
        text = read_mail(one).text
        assert "token=" in text
        life = LIFE[Purpose.VERIFY_EMAIL if "/verify-email?" in text else Purpose.RESET_PASSWORD]
        assert one.priority == Priority.LINK
        assert abs(one.useful_until - utc_now() - life) < timedelta(minutes=1)


def test_a_notice_may_wait_and_is_always_of_use(client, db, login):
    login(make_user())
    body = {"current_password": PASSWORD, "new_password": "another horse battery staple"}
    assert client.post("/auth/password/change", json=body).status_code == 204
    (notice,) = mails(db)
    assert (notice.priority, notice.useful_until) == (Priority.NOTICE, None)


@pytest.fixture
def alarms(monkeypatch):
    told = []
    monkeypatch.setattr(mail.log, "error", lambda event, **_: told.append(event))
    return told


@pytest.mark.parametrize("flow", FLOWS)
def test_above_the_limit_email_to_unknown_addresses_goes_last(client, db, login, settings, flow):
    owner = make_user()
    settings(MAIL_TO_STRANGERS_PER_HOUR="1")
    register(client, "first")
    before = len(mails(db))
    FLOWS[flow](client, login, owner)
    to_owner = flow == "reset" or flow.endswith("taken")
    last = Priority.LINK if to_owner else Priority.HELD_BACK
    assert set(priorities(db)[before:]) == {last}


def test_a_flood_of_registrations_delays_no_existing_user(client, db, settings, clock, alarms):
    """No email of the flood is dropped. Each email above the limit goes out last."""
    settings(MAIL_TO_STRANGERS_PER_HOUR="2")
    for name in ("one", "two", "three", "four"):
        register(client, name)
    assert priorities(db) == [Priority.LINK] * 2 + [Priority.HELD_BACK] * 2
    assert alarms == ["mail_to_strangers_held_back"]
    forget(client, make_user().email)
    forget(client, "one@example.org")  # unverified, so it may be a stranger's account
    assert priorities(db)[4:] == [Priority.LINK, Priority.HELD_BACK]
    assert len(alarms) == 1, "one in an hour"
    clock.shift(2 * HOUR)
    for name in ("six", "seven", "eight", "nine"):
        register(client, name)
    assert priorities(db)[6:] == [Priority.LINK] * 2 + [Priority.HELD_BACK] * 2
    assert len(alarms) == 2

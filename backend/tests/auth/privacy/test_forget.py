"""An operator erases an account with all its content (requirement 68)."""

import pytest

from app.platform.personal_data import records
from app.routers.auth.models import User
from tests.auth.exports import forget
from tests.auth.factories import make_user
from tests.auth.letters import letters_to
from tests.auth.steps import events_of, outcome, row_of, sign_in


@pytest.mark.parametrize("name", ["id", "username", "email"])
def test_the_account_is_deleted(client, db, user, name):
    other = make_user()
    sign_in(client, user)
    code, said = forget("--yes", getattr(user, name))
    assert (code, "A worker now erases" in said) == (0, True), said
    assert "deleted" in letters_to(user.email)[-1].subject
    assert row_of(user).email.endswith("@deleted.invalid")
    assert row_of(other).email == other.email
    assert outcome(sign_in(client, user)) == (401, "invalid_credentials")
    assert [event.ip_address for event in events_of(db, "account_deleted", user)] == [""]
    assert [event.ip_address for event in events_of(db, "login", user)] == [""]


def test_without_yes_nothing_changes(db, user):
    before = row_of(user)
    code, said = forget(user.username.upper())
    assert code == 1
    assert f"account {user.id} ({user.username})" in said
    assert row_of(user) == before


def test_an_unknown_account_is_named(db):
    assert forget("--yes", "nobody") == (1, "There is no account nobody.\n")


def test_more_records_than_a_page_are_read_once(db, monkeypatch):
    monkeypatch.setattr("app.platform.personal_data.SIZE", 2)
    ids = [make_user().id for _ in range(5)]
    assert [record["id"] for record in records(User, User.id.in_(ids))] == ids

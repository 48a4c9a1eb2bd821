"""Staff act on accounts in the admin, and each action adds an entry to the audit
log.
"""

import pytest

from app.db.database import SessionLocal
from app.platform.models import Mail
from app.routers.auth.models import RecoveryCode, SecurityEvent, Totp, User
from tests.auth.factories import PASSWORD, make_user, token_for
from tests.auth.phones import phone_of
from tests.auth.steps import sign_in
from tests.support.admin import desk_of, newest_entry


@pytest.fixture
def staff(db):
    return make_user(is_superuser=True)


@pytest.fixture
def desk(app, client, staff):
    return desk_of(app, staff)


def events_of(db, user):
    return [one.kind for one in db.query(SecurityEvent).filter_by(user_id=user.id)]


def is_signed_in(client, token):
    return client.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_disabled_account_is_out_until_it_is_enabled(desk, client, db, user):
    token = token_for(user)
    assert desk.act("users", user.id, "disable").status_code == 303
    assert not is_signed_in(client, token)
    assert sign_in(client, user).json()["code"] == "account_disabled"
    assert desk.act("users", user.id, "disable").status_code == 409  # it is already disabled
    assert desk.act("users", user.id, "enable").status_code == 303
    assert sign_in(client, user).status_code == 200
    entry = newest_entry("users.enable")
    assert (entry.before["is_active"], entry.after["is_active"]) == (False, True)


def test_an_address_is_verified(desk, client, db):
    user = make_user(is_verified=False)
    assert desk.act("users", user.id, "verify").status_code == 303
    assert sign_in(client, user).status_code == 200
    assert newest_entry("users.verify").after["is_verified"] is True


def test_all_sessions_are_ended(desk, client, db, user):
    tokens = [token_for(user), token_for(user)]
    assert desk.act("users", user.id, "end-sessions").status_code == 303
    assert [is_signed_in(client, token) for token in tokens] == [False, False]
    assert newest_entry("users.end-sessions").target == f"users:{user.id}"
    assert "sessions_ended" in events_of(db, user)


def test_a_lost_second_factor_is_reset(desk, client, db, user):
    phone_of(user)
    token = token_for(user)
    assert desk.act("users", user.id, "reset-second-factor").status_code == 303
    assert db.query(Totp).filter_by(user_id=user.id).count() == 0
    assert db.query(RecoveryCode).filter_by(user_id=user.id).count() == 0
    assert not is_signed_in(client, token)
    assert sign_in(client, user).status_code == 200
    entry = newest_entry("users.reset-second-factor")
    assert (entry.before["has_mfa"], entry.after["has_mfa"]) == (True, False)
    assert db.query(Mail).filter_by(recipient=user.email).one().subject == "Two-step sign-in is off"


def test_the_owner_gets_a_password_link(desk, db, user):
    assert desk.act("users", user.id, "mail-password-link").status_code == 303
    assert db.query(Mail).filter_by(recipient=user.email).count() == 1
    assert newest_entry("users.mail-password-link").reason == "A test"


@pytest.mark.parametrize("action", ["disable", "reset-second-factor"])
def test_staff_cannot_lock_themselves_out(desk, db, staff, action):
    phone_of(staff)
    assert desk.act("users", staff.id, action).status_code == 409
    assert db.get(User, staff.id, populate_existing=True).is_active
    assert db.query(Totp).filter_by(user_id=staff.id).count() == 1


def test_a_blocked_address_is_unblocked(desk, from_address, db, user):
    guesser = from_address("198.51.100.20")
    for _ in range(10):
        sign_in(guesser, user, "wrong password")
    assert sign_in(guesser, user, PASSWORD).status_code == 429
    form = {"address": "198.51.100.20", "name": user.email, "reason": "An office"}
    assert desk.post("/tool/unblock", **form).status_code == 303
    assert sign_in(guesser, user, PASSWORD).status_code == 200
    assert newest_entry("tools.unblock").target == "address:198.51.100.20"
    assert desk.post("/tool/unblock", **form | {"address": "nowhere"}).status_code == 422


def test_an_account_is_found_by_id_name_and_address(desk, db):
    user = make_user(username="grace-h", email="grace@example.com")
    make_user()
    for search in (str(user.id), "grace-h", "GRACE@example.com", "race"):
        page = desk.get("/list/users", params={"q": search}).text
        assert ("grace-h" in page, page.count("/admin/row/users/")) == (True, 1)
    assert "No rows" in desk.get("/list/users?q=nobody-at-all").text
    assert "No rows" in desk.get("/list/users?state=disabled").text


def test_a_deleted_account_offers_no_actions(desk, db, user):
    with SessionLocal() as session, session.begin():
        session.get_one(User, user.id).email = "deleted-2@deleted.invalid"
    assert "/admin/act/" not in desk.get(f"/row/users/{user.id}").text
    assert desk.act("users", user.id, "enable").status_code == 409


def test_hostile_text_is_shown_as_text(desk, db, user):
    with_markup = "<script>alert(1)</script>"
    with SessionLocal() as session, session.begin():
        session.add(SecurityEvent(user_id=user.id, kind="login", facts=with_markup))
    page = desk.get(f"/row/users/{user.id}").text
    assert with_markup not in page
    assert "&lt;script&gt;" in page

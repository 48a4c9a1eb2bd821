"""Staff sign in to the admin: who may enter, and for how long."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.db.database import SessionLocal
from app.routers.auth.models import LoginSession, User
from tests.auth.factories import make_user, token_for
from tests.auth.phones import phone_of
from tests.support.admin import HERE, Desk, challenge_of, desk_of

HOURS = 3600


@pytest.fixture
def staff(db):
    return make_user(is_superuser=True)


def leads_to(answer):
    return answer.status_code, answer.headers.get("location")


def is_in(desk):
    return desk.get("/list/users").status_code == 200


def test_a_superuser_signs_in_and_out(app, client, staff):
    desk = Desk(app)
    assert leads_to(desk.get("/list/users")) == (303, "/admin/login?next=%2Fadmin%2Flist%2Fusers")
    answer = desk.post(
        "/login",
        username=staff.email,
        password="correct horse battery staple",
        next="/admin/list/jobs",
    )
    assert leads_to(answer) == (303, "/admin/list/jobs")
    assert is_in(desk)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    stolen = desk.web.cookies["liftoff-staff"]
    assert leads_to(desk.post("/logout")) == (303, "/admin/login")
    desk.web.cookies.set("liftoff-staff", stolen)
    assert not is_in(desk)


@pytest.mark.parametrize("password", ["", "wrong password", "x" * 5_000])
def test_a_wrong_password_is_refused(app, client, staff, password):
    desk = Desk(app)
    answer = desk.sign_in(staff, password)
    assert answer.status_code == 401
    assert "The username or the password is wrong." in answer.text
    assert not is_in(desk)


def test_a_user_who_is_not_staff_gets_no_session(app, client, db):
    user = make_user()
    desk = Desk(app)
    answer = desk.sign_in(user)
    assert (answer.status_code, "Only staff" in answer.text) == (403, True)
    assert db.query(LoginSession).filter_by(user_id=user.id).count() == 0
    desk.web.headers["Authorization"] = f"Bearer {token_for(user)}"
    assert not is_in(desk)


def test_no_access_token_opens_the_admin(app, client, staff):
    desk = Desk(app)
    desk.web.headers["Authorization"] = f"Bearer {token_for(staff)}"
    desk.web.cookies.set("liftoff-staff", token_for(staff))
    assert not is_in(desk)


def test_the_pass_opens_nothing_else(app, client, staff):
    desk = desk_of(app, staff)
    given = desk.web.cookies["liftoff-staff"]
    assert desk.web.get("/auth/me").status_code == 401
    bearer = {"Authorization": f"Bearer {given}"}
    assert desk.web.get("/auth/me", headers=bearer).status_code == 401


def test_an_altered_pass_is_refused(app, client, staff):
    desk = desk_of(app, staff)
    given = desk.web.cookies["liftoff-staff"]
    for wrong in (given[:-1], "x" + given[1:], "", "ü" * 10, "a" * 9_000):
        desk.web.cookies.clear()
        answer = desk.get("/list/users", headers={"Cookie": f"liftoff-staff={wrong}".encode()})
        assert answer.status_code == 303


@pytest.mark.parametrize("change", [{"is_superuser": False}, {"is_active": False}])
def test_a_demoted_or_disabled_superuser_is_out_at_once(app, client, db, staff, change):
    desk = desk_of(app, staff)
    other = make_user()
    with SessionLocal() as session, session.begin():
        session.execute(update(User).where(User.id == staff.id).values(change))
    assert not is_in(desk)
    assert leads_to(desk.act("users", other.id, "disable"))[0] == 303
    assert db.get(User, other.id, populate_existing=True).is_active


def test_a_session_ends_after_eight_hours(app, client, db, staff, clock):
    desk = desk_of(app, staff)
    clock.shift(7.9 * HOURS)
    assert is_in(desk)
    clock.shift(0.2 * HOURS)
    assert not is_in(desk)


def test_a_second_factor_is_asked_for(app, client, db, staff, still):
    phone = phone_of(staff)
    desk = Desk(app)
    page = desk.sign_in(staff)
    assert (page.status_code, "liftoff-staff" in desk.web.cookies) == (200, False)
    challenge = challenge_of(page)
    wrong = desk.post("/login/code", challenge=challenge, code="000000")
    assert (wrong.status_code, is_in(desk)) == (401, False)
    assert desk.post("/login/code", challenge=challenge, code=phone.code()).status_code == 303
    assert is_in(desk)


def test_dangerous_actions_need_a_fresh_sign_in(app, client, db, staff, clock):
    desk, other = desk_of(app, staff), make_user()
    clock.shift(timedelta(minutes=11))
    path = f"/act/users/{other.id}/disable"
    confirm = (303, f"/admin/confirm?next=%2Fadmin%2Fact%2Fusers%2F{other.id}%2Fdisable")
    assert leads_to(desk.get(path)) == leads_to(desk.act("users", other.id, "disable")) == confirm
    assert desk.get(path.replace("disable", "forgive")).status_code == 200  # not dangerous
    assert desk.post("/confirm", password="wrong").status_code == 401
    again = desk.post("/confirm", password="correct horse battery staple", next=f"/admin{path}")
    assert leads_to(again) == (303, f"/admin{path}")
    assert desk.act("users", other.id, "disable").status_code == 303
    assert not db.get(User, other.id, populate_existing=True).is_active


def test_confirming_needs_the_second_factor_too(app, client, db, staff, still):
    desk = desk_of(app, staff)
    phone = phone_of(staff)
    password = {"password": "correct horse battery staple"}
    assert desk.post("/confirm", **password).status_code == 401
    assert desk.post("/confirm", **password, code=phone.code()).status_code == 303


@pytest.mark.parametrize(
    "next_page", ["//evil.example", "https://evil.example/admin/", "/admin/\\evil", "/admin//evil"]
)
def test_a_sign_in_leads_to_no_other_site(app, client, staff, next_page):
    answer = Desk(app).post(
        "/login", username=staff.email, password="correct horse battery staple", next=next_page
    )
    assert leads_to(answer) == (303, "/admin/")


def test_guessing_is_limited_as_at_any_sign_in(app, client, db, staff):
    desk = Desk(app, "198.51.100.9")
    answers = [desk.sign_in(staff, "wrong").status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://testserver:1"])
def test_forms_of_other_sites_are_refused(app, client, db, staff, origin):
    desk, other = desk_of(app, staff), make_user()
    headers = {"Origin": origin} if origin else {}
    path = f"/act/users/{other.id}/disable"
    assert desk.post(path, headers=headers, reason="A test").status_code == 403
    assert db.get(User, other.id, populate_existing=True).is_active


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_form_without_its_token_is_refused(app, client, db, staff, token):
    desk, other = desk_of(app, staff), make_user()
    answer = desk.act("users", other.id, "disable", csrftoken=token)
    assert answer.status_code == 403
    assert db.get(User, other.id, populate_existing=True).is_active


def test_a_form_must_say_how_long_it_is(app, client, db):
    desk = Desk(app)
    path = "/admin/login"
    sent = (part for part in [b"username=x"])
    assert desk.web.post(path, content=sent, headers=HERE).status_code == 411
    assert desk.web.post(path, content=b"x" * 70_000, headers=HERE).status_code == 413

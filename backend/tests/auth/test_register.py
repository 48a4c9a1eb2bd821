"""Registration does not reveal who has an account."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from app.routers.auth.models import User, UsernameHold
from tests.auth.factories import PASSWORD, make_user

FORM = {"username": "ada.lovelace", "email": "ada@example.org", "password": PASSWORD}


def users(db):
    return db.scalar(select(func.count(User.id)))


def columns(db, user):
    return db.execute(select(User.__table__).where(User.id == user.id)).one()


def test_a_new_account_waits_for_its_address_to_be_verified(client, db):
    answer = client.post("/auth/register", json=FORM)
    assert (answer.status_code, list(answer.json())) == (202, ["message"])
    made = db.scalar(select(User).where(User.username == "ada.lovelace"))
    assert (made.email, made.is_verified, made.is_active, made.is_superuser) == (
        "ada@example.org",
        False,
        True,
        False,
    )


def test_a_taken_address_gets_the_same_response_without_changes(client, db):
    """Requirement 1."""
    owner = make_user(email="ada@example.org")
    before = columns(db, owner)
    free = client.post(
        "/auth/register", json=FORM | {"username": "somebody", "email": "free@example.org"}
    )
    taken = client.post("/auth/register", json=FORM)
    varying = {"x-request-id", "date"}
    assert (taken.status_code, taken.content) == (free.status_code, free.content)
    assert {n: v for n, v in taken.headers.items() if n not in varying} == {
        n: v for n, v in free.headers.items() if n not in varying
    }
    assert columns(db, owner) == before


@pytest.mark.parametrize("email", ["ada@example.org", "free@example.org"])
def test_retrying_a_username_reveals_nothing_about_the_address(client, db, email):
    """Requirement 1."""
    make_user(email="ada@example.org")
    assert client.post("/auth/register", json=FORM | {"email": email}).status_code == 202
    for again in (email, "third@example.org"):
        answer = client.post("/auth/register", json=FORM | {"email": again})
        assert (answer.status_code, answer.json()["code"]) == (409, "username_taken")


def test_a_held_user_name_is_free_again_after_a_day(client, db, clock):
    make_user(email="ada@example.org")
    client.post("/auth/register", json=FORM)
    clock.shift(24 * 3600 - 60)
    assert client.post("/auth/register", json=FORM | {"email": "b@example.org"}).status_code == 409
    clock.shift(120)
    assert client.post("/auth/register", json=FORM | {"email": "b@example.org"}).status_code == 202
    assert db.scalar(select(func.count(UsernameHold.id))) == 0


def test_a_user_name_is_taken_in_every_spelling(client, db):
    """Requirement 46."""
    make_user(username="ada.lovelace")
    for spelling in (
        "ada.lovelace",
        "ADA.Lovelace",
        "\uff41da.lovelace",
    ):  # the last of these names begins with a full-width letter a
        answer = client.post("/auth/register", json=FORM | {"username": spelling})
        assert (answer.status_code, answer.json()["code"]) == (409, "username_taken"), spelling


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Alice@EXAMPLE.com", "alice@example.com"),
        ("\uff41lice@example.com", "alice@example.com"),
        ("alice@B\u00dcCHER.example", "alice@xn--bcher-kva.example"),
        ("alice@bu\u0308cher.example", "alice@xn--bcher-kva.example"),
    ],
    ids=["capitals", "full width", "IDN composed", "IDN decomposed"],
)
def test_an_address_is_stored_in_its_one_form(client, db, sent, kept):
    """Requirement 46."""
    assert client.post("/auth/register", json=FORM | {"email": sent}).status_code == 202
    assert db.scalars(select(User.email)).all() == [kept]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("email", "a@b@example.org"),
        ("email", "Ada <ada@example.org>"),
        ("email", "ada@example.org\r\nBcc: eve@example.org"),
        (
            "email",
            "\u0131da@example.org",
        ),  # dotless i: no mail server allows it, and readers take it for an i
        ("email", f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 30}.org"),
        ("username", "ab"),
        ("username", "a" * 33),
        ("username", ".ada"),
        ("username", "ada\r\nlovelace"),
        ("username", "\u0430da"),  # a Cyrillic a
        ("username", "admin"),
        ("username", "ADMIN"),
        ("username", "\uff41dmin"),
        ("username", "null"),
        ("username", 12345),
        ("password", None),
    ],
)
def test_an_unsafe_value_is_refused_and_leaves_no_account(client, db, field, value):
    """Requirements 46 and 47."""
    answer = client.post("/auth/register", json=FORM | {field: value})
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["errors"]] == [["body", field]]
    assert users(db) == 0


@pytest.mark.parametrize(
    "field", ["id", "is_superuser", "is_verified", "is_active", "plan", "customer_id"]
)
def test_an_unknown_field_is_refused_and_no_account_is_created(client, db, field):
    """Requirement 34."""
    assert client.post("/auth/register", json=FORM | {field: 1}).status_code == 422
    assert users(db) == 0


@pytest.mark.parametrize(
    "password",
    [
        "short-1234X",
        "password1234",
        "PASSWORD1234",
        "aaaaaaaaaaaaaaaa",
        "ada.lovelace1",
        "121212121212",
    ],
    ids=["short", "common", "common in capitals", "one letter", "user name", "two letters"],
)
def test_a_weak_password_is_refused_without_being_repeated(client, db, password):
    answer = client.post("/auth/register", json=FORM | {"password": password})
    assert (answer.status_code, answer.json()["code"]) == (422, "weak_password")
    assert answer.json()["errors"][0]["loc"] == ["body", "password"]
    assert password not in answer.text
    assert users(db) == 0


@pytest.mark.parametrize(
    "letter", ["x\u00e9\u0437\u4e2d\U0001f511 \u202e\u0301"], ids=["many scripts"]
)
def test_a_password_may_have_256_code_points_of_any_script(client, db, letter):
    """Requirement 8: 256 is the documented maximum."""
    long = (letter * 40)[:256]
    assert client.post("/auth/register", json=FORM | {"password": long}).status_code == 202
    db.scalar(select(User)).is_verified = True
    db.commit()
    sign_in = {"username": FORM["username"]}
    assert client.post("/auth/token", data=sign_in | {"password": long}).status_code == 200
    assert client.post("/auth/token", data=sign_in | {"password": long[:-1]}).status_code == 401
    too_long = client.post(
        "/auth/register", json=FORM | {"username": "other", "password": long + "x"}
    )
    assert too_long.status_code == 422
    assert long not in too_long.text


def test_every_byte_of_a_password_counts(client, db):
    """Requirement 8: a password that differs only after 72 bytes is wrong."""
    user = make_user(password="0123456789ab" * 6 + "tail \u00e9 ")
    for other in (
        "0123456789ab" * 6 + "liat \u00e9 ",
        "0123456789ab" * 6,
        "0123456789ab" * 6 + "tail \u00e9",
        "0123456789ab" * 6 + "tail e\u0301 ",
    ):
        answer = client.post("/auth/token", data={"username": user.username, "password": other})
        assert answer.status_code == 401, other


def together(client, bodies):
    with ThreadPoolExecutor(len(bodies)) as pool:
        return [
            a.status_code
            for a in pool.map(lambda body: client.post("/auth/register", json=body), bodies)
        ]


def test_20_spellings_of_one_address_at_once_make_one_account(client, committed):
    """Requirement 46."""
    spellings = [
        "ada@example.org",
        "ADA@example.org",
        "ada@EXAMPLE.ORG",
        "\uff41da@example.org",
    ] * 5
    bodies = [
        FORM | {"username": f"ada{number}", "email": email}
        for number, email in enumerate(spellings)
    ]
    assert set(together(client, bodies)) == {202}
    with committed() as db:
        assert db.scalars(select(User.email)).all() == ["ada@example.org"]


def test_20_spellings_of_one_user_name_at_once_make_one_account(client, committed):
    """Requirement 46."""
    spellings = ["lovelace", "Lovelace", "LOVELACE", "\uff4covelace"] * 5
    bodies = [
        FORM | {"username": name, "email": f"ada{number}@example.org"}
        for number, name in enumerate(spellings)
    ]
    assert sorted(together(client, bodies)) == [202] + [409] * 19
    with committed() as db:
        assert db.scalars(select(User.username)).all() == ["lovelace"]


def test_twenty_registrations_of_one_username_hold_it_once(client, committed):
    make_user(email="ada@example.org")
    assert sorted(together(client, [FORM] * 20)) == [202] + [409] * 19
    with committed() as db:
        assert db.scalar(select(func.count(UsernameHold.id))) == 1
        assert users(db) == 1


def test_after_30_registrations_in_an_hour_an_address_waits(client, db, clock):
    """Requirement 5."""
    for number in range(30):
        assert (
            client.post("/auth/register", json=FORM | {"password": f"short{number}"}).status_code
            == 422
        )
    answer = client.post("/auth/register", json=FORM)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert users(db) == 0

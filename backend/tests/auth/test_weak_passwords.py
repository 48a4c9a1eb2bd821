"""Weak passwords are refused wherever a password is set.

How long a check takes depends on the length of the password, but not on its content.
"""

import time
from contextlib import suppress

import pytest

from app.core.config import get_settings
from app.routers.auth import demo, service
from app.routers.auth.passwords import weak_passwords
from app.routers.auth.passwords.weak_passwords import LIST, WeakPassword, refuse_weak
from tests.auth.factories import PASSWORD, make_user, token_for

COMMON = ["123456789012", "passwordpassword", "Password@123", "administrator", "qwertyuiopas"]
COMMON += [
    demo.PASSWORD,
    "1qaz2wsx3edc",
    "zaq12wsxcde3",
    "a1b2c3d4e5f6",
    "abcabcabcabcabc",
    "monkey-monkey",
]
COMMON += [
    "0987654321098",
    "abcdefghijklmnop",
    "yxcvbnmasdfg",
    "aaaaaaaaaaaaaaaaaaaaaaaa",
    "ABCDEFGHIJKL",
]
OF_NAMES = [
    "Welcome12345",
    "admin1234567",
    "ada.lovelace1815",
    "lovelace-ada-9",
    "Liftoff-admin-1",
    "liftoff2024!",
]
OF_NAMES += [
    "grand-hotel-12",
    "Password-2026",
    "Michael12345!",
    "December2025!",
    "ada@mail.example",
]
STRONG = [
    "correct horse battery staple",
    "mousetrapdog",
    "Margarethe-19620304-77",
    "kilopascal-tundra7",
]
STRONG += ["東京の夜はとても静かです", "\u0433\u043e\u0440\u0430\U0001f511" * 20, "x9k2v7q4m1z8"]


def kind_of(password, *names):
    with pytest.raises(WeakPassword) as refused:
        refuse_weak(password, *names)
    return refused.value.members["errors"][0]["type"]


@pytest.fixture
def site(monkeypatch):
    """A site with its own address, whose name is a weak password."""
    address = {"frontend_url": "https://app.grand-hotel.example"}
    settings = get_settings().model_copy(update=address)
    monkeypatch.setattr(weak_passwords, "get_settings", lambda: settings)


@pytest.mark.parametrize("password", COMMON)
def test_a_common_password_is_refused(password):
    assert kind_of(password) == "password_too_common"


@pytest.mark.parametrize("password", OF_NAMES)
def test_a_password_made_of_names_is_refused(password, site):
    assert kind_of(password, "ada.lovelace", "ada@mail.example") == "password_too_personal"


@pytest.mark.parametrize("password", STRONG)
def test_a_strong_password_is_accepted(password, site):
    refuse_weak(password, "ada.lovelace", "ada")


def test_the_list_holds_thousands_that_match_the_policy():
    listed = [line for line in LIST.read_text().splitlines() if not line.startswith("#")]
    assert len({password for password in listed if len(password) >= 12}) == len(listed) >= 3_000
    for password in listed[::97]:
        kind_of(password.upper())


def test_the_message_says_what_to_do():
    with pytest.raises(WeakPassword) as refused:
        refuse_weak("passwordpassword")
    assert "unrelated words" in refused.value.message
    assert "passwordpassword" not in refused.value.message


@pytest.mark.parametrize(
    "text", ["a", "ab", "aab", "qwertyuiop", "ada", "x9k2v7q4m1z8", "password"]
)
def test_the_cost_grows_no_faster_than_the_length(text):
    """The test measures processor time, so other work on the machine does not count.

    The long password has eight times as many letters, so a quadratic rule would take 64
    times as long.
    """
    short, long = (text * 4_000)[:2_000], (text * 32_000)[:16_000]
    kind_of("passwordpassword")  # this loads the lists

    def cost(password):
        spent = []
        for _ in range(3):
            started = time.thread_time()
            with suppress(WeakPassword):
                refuse_weak(password, "ada", "x" * 300)
            spent.append(time.thread_time() - started)
        return min(spent)

    assert cost(long) < 25 * cost(short) + 0.01


def test_ones_own_address_is_no_password(client, db):
    address = "quiet.heron@wading-birds.example"
    body = {"username": "ada", "email": address, "password": address}
    assert client.post("/auth/register", json=body).json()["code"] == "weak_password"
    with pytest.raises(WeakPassword):
        service.make_superuser(db, email=address, username="ada", password=address)
    headers = {"Authorization": f"Bearer {token_for(make_user(email=address))}"}
    change = {"current_password": PASSWORD, "new_password": f"{address}1"}
    assert (
        client.post("/auth/password/change", json=change, headers=headers).json()["code"]
        == "weak_password"
    )


def test_a_superuser_needs_a_strong_password_too(db):
    for password in (demo.PASSWORD, "passwordpassword", "grace.hopper1906"):
        with pytest.raises(WeakPassword):
            service.make_superuser(
                db, email="grace.hopper@example.com", username="grace", password=password
            )

"""The commands of developers and operators."""

import os
import pty
import select as waiting
import subprocess
import sys

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import cli
from app.core.config import BACKEND
from app.routers.auth.models import User
from tests.auth.factories import PASSWORD, make_user


@pytest.fixture
def superuser(db):
    """`superuser(*options, password=…, typed=…)` runs the command.

    The password comes from an environment variable, or from standard input.
    """

    def call(*options, password="", typed=None):
        return CliRunner().invoke(
            cli, ["superuser", *options], input=typed, env={"PASSWORD": password}
        )

    return call


def rows(db):
    return db.execute(
        select(User.username, User.email, User.is_superuser, User.is_verified, User.is_active)
    ).all()


def test_a_new_superuser_can_sign_in_at_once(superuser, client, db):
    done = superuser("--email", "Ada@Example.org", "--username", "Ada", password=PASSWORD)
    assert (done.exit_code, done.output) == (0, "ada@example.org (ada) is a superuser.\n")
    assert rows(db) == [("ada", "ada@example.org", True, True, True)]
    assert (
        client.post("/auth/token", data={"username": "ada", "password": PASSWORD}).status_code
        == 200
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_the_password_is_read_from_a_pipe(superuser, client, db, end):
    done = superuser("--email", "ada@example.org", "--username", "ada", typed=f"{PASSWORD}{end}")
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    assert (
        client.post("/auth/token", data={"username": "ada", "password": PASSWORD}).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("again", "said"), [(PASSWORD, f"READ {len(PASSWORD)}"), ("another one", "do not match")]
)
def test_a_person_is_asked_for_it_unseen_and_twice(again, said):
    """On a terminal, the typed password does not appear.

    The space after a prompt is printed only when the echo is off.
    """
    ours, theirs = pty.openpty()
    code = "from app.cli import _read_password; print('READ', len(_read_password()))"
    asking = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=BACKEND,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    try:
        seen = _seen_until(ours, "", "Password: ")
        os.write(ours, f"{PASSWORD}\n".encode())
        seen = _seen_until(ours, seen, "confirmation: ")
        os.write(ours, f"{again}\n".encode())
        seen = _seen_until(ours, seen, said)
    finally:
        asking.kill()
        asking.wait()
    os.close(ours)
    os.close(theirs)
    assert PASSWORD not in seen


def _seen_until(terminal, seen, words):
    while words not in seen:
        assert waiting.select([terminal], [], [], 60)[0], seen
        seen += os.read(terminal, 1000).decode()
    return seen


def test_there_is_no_option_for_the_password(superuser, db):
    """Every user of the machine can read the arguments of a process."""
    done = superuser("--email", "ada@example.org", "--username", "ada", "--password", PASSWORD)
    assert done.exit_code == 2
    assert rows(db) == []


def test_without_a_password_no_superuser_is_made(superuser, db):
    done = superuser("--email", "ada@example.org", "--username", "ada")
    assert done.exit_code == 1
    assert done.output.startswith("No superuser was created or changed: ")
    assert rows(db) == []


def test_an_existing_account_is_promoted_and_keeps_its_password(superuser, client, db):
    make_user(username="ada", email="ada@example.org", is_active=False)
    done = superuser("--email", "ADA@example.org", "--username", "other")
    assert done.exit_code == 0
    assert rows(db) == [("ada", "ada@example.org", True, True, True)]
    assert (
        client.post("/auth/token", data={"username": "ada", "password": PASSWORD}).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("email", "username", "password"),
    [
        ("no address", "ada", PASSWORD),
        ("ada@example.org", "a", PASSWORD),
        ("ada@example.org", "root", PASSWORD),
        ("ada@example.org", "ada", "short"),
        ("ada@example.org", "ada", "password1234"),
        ("ada@example.org", "taken", PASSWORD),
    ],
)
def test_what_no_account_may_have_is_refused_with_a_reason(
    superuser, db, email, username, password
):
    make_user(username="taken")
    done = superuser("--email", email, "--username", username, password=password)
    assert done.exit_code == 1
    assert done.output.startswith("No superuser was created or changed: ")
    assert password not in done.output
    assert len(rows(db)) == 1


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_demo_data_is_refused_in_a_deployment(committed, real_hashing, environment):
    deployed = {
        "ENVIRONMENT": environment,
        "SECRET_KEY": "kJ8s0pQ2vX5zB7nM1cR4tY6uW9eA3dFh",
        "DATABASE_URL": "postgresql://liftoff:kJ8s0pQ2vX5z@127.0.0.1:9/liftoff",
        "PUBLIC_URL": "https://api.example.com",
        "FRONTEND_URL": "https://example.com",
        "ALLOWED_HOSTS": "api.example.com",
        "CORS_ORIGINS": "https://example.com",
        "TRUSTED_PROXIES": "10.0.0.1",
        "SMTP_HOST": "mail.example.com",
        "MAIL_FROM": "hello@example.com",
        "PAYMENTS_ENABLED": "false",
    }
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "seed"],
        cwd=BACKEND,
        env=os.environ | deployed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The demo data contains passwords that are public.")
    with committed() as db:
        assert rows(db) == []


def test_a_stranger_who_took_the_address_first_gets_nothing(superuser, client, db):
    """The stranger never proved that the address is theirs.

    The operator's password replaces the stranger's password.
    """
    make_user("the password of a stranger", email="boss@example.org", is_verified=False)
    refused = superuser("--email", "boss@example.org", "--username", "boss", typed="\n")
    assert refused.exit_code != 0
    done = superuser("--email", "boss@example.org", "--username", "boss", password=PASSWORD)
    assert done.exit_code == 0, done.output
    form = {"username": "boss@example.org", "password": "the password of a stranger"}
    assert client.post("/auth/token", data=form).status_code == 401
    assert client.post("/auth/token", data=form | {"password": PASSWORD}).status_code == 200


def test_a_password_for_an_account_that_has_one_is_refused(superuser, db):
    user = make_user()
    done = superuser("--email", user.email, "--username", "x", password="another long password")
    refused = "No superuser was created or changed: This account already has a password"
    assert done.output.startswith(refused)

"""The facts that an account shows, and the superuser that a command creates."""

from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import cli
from app.core.config import get_settings
from app.routers.auth.models import Identity, User
from tests.auth.factories import PASSWORD, make_user
from tests.auth.phones import phone_of


def facts(client):
    me = client.get("/auth/me").json()
    return {name for name in ("has_password", "has_google", "has_mfa", "is_superuser") if me[name]}


def test_an_account_says_how_it_can_sign_in(client, db, login):
    user = login(make_user(hashed_password=None))
    assert facts(client) == set()
    db.add(Identity(user_id=user.id, issuer=get_settings().google_issuer, subject="1"))
    db.commit()
    assert facts(client) == {"has_google"}
    phone_of(user)
    assert facts(client) == {"has_google", "has_mfa"}


def test_a_superuser_of_the_command_line_signs_in(client, db):
    options = ["--email", "Chief@Example.com", "--username", "chief"]
    assert CliRunner(env={"PASSWORD": PASSWORD}).invoke(cli, ["superuser", *options]).exit_code == 0
    token = client.post("/auth/token", data={"username": "chief", "password": PASSWORD}).json()[
        "access_token"
    ]
    client.headers["Authorization"] = f"Bearer {token}"
    assert facts(client) == {"has_password", "is_superuser"}


def test_promoting_somebody_leaves_the_second_factor_in_force(client, db):
    user = make_user()
    phone_of(user)
    assert (
        CliRunner()
        .invoke(cli, ["superuser", "--email", user.email, "--username", "ignored"])
        .exit_code
        == 0
    )
    assert db.scalar(select(User.is_superuser).where(User.id == user.id))
    answer = client.post("/auth/token", data={"username": user.username, "password": PASSWORD})
    assert answer.json()["code"] == "mfa_required"

"""A drill: `SECRET_KEY` is changed under real servers, as `docs/operating.md` says.

Nobody is signed out, no second factor stops, and no link in a mail is lost.
"""

import os
import subprocess
import sys
from contextlib import ExitStack

import httpx2
import pytest
from typer.testing import CliRunner

from app.core.config import BACKEND
from app.routers.auth.commands import cli
from app.routers.auth.sessions import wholesale
from tests.auth.factories import make_user
from tests.auth.phones import phone_of
from tests.auth.resets import link_for, reset
from tests.auth.steps import NEW_PASSWORD, bearer, lives, refresh, sign_in
from tests.support.server import running_server

OLD = os.environ.get("SECRET_KEY", "")  # that of the tests
NEW = "another secret that only tests know: 1a2b3c4d"


def second_factor(client, user, phone):
    challenge = sign_in(client, user).json()["mfa_token"]
    return client.post("/auth/token/mfa", json={"mfa_token": challenge, "code": phone.code()})


@pytest.mark.slow
@pytest.mark.only("sqlite")
def test_the_key_is_changed_under_running_servers(client, committed, settings):
    ada, eve, bob = make_user(), make_user(), make_user()
    phones = {user.id: phone_of(user) for user in (eve, bob)}
    before = sign_in(client, ada).json()
    link = link_for(client, ada)
    with ExitStack() as stack:

        def server(key, previous):
            keys = {"SECRET_KEY": key, "SECRET_KEY_PREVIOUS": previous}
            running = stack.enter_context(running_server(**keys))
            return stack.enter_context(httpx2.Client(base_url=running.url, timeout=60))

        first = server(OLD, NEW)  # step 1: both keys are known everywhere, and OLD signs
        second = server(NEW, OLD)  # step 2: some servers sign with NEW already
        assert lives(first, before)
        assert lives(second, before)
        newer = refresh(second, before).json()
        assert lives(first, newer)
        assert second_factor(second, eve, phones[eve.id]).status_code == 200
        rekey = subprocess.run(
            [sys.executable, "-m", "app.cli", "rekey"],
            cwd=BACKEND,
            env=os.environ | {"SECRET_KEY": NEW, "SECRET_KEY_PREVIOUS": OLD},
            capture_output=True,
            text=True,
            check=False,
        )
        assert rekey.stdout == "Secrets encrypted with the new key: 1\n", rekey.stderr
    settings(SECRET_KEY=NEW, SECRET_KEY_PREVIOUS="")  # step 3: OLD is forgotten
    assert not lives(client, before)
    assert lives(client, newer)
    assert second_factor(client, bob, phones[bob.id]).status_code == 200
    assert reset(client, link).is_success
    assert sign_in(client, ada, NEW_PASSWORD).status_code == 200


def end_sessions(*options):
    return CliRunner().invoke(cli, ["end-sessions", *options])


def test_all_sessions_end_at_once(client, db, monkeypatch):
    monkeypatch.setattr(wholesale, "BATCH", 2)
    users = [make_user() for _ in range(5)]
    tokens = [sign_in(client, user).json() for user in users for _ in range(2)]
    done = end_sessions("--yes")
    assert (done.exit_code, done.output) == (0, "Users whose sessions have ended: 5\n")
    assert not any(lives(client, token) for token in tokens)
    assert [refresh(client, token).status_code for token in tokens] == [401] * 10
    assert sign_in(client, users[0]).status_code == 200
    assert end_sessions("--yes").output == "Users whose sessions have ended: 1\n"


def test_ending_all_sessions_needs_a_confirmation(client, db):
    token = sign_in(client, make_user()).json()
    done = end_sessions()
    assert (done.exit_code, "Confirm it with --yes" in done.output) == (1, True)
    assert client.get("/auth/me", headers=bearer(token)).status_code == 200

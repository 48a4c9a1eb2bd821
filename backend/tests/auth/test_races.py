"""If the same request is sent twenty times at the same moment, it takes effect only
once.

    server A   request 1, 3, 5 …   ─┐
                                    ├─ one database, one row
    server B   request 2, 4, 6 …   ─┘

Two server processes share one database, and their commits are real.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import func, select

from app.core.types import utc_now
from app.platform.models import Mail
from app.routers.auth.credentials import client, one_time_tokens
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.models import LoginSession, OneTimeToken, SecurityEvent, User
from app.routers.auth.sessions import login_sessions, refreshing
from tests.auth.factories import PASSWORD, make_user
from tests.auth.steps import NEW_PASSWORD, bearer
from tests.support import patient
from tests.support.server import running_server

MANY = 20
HERE = client.Client("192.0.2.1", "tests")


@pytest.fixture(scope="module")
def servers(migrated):
    with ExitStack() as stack:
        yield [
            stack.enter_context(running_server(DATABASE_URL=os.environ["DATABASE_URL"])).url
            for _ in range(2)
        ]


def at_once(servers, path, body):
    """Send one body twenty times at the same moment, alternately to the two servers."""
    with ThreadPoolExecutor(MANY) as threads:
        sent = [
            threads.submit(httpx2.post, servers[n % 2] + path, json=body, timeout=60)
            for n in range(MANY)
        ]
        return [one.result() for one in sent]


def sign_in(url, user, password=PASSWORD):
    return httpx2.post(
        f"{url}/auth/token", data={"username": user.email, "password": password}, timeout=60
    )


def test_twenty_resets_by_one_link_are_one(servers, committed):
    """Requirement 11."""
    user = make_user()
    with committed() as db, db.begin():
        token = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id)
    answers = at_once(
        servers, "/auth/password/reset", {"token": token, "new_password": NEW_PASSWORD}
    )
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * (MANY - 1)
    assert sign_in(servers[0], user, NEW_PASSWORD).status_code == 200


def test_twenty_resets_by_two_links_of_one_account_are_one(servers, committed):
    """Requirement 12: two workers have each made a link at the same moment.

    The link that is used ends the other one.
    """
    user, links = make_user(), []
    for owner in (None, user.id):
        with committed() as db, db.begin():
            links.append(one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=owner))
            for row in db.query(OneTimeToken):
                row.user_id = user.id
    with ThreadPoolExecutor(MANY) as threads:
        send = [
            (servers[n % 2], {"token": links[n // 2 % 2], "new_password": NEW_PASSWORD})
            for n in range(MANY)
        ]
        sent = [
            threads.submit(httpx2.post, f"{url}/auth/password/reset", json=body, timeout=60)
            for url, body in send
        ]
        codes = sorted(one.result().status_code for one in sent)
    assert codes == [204] + [400] * (MANY - 1)


def test_twenty_verifications_by_one_link_are_one(servers, committed):
    """Requirement 11."""
    user = make_user(is_verified=False)
    with committed() as db, db.begin():
        token = one_time_tokens.issue(db, Purpose.VERIFY_EMAIL, user_id=user.id)
    answers = at_once(servers, "/auth/verify-email", {"token": token})
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * (MANY - 1)


def test_twenty_refreshes_with_one_token_have_one_live_successor(servers, committed):
    """Requirement 18."""
    first = sign_in(servers[0], make_user()).json()
    answers = at_once(servers, "/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    with committed() as db:
        assert db.scalars(select(LoginSession.refresh_count)).all() == [1]
    second = patient.post(
        f"{servers[1]}/auth/refresh", json={"refresh_token": answers[0].json()["refresh_token"]}
    )
    assert second.status_code == 200
    assert patient.get(f"{servers[0]}/auth/me", headers=bearer(second.json())).status_code == 200


def test_two_uses_of_a_stolen_token_at_once_end_the_session_once(committed):
    """Requirement 17: there is one event and one email, because the second request
    waits for the first.
    """
    user = make_user()
    with committed() as db, db.begin():
        stolen = login_sessions.open_session(db, user, HERE).refresh_token or ""
        session = db.scalar(select(LoginSession))
        session.refresh_count, session.refreshed_at = 1, utc_now() - timedelta(minutes=1)

    def use(meanwhile):
        with committed() as db:
            with pytest.raises(refreshing.InvalidRefreshToken):
                refreshing.refresh(db, stolen, HERE)
            meanwhile()
            db.commit()  # get_db also commits after this error

    with ThreadPoolExecutor(1) as thread:
        seconds = []

        def second_begins():
            seconds.append(thread.submit(use, lambda: None))
            with pytest.raises(TimeoutError):
                seconds[0].result(0.5)

        use(second_begins)
        seconds[0].result(30)
    with committed() as db:
        assert db.scalar(select(func.count()).select_from(Mail)) == 1
        kinds = db.scalars(select(SecurityEvent.kind).order_by(SecurityEvent.id)).all()
        assert kinds == ["login", "refresh_reuse"]


def test_one_link_opened_twenty_times_changes_the_address_once(servers, committed):
    """Requirement 11."""
    user = make_user()
    with committed() as db, db.begin():
        token = one_time_tokens.issue(
            db, Purpose.CHANGE_EMAIL, user_id=user.id, data={"email": "new@example.org"}
        )
    answers = at_once(servers, "/auth/email-change/confirm", {"token": token})
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * (MANY - 1)


def test_two_accounts_cannot_take_one_address_or_name_at_once(servers, committed):
    """Requirement 46."""
    people = [make_user() for _ in range(6)]
    with committed() as db, db.begin():
        data = {"email": "new@example.org"}
        links = [
            one_time_tokens.issue(db, Purpose.CHANGE_EMAIL, user_id=one.id, data=data)
            for one in people
        ]
    with ThreadPoolExecutor(6) as threads:
        path = "/auth/email-change/confirm"
        sent = [
            threads.submit(httpx2.post, servers[n % 2] + path, json={"token": links[n]}, timeout=60)
            for n in range(6)
        ]
        assert sorted(one.result().status_code for one in sent) == [204] + [409] * 5
        tokens_of = [
            sign_in(servers[0], one).json() for one in people if one.email != "new@example.org"
        ]
        signed_in = [bearer(token) for token in tokens_of if "access_token" in token]
        renamed = [
            threads.submit(
                httpx2.patch,
                f"{servers[n % 2]}/auth/me",
                json={"username": "countess"},
                headers=headers,
                timeout=60,
            )
            for n, headers in enumerate(signed_in)
        ]
        assert sorted(one.result().status_code for one in renamed) == [200] + [409] * 4
    with committed() as db:
        assert db.scalar(select(func.count(User.id)).where(User.username == "countess")) == 1

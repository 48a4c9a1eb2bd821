"""A request has no effect if the account of its user is changed first (R21).

Such a change deletes, disables or demotes the user, or resets the password.

A request that writes locks its user's row:

    deletion  lock user ........ commit
    request            read user (waits) → 401, nothing is written

    request   read user, write ......... commit
    deletion            lock user (waits) → deleted, after the effect

The tests run two sessions on one database. SQLite is left out, because only one session
can write there at a time.
"""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select, update

from app.db.demands import demand_again
from app.platform.requests import idempotency
from app.routers.auth import queries
from app.routers.auth.accounts import own_account
from app.routers.auth.credentials import client, one_time_tokens
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.models import LoginSession, User
from app.routers.auth.passwords import changing
from app.routers.auth.schemas import PasswordReset
from app.routers.auth.sessions import login_sessions
from app.routers.blog.models import BlogCategory, BlogPost
from tests.auth.factories import PASSWORD, make_user
from tests.auth.steps import NEW_PASSWORD
from tests.blog.factories import make_category, make_post

pytestmark = pytest.mark.only("postgresql", "mysql")
HERE = client.Client("192.0.2.1", "tests")
BLOCKED = 0.5  # seconds; a request that does not have to wait ends sooner


def delete(db, user):
    session = db.scalars(login_sessions.live_sessions().where(User.id == user.id)).first()
    own_account.delete_account(db, session, PASSWORD, HERE)


def disable(db, user):
    db.execute(update(User).where(User.id == user.id).values(is_active=False))


def demote(db, user):
    db.execute(update(User).where(User.id == user.id).values(is_superuser=False))


def reset(db, user):
    token = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id)
    changing.reset_password(db, PasswordReset(token=token, new_password=NEW_PASSWORD), HERE)


def sign_out(db, user):
    login_sessions.end_sessions(db, user.id)


REQUESTS = [
    ("POST", "/blog/posts", {"title": "First light", "content": "Hello"}),
    ("PUT", "/blog/posts/{post}", {"title": "Changed"}),
    ("DELETE", "/blog/posts/{post}", None),
    ("POST", "/blog/categories", {"name": "New"}),
    ("PUT", "/blog/categories/{category}", {"name": "Changed"}),
    ("DELETE", "/blog/categories/{category}", None),
]
RACES = [(delete, one) for one in REQUESTS] + [
    (ending, REQUESTS[0]) for ending in (disable, reset, sign_out)
]
RACES += [(demote, REQUESTS[3])]


def state(committed):
    with committed() as db:
        posts = db.execute(select(BlogPost.title).order_by(BlogPost.id)).all()
        return posts, db.execute(select(BlogCategory.name).order_by(BlogCategory.id)).all()


@contextmanager
def held(committed, user):
    """Lock the user in another transaction, which commits when the block ends."""
    with committed() as db, db.begin():
        db.scalar(queries.locked_accounts(User.id == user.id))
        yield db


def is_waiting(work):
    with pytest.raises(StillWaiting):
        work.result(BLOCKED)
    return True


@pytest.mark.parametrize(
    ("overtaking", "request_"), RACES, ids=lambda x: getattr(x, "__name__", None) or x[0] + x[1]
)
def test_what_waits_for_the_end_of_its_user_is_refused(
    client, committed, login, overtaking, request_
):
    user = login(make_user(is_superuser=True))
    place = {"post": make_post(user).id, "category": make_category().id}
    before = state(committed)
    method, path, body = request_
    with ThreadPoolExecutor(1) as thread:
        with held(committed, user) as db:
            answer = thread.submit(client.request, method, path.format(**place), json=body)
            assert is_waiting(answer)
            overtaking(db, user)
        assert answer.result(30).status_code in (401, 403)
    assert state(committed) == before


def test_the_user_is_locked_before_the_session(client, committed, login):
    """A reset locks the two rows in this order.

    If a request locked them in the other order, the reset and the request would wait
    for each other.
    """
    user = login(make_user())
    with ThreadPoolExecutor(1) as thread:
        with held(committed, user):
            answer = thread.submit(
                client.post, "/blog/posts", json={"title": "First", "content": "x"}
            )
            assert is_waiting(answer)
            with committed() as other, other.begin():
                free = (
                    select(LoginSession.id)
                    .where(LoginSession.user_id == user.id)
                    .with_for_update(nowait=True)
                )
                assert other.scalar(free) is not None
        assert answer.result(30).status_code == 201


@pytest.mark.parametrize("overtaking", [delete, disable, demote, reset, sign_out])
def test_a_request_that_came_first_is_waited_for(client, committed, login, overtaking):
    """The request waits, because another transaction has inserted the slug that it
    wants.

    The change to the user's account waits until the request has ended.
    """
    user, other = login(make_user(is_superuser=True)), make_user()

    def end():
        with committed() as db, db.begin():
            overtaking(db, user)

    with ThreadPoolExecutor(2) as threads:
        with committed() as db:  # the end of the block rolls the row back
            held = {"slug": "first-light", "title": "x", "content": "x", "excerpt": "x"}
            db.add(BlogPost(author_id=other.id, **held))
            db.flush()
            answer = threads.submit(
                client.post, "/blog/posts", json={"title": "First light", "content": "x"}
            )
            assert is_waiting(answer)
            ending = threads.submit(end)
            assert is_waiting(ending)
            assert not answer.done()
        assert answer.result(30).status_code == 201
        ending.result(30)


@pytest.mark.parametrize("overtaking", [delete, disable, demote, reset, sign_out])
def test_between_its_key_and_its_effect_a_request_is_overtaken(
    client, committed, login, monkeypatch, overtaking
):
    """The Idempotency-Key is committed first, and that commit releases the user's
    lock.
    """
    user = login(make_user(is_superuser=True))

    def overtaken(db):
        with committed() as other, other.begin():
            overtaking(other, user)
        demand_again(db)

    monkeypatch.setattr(idempotency, "demand_again", overtaken)
    body, key = {"title": "First light", "content": "Hello"}, {"Idempotency-Key": "one"}
    assert client.post("/blog/posts", json=body, headers=key).status_code == 401
    assert state(committed) == ([], [])


def test_one_users_requests_that_lock_their_row_do_not_deadlock(client, committed, login):
    """A feature may lock the user to check a rule, as the tutorial does."""
    login(make_user())
    with ThreadPoolExecutor(8) as threads:
        post = {"content": "x", "title": "Same"}
        answers = list(
            threads.map(lambda _: client.post("/blog/posts", json=post).status_code, range(16))
        )
    assert answers == [201] * 16
    with committed() as db:
        assert db.scalar(select(func.count(BlogPost.id))) == 16

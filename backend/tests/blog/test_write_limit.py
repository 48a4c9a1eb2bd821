"""The limit on how much one user may write, as authors of posts meet it."""

import pytest
from sqlalchemy import func, select

from app.db.database import SessionLocal
from app.platform.models import IdempotencyKey
from app.routers.blog.models import BlogPost
from tests.auth.factories import PASSWORD, make_user, token_for

POST = {"title": "Kites", "content": "They fly."}


@pytest.fixture
def six_a_minute(settings, client, db, login):
    """A limit of six a minute with a burst of three, for the user of `client`."""
    settings(WRITES_PER_MINUTE="6")
    return login(make_user())


def posted(client, number, **options):
    return [client.post("/blog/posts", json=POST, **options) for _ in range(number)]


def test_over_the_limit_a_write_is_429_and_has_no_effect(client, six_a_minute):
    answers = posted(client, 5)
    assert [answer.status_code for answer in answers] == [201] * 3 + [429] * 2
    refused = answers[-1]
    assert refused.json()["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert (refused.headers["ratelimit-limit"], refused.headers["ratelimit-remaining"]) == (
        "6",
        "0",
    )
    with SessionLocal() as db:
        assert (
            db.scalar(
                select(func.count())
                .select_from(BlogPost)
                .where(BlogPost.author_id == six_a_minute.id)
            )
            == 3
        )
    assert client.get("/blog/posts").status_code == 200


def test_every_unsafe_method_counts_and_each_user_for_themselves(client, six_a_minute):
    post = posted(client, 1)[0].json()["id"]
    assert client.put(f"/blog/posts/{post}", json={"title": "Kites again"}).status_code == 200
    assert client.patch("/auth/me", json={}).status_code == 200
    assert client.delete(f"/blog/posts/{post}").status_code == 429
    client.headers["Authorization"] = f"Bearer {token_for(make_user())}"
    assert posted(client, 1)[0].status_code == 201


def test_a_repeated_request_gets_its_answer_over_the_limit(client, six_a_minute):
    first = posted(client, 1, headers={"Idempotency-Key": "the-first"})[0]
    assert posted(client, 3)[-1].status_code == 429
    for _ in range(5):
        (again,) = posted(client, 1, headers={"Idempotency-Key": "the-first"})
        assert (again.status_code, again.content) == (201, first.content)
    assert posted(client, 1, headers={"Idempotency-Key": "another"})[0].status_code == 429
    with SessionLocal() as db:
        assert db.scalar(select(func.count()).select_from(IdempotencyKey)) == 1


def test_a_thief_who_writes_cannot_keep_the_owner_from_ending_it(client, six_a_minute):
    posted(client, 4)
    sessions = client.get("/auth/sessions").json()
    other = token_for(six_a_minute)
    changed = {"current_password": PASSWORD, "new_password": "another horse battery staple"}
    assert client.delete(f"/auth/sessions/{sessions[0]['id']}").status_code == 204
    client.headers["Authorization"] = f"Bearer {other}"
    assert posted(client, 1)[0].status_code == 429
    assert client.post("/auth/password/change", json=changed).status_code == 204
    assert client.post("/auth/logout-all").status_code == 204


def test_zero_is_no_limit_and_strangers_have_others(settings, client, db, login):
    settings(WRITES_PER_MINUTE="2")
    statuses = [
        client.post("/auth/verify-email", json={"token": "x"}).status_code for _ in range(5)
    ]
    assert statuses == [400] * 5
    settings(WRITES_PER_MINUTE="0")
    login(make_user())
    assert {answer.status_code for answer in posted(client, 20)} == {201}


@pytest.mark.parametrize(("size", "expected"), [(1_000_000, 401), (1_000_001, 413)])
def test_a_post_of_a_megabyte_is_read_and_a_larger_one_is_not(client, db, size, expected):
    body = b"{}".ljust(size)
    answer = client.post("/blog/posts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == expected

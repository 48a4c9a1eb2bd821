"""A post with a time in the future appears at that time, without any job."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.types import utc_now
from app.platform.cache import poller, watches
from app.platform.cache.entries import entries
from tests.auth.factories import make_user
from tests.blog.factories import make_category

POST = {"title": "Later", "content": "Soon", "is_published": True}


def at(**ahead):
    return (utc_now() + timedelta(**ahead)).isoformat()


def public(client, path):
    """Return what a visitor without a token gets."""
    token = client.headers.pop("Authorization", None)
    answer = client.get(path)
    if token:
        client.headers["Authorization"] = token
    return answer


def seen(client, read, post, category):
    """Return whether each way of reading shows the post."""
    paths = (f"/blog/posts/{post['id']}", f"/blog/posts/slug/{post['slug']}")
    listed = [item["id"] for item in read(client, "/blog/posts").json()["items"]]
    count = read(client, f"/blog/categories/{category.id}").json()["post_count"]
    ways = [read(client, path).status_code == 200 for path in paths]
    return [*ways, post["id"] in listed, count == 1]


def test_a_post_appears_to_everyone_at_its_time(client, db, login, clock):
    login(make_user())
    category = make_category()
    planned = at(hours=1)
    body = POST | {"published_at": planned, "category_id": category.id}
    answer = client.post("/blog/posts", json=body)
    assert answer.status_code == 201
    post = answer.json()
    assert datetime.fromisoformat(post["published_at"]) == datetime.fromisoformat(planned)
    assert seen(client, public, post, category) == [False] * 4
    own = client.get("/blog/posts?published_only=false").json()["items"]
    assert [item["id"] for item in own] == [post["id"]]
    assert client.get(f"/blog/posts/{post['id']}").status_code == 200
    clock.shift(3_590)
    assert seen(client, public, post, category) == [False] * 4
    clock.shift(20)
    assert seen(client, public, post, category) == [True] * 4


@pytest.fixture
def polling(committed, settings, monkeypatch):
    """Switch the cache on, and return the poller that looks for posts whose time has
    come.
    """
    settings(CACHE_ENABLED="true")
    monkeypatch.setattr(watches.freshness, "until", float("inf"))
    entries.clear()
    polling = poller.Poller()
    polling.poll()
    yield polling
    entries.clear()


def test_a_cached_response_shows_a_post_at_its_time(client, login, clock, polling):
    category = make_category()
    login(make_user())
    body = POST | {"published_at": at(minutes=10), "category_id": category.id}
    post = client.post("/blog/posts", json=body).json()
    assert seen(client, public, post, category) == [False] * 4
    assert len(entries) > 0
    clock.shift(605)
    polling.poll()
    assert seen(client, public, post, category) == [True] * 4


def test_a_draft_keeps_its_planned_time(client, db, login):
    login(make_user())
    planned = at(days=1)
    draft = client.post(
        "/blog/posts", json=POST | {"is_published": False, "published_at": planned}
    ).json()
    path = f"/blog/posts/{draft['id']}"
    assert (draft["is_published"], draft["published_at"] is None) == (False, False)
    published = client.put(path, json={"is_published": True}).json()
    assert published["published_at"] == draft["published_at"]
    assert public(client, path).status_code == 404


def test_a_planned_time_can_be_changed_and_removed(client, db, login):
    login(make_user())
    post = client.post("/blog/posts", json=POST | {"published_at": at(days=1)}).json()
    path = f"/blog/posts/{post['id']}"
    earlier = client.put(path, json={"published_at": "2020-01-31T10:00:00+01:00"}).json()
    assert earlier["published_at"] == "2020-01-31T09:00:00Z"
    assert public(client, path).status_code == 200
    client.put(path, json={"published_at": at(days=1)})
    assert public(client, path).status_code == 404
    now = client.put(path, json={"published_at": None}).json()
    assert abs(datetime.fromisoformat(now["published_at"]) - utc_now()) < timedelta(seconds=30)
    assert public(client, path).status_code == 200
    hidden = client.put(path, json={"published_at": None, "is_published": False}).json()
    assert (hidden["is_published"], hidden["published_at"]) == (False, None)


@pytest.mark.parametrize(
    "moment",
    ["2030-01-31T12:00:00", "2030-01-31", "tomorrow", 1_893_456_000, "0999-12-31T00:00:00Z", ""],
)
def test_a_time_without_an_offset_is_refused(client, db, login, moment):
    login(make_user())
    for answer in (
        client.post("/blog/posts", json=POST | {"published_at": moment}),
        client.put(
            f"/blog/posts/{client.post('/blog/posts', json=POST).json()['id']}",
            json={"published_at": moment},
        ),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["loc"] == ["body", "published_at"]


@pytest.mark.parametrize("moment", ["1000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_times_at_both_ends_of_the_calendar_are_kept(client, db, login, moment):
    login(make_user())
    answer = client.post("/blog/posts", json=POST | {"published_at": moment})
    assert answer.json()["published_at"] == moment
    read = client.get(f"/blog/posts/{answer.json()['id']}").json()
    assert datetime.fromisoformat(read["published_at"]).astimezone(UTC).year in (1000, 9999)

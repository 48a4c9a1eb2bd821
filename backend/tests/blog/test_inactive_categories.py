"""Only superusers see an inactive category. The posts in the category stay visible."""

import pytest

from app.platform.cache import watches
from app.platform.cache.entries import entries
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

POST = {"title": "First light", "content": "Hello", "is_published": True}
LISTS = ("/blog/posts", "/blog/posts?published_only=false", "/blog/posts?sort=title")


@pytest.fixture
def author(db):
    return make_user()


@pytest.fixture
def become(client, login, author):
    """`become("superuser")` makes the client send further requests as this person."""
    people = {
        "author": author,
        "reader": make_user(),
        "superuser": make_user(is_superuser=True),
    }

    def act_as(who):
        client.headers.pop("Authorization", None)
        if who != "public":
            login(people[who])

    return act_as


@pytest.fixture
def hidden(db):
    return make_category(name="Hidden", slug="hidden", is_active=False)


@pytest.fixture
def post(author, hidden):
    return make_post(author, category_id=hidden.id)


def categories_of(client, post):
    """Return the category that each way of reading a post shows."""
    ways = (f"/blog/posts/{post.id}", f"/blog/posts/slug/{post.slug}")
    whole = [client.get(way).json()["category"] for way in ways]
    return whole + [client.get(way).json()["items"][0]["category"] for way in LISTS]


@pytest.mark.parametrize("who", ["public", "reader", "author"])
def test_others_see_neither_the_category_nor_its_name(client, become, post, hidden, who):
    become(who)
    make_category(name="Shown")
    assert [found["name"] for found in client.get("/blog/categories").json()] == ["Shown"]
    for path in (f"/blog/categories/{hidden.id}", "/blog/categories/slug/hidden"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "category_not_found")
    assert categories_of(client, post) == [None] * 5
    assert client.get("/blog/posts?category=hidden").json()["total"] == 0
    assert client.get("/blog/posts").json()["total"] == 1


def test_a_superuser_sees_all_of_it(client, become, post, hidden):
    become("superuser")
    ref = {"id": hidden.id, "name": "Hidden", "slug": "hidden"}
    (listed,) = client.get("/blog/categories").json()
    assert listed == ref | {"description": "", "is_active": False, "post_count": 1}
    for path in (f"/blog/categories/{hidden.id}", "/blog/categories/slug/hidden"):
        assert client.get(path).json() == listed
    assert categories_of(client, post) == [ref] * 5
    assert client.get("/blog/posts?category=hidden").json()["total"] == 1


def test_a_category_is_switched_off_and_on(client, become, author):
    become("superuser")
    made = client.post("/blog/categories", json={"name": "News"}).json()
    assert made["is_active"] is True
    post = make_post(author, category_id=made["id"])
    path = f"/blog/categories/{made['id']}"
    for active in (False, True):
        changed = client.put(path, json={"is_active": active}).json()
        assert changed == made | {"is_active": active, "post_count": 1}
        become("author")
        assert client.get(path).status_code == (200 if active else 404)
        shown = client.get(f"/blog/posts/{post.id}").json()["category"]
        assert bool(shown) == active
        become("superuser")
    off = client.post("/blog/categories", json={"name": "Off", "is_active": False})
    assert (off.status_code, off.json()["is_active"]) == (201, False)
    assert client.put(path, json={"is_active": None}).status_code == 422


def test_an_author_cannot_use_an_inactive_category(client, become, author, post, hidden):
    become("author")
    own = make_post(author)
    for answer in (
        client.post("/blog/posts", json=POST | {"category_id": hidden.id}),
        client.put(f"/blog/posts/{own.id}", json={"category_id": hidden.id}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "category_unknown")
    changed = client.put(f"/blog/posts/{post.id}", json={"title": "Other"}).json()
    assert changed["category"] is None


def test_a_change_by_its_author_keeps_the_category(client, become, post, hidden):
    become("author")
    client.put(f"/blog/posts/{post.id}", json={"title": "Other"})
    become("superuser")
    assert client.get(f"/blog/posts/{post.id}").json()["category"]["id"] == hidden.id
    made = client.post("/blog/posts", json=POST | {"category_id": hidden.id})
    assert made.json()["category"]["id"] == hidden.id


@pytest.mark.parametrize("who", ["author", "superuser"])
def test_the_tag_of_a_read_fits_the_write(client, become, post, who):
    become(who)
    path = f"/blog/posts/{post.id}"
    tag = client.get(path).headers["ETag"]
    changed = client.put(path, json={"title": "Other"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.content == client.get(path).content


@pytest.fixture
def caching(settings, monkeypatch):
    settings(CACHE_ENABLED="true")
    monkeypatch.setattr(watches.freshness, "until", float("inf"))
    entries.clear()
    yield
    entries.clear()


def test_what_a_superuser_reads_is_not_kept_for_others(client, become, post, caching):
    become("superuser")
    assert None not in categories_of(client, post)
    assert client.get("/blog/categories").json() != []
    become("public")
    for _ in range(2):
        assert categories_of(client, post) == [None] * 5
        assert client.get("/blog/categories").json() == []
    assert len(entries) > 0


def test_a_list_costs_a_superuser_no_more(client, become, post, statements):
    become("superuser")
    client.get("/blog/posts")
    statements.clear()
    client.get("/blog/posts")
    assert len(statements) == 2  # one for the caller, one for the page

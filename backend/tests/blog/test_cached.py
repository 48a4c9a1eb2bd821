"""Public reads of the blog come from memory, and show every change immediately."""

import pytest

from app.platform.cache import watches
from app.platform.cache.entries import entries
from app.routers.blog.counts import folding
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

PATHS = (
    "/blog/posts",
    "/blog/posts/{post}",
    "/blog/posts/slug/{slug}",
    "/blog/categories",
    "/blog/categories/{category}",
    "/blog/stats",
    "/blog/authors",
    "/blog/authors/{author}",
    "/blog/feed.atom",
    "/blog/sitemap.xml",
)
NUMBERS = ("/blog/stats", "/blog/authors", "/blog/feed.atom", "/blog/sitemap.xml")


@pytest.fixture
def public(client, committed, settings, monkeypatch):
    """`public(path)` returns what a visitor without a token reads. The response comes
    from memory if possible.
    """
    settings(CACHE_ENABLED="true")
    monkeypatch.setattr(watches.freshness, "until", float("inf"))
    entries.clear()

    def read(path):
        token = client.headers.pop("Authorization", None)
        answer = client.get(path)
        if token:
            client.headers["Authorization"] = token
        return answer

    yield read
    entries.clear()


def test_a_second_reader_asks_the_database_nothing(public, statements):
    category = make_category()
    author = make_user()
    post = make_post(author, category_id=category.id, is_published=True)
    for template in PATHS:
        path = template.format(
            post=post.id, slug=post.slug, category=category.id, author=author.username
        )
        first = public(path)
        assert first.status_code == 200
        statements.clear()
        assert public(path).content == first.content
        assert statements == [], path


def test_the_writers_next_read_is_fresh(public, client, login):
    login(make_user(is_superuser=True))

    def titles():
        return [post["title"] for post in public("/blog/posts").json()["items"]]

    assert titles() == []
    body = {"title": "a", "content": "c", "is_published": True}
    made = client.post("/blog/posts", json=body).json()
    assert titles() == ["a"]
    client.put(f"/blog/posts/{made['id']}", json={"title": "b"})
    assert titles() == ["b"]
    assert public(f"/blog/posts/{made['id']}").json()["title"] == "b"
    client.patch("/auth/me", json={"username": "renamed"})
    shown = public("/blog/posts").json()["items"][0]
    assert shown["author"]["username"] == "renamed"
    category = client.post("/blog/categories", json={"name": "News"}).json()
    client.put(f"/blog/posts/{made['id']}", json={"category_id": category["id"]})
    assert public("/blog/categories").json()[0]["post_count"] == 1
    client.put(f"/blog/categories/{category['id']}", json={"name": "Olds"})
    assert public("/blog/posts").json()["items"][0]["category"]["name"] == "Olds"
    client.delete(f"/blog/categories/{category['id']}")
    assert public(f"/blog/posts/{made['id']}").json()["category"] is None
    client.put(f"/blog/posts/{made['id']}", json={"is_published": False})
    assert titles() == []
    assert public(f"/blog/posts/{made['id']}").status_code == 404


def test_an_author_never_sees_what_others_may_not(public, client, login):
    author = login(make_user())
    draft = make_post(author, is_published=False)
    for _ in range(2):
        assert client.get(f"/blog/posts/{draft.id}").status_code == 200
        assert client.get("/blog/posts?published_only=false").json()["items"]
        assert public(f"/blog/posts/{draft.id}").status_code == 404
        assert public("/blog/posts?published_only=false").json()["items"] == []


def test_each_change_shows_in_numbers_feed_and_sitemap(public, client, login):
    """Responses are the same before and after the job that moves posts into the
    counters.
    """
    login(make_user(username="ada", is_superuser=True))

    def seen():
        return [public(path).content for path in NUMBERS]

    def differs(before, *, but=()):
        now = seen()
        same = {path for path, old, new in zip(NUMBERS, before, now, strict=True) if old == new}
        assert same == set(but)
        return now

    body = {"title": "First", "content": "c", "is_published": True}
    shown = seen()
    made = client.post("/blog/posts", json=body).json()["id"]
    shown = differs(shown)
    folding.fold()
    assert seen() == shown
    client.put(f"/blog/posts/{made}", json={"slug": "other"})
    shown = differs(shown, but=NUMBERS[:2])
    client.patch("/auth/me", json={"username": "renamed"})
    shown = differs(shown, but=NUMBERS[3:])
    client.delete(f"/blog/posts/{made}")
    differs(shown)

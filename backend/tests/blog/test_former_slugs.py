"""The old address of a post leads anyone who may see the post to its new address."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from tests.auth.factories import make_user
from tests.blog.factories import make_post

POST = {"title": "First light", "content": "Hello", "is_published": True}


@pytest.fixture
def read(client):
    """`read("slug")` requests the post at a slug, and does not follow a redirect."""
    return lambda slug: client.get(f"/blog/posts/slug/{slug}", follow_redirects=False)


@pytest.fixture
def author(login, db):
    return login(make_user())


def move(client, post, slug):
    answer = client.put(f"/blog/posts/{post.id}", json={"slug": slug})
    assert answer.status_code == 200, answer.text
    return answer.json()["slug"]


def test_a_former_slug_leads_to_the_current_one(client, author, read):
    post = make_post(author, slug="one")
    move(client, post, "two")
    move(client, post, "three")
    for signed_in in (True, False):
        if not signed_in:
            client.headers.pop("Authorization")
        for slug in ("one", "two"):
            moved = read(slug)
            assert moved.status_code == 308
            assert moved.headers["Location"] == "/blog/posts/slug/three"
            assert moved.headers["Cache-Control"] == ("no-store" if signed_in else "no-cache")
        followed = client.get("/blog/posts/slug/one", follow_redirects=True)
        assert followed.json()["id"] == post.id
    assert read("four").status_code == 404


def test_a_slug_made_from_a_new_title_is_remembered_too(client, author, read):
    post = make_post(author, slug="one")
    client.put(f"/blog/posts/{post.id}", json={"title": "Second light", "slug": None})
    assert read("one").headers["Location"] == "/blog/posts/slug/second-light"


def test_the_former_slug_of_an_invisible_post_is_unknown(client, author, login, read):
    draft = make_post(author, slug="one", is_published=False, published_at=None)
    move(client, draft, "two")
    assert read("one").status_code == 308
    login(make_user(is_superuser=True))
    assert read("one").status_code == 308
    login(make_user())
    hidden = read("one")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "post_not_found")
    client.headers.pop("Authorization")
    assert read("one").status_code == 404


def test_a_new_post_may_take_a_former_slug(client, author, read):
    post = make_post(author, slug="one")
    move(client, post, "two")
    taken = client.post("/blog/posts", json=POST | {"slug": "one"})
    assert taken.status_code == 201
    assert read("one").json()["id"] == taken.json()["id"]
    made = client.post("/blog/posts", json=POST | {"title": "Two"}).json()
    assert made["slug"] == "two-2"  # the current slug of a post stays taken


def test_a_draft_with_a_former_slug_does_not_hide_the_way(client, author, login, read):
    post = make_post(author, slug="one")
    move(client, post, "two")
    login(make_user())
    draft = client.post("/blog/posts", json=POST | {"slug": "one", "is_published": False})
    assert read("one").json()["id"] == draft.json()["id"]
    client.headers.pop("Authorization")
    assert read("one").headers["Location"] == "/blog/posts/slug/two"


def test_a_post_may_get_its_former_slug_back(client, author, read):
    post = make_post(author, slug="one")
    for slug in ("two", "one", "two", "one"):
        assert move(client, post, slug) == slug
    assert read("one").json()["id"] == post.id
    assert read("two").headers["Location"] == "/blog/posts/slug/one"


def test_a_deleted_post_leaves_no_former_slug(client, author, read):
    post = make_post(author, slug="one")
    move(client, post, "two")
    client.delete(f"/blog/posts/{post.id}")
    assert read("one").status_code == 404
    assert client.post("/blog/posts", json=POST | {"slug": "one"}).status_code == 201


def test_a_refused_change_of_slug_is_not_remembered(client, author, read):
    post = make_post(author, slug="one")
    make_post(author, slug="two")
    assert client.put(f"/blog/posts/{post.id}", json={"slug": "two"}).status_code == 409
    assert read("one").json()["id"] == post.id
    move(client, post, "three")
    assert read("one").headers["Location"] == "/blog/posts/slug/three"


def test_the_new_address_has_the_prefix_of_the_application(client, author, settings):
    move(client, make_post(author, slug="one"), "two")
    settings(API_PREFIX="/api/v1")
    with TestClient(create_app()) as prefixed:
        moved = prefixed.get("/api/v1/blog/posts/slug/one", follow_redirects=False)
    assert moved.headers["Location"] == "/api/v1/blog/posts/slug/two"


def test_changes_at_once_forget_no_slug(client, committed, login, read):
    """Each change remembers the slug that it replaced, even if the changes overlap."""
    post = make_post(login(make_user()), slug="zero")
    slugs = [f"slug-{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda slug: move(client, post, slug), slugs))
    assert sorted(done) == slugs
    current = client.get(f"/blog/posts/{post.id}").json()["slug"]
    for slug in {"zero", *slugs} - {current}:
        assert read(slug).headers["Location"] == f"/blog/posts/slug/{current}", slug

"""On every route, only the author and superusers can see drafts and future posts."""

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select

from app.core.types import utc_now
from app.db import clock
from app.routers.blog.models import BlogPost
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post
from tests.support.clocks import host_ahead

SORTS = ("-published_at", "published_at", "-created_at", "created_at", "title")


@pytest.fixture
def hidden(db):
    """A category with a public post, a draft, a post planned for tomorrow, and a
    withdrawn post.
    """
    author, category = make_user(username="ada"), make_category(slug="space")
    common = {"category_id": category.id, "is_featured": True}
    shown = make_post(author, **common)
    secret = [
        make_post(author, is_published=False, published_at=None, title="Secret draft", **common),
        make_post(
            author, published_at=utc_now() + timedelta(days=1), title="Secret plan", **common
        ),
        make_post(author, is_published=False, title="Secret past", **common),
    ]
    return author, shown, secret


def lists():
    """Return the parameters of every list that a client may request."""
    for sort, published_only, category, author, featured in product(
        SORTS, ("true", "false"), (None, "space"), (None, "ada"), (None, "true")
    ):
        asked = {
            "sort": sort,
            "published_only": published_only,
            "category": category,
            "author": author,
            "featured": featured,
        }
        yield {name: value for name, value in asked.items() if value is not None}


def everything_seen(client, secret):
    """Return every id and every total that the caller sees on any route."""
    seen: set[int] = set()
    totals: set[int] = set()
    for asked in lists():
        page = client.get("/blog/posts", params=asked | {"limit": 1}).json()
        totals.add(page["total"])
        while True:
            seen.update(post["id"] for post in page["items"])
            if page["next_cursor"] is None:
                assert page["has_more"] is False
                break
            answer = client.get(
                "/blog/posts", params=asked | {"limit": 1, "cursor": page["next_cursor"]}
            )
            assert answer.status_code == 200, (asked, answer.text)
            page = answer.json()
    for post in secret:
        for path in (f"/blog/posts/{post.id}", f"/blog/posts/slug/{post.slug}"):
            if client.get(path).status_code != 404:
                seen.add(post.id)
    return seen, totals


@pytest.mark.parametrize("caller", ["public", "another", "unverified"])
def test_what_is_hidden_is_not_seen_by_any_way(client, login, hidden, caller):
    _, shown, secret = hidden
    if caller != "public":
        login(make_user(is_verified=caller == "another"))
    assert everything_seen(client, secret) == ({shown.id}, {1})


@pytest.mark.parametrize("caller", ["author", "superuser"])
def test_its_author_and_superusers_see_it(client, login, hidden, caller):
    author, shown, secret = hidden
    login(author if caller == "author" else make_user(is_superuser=True))
    assert everything_seen(client, secret) == ({post.id for post in [shown, *secret]}, {1, 4})


def test_published_only_keeps_drafts_out_also_for_their_author(client, login, hidden):
    author, shown, _ = hidden
    login(author)
    for sort in SORTS:
        assert [
            post["id"] for post in client.get("/blog/posts", params={"sort": sort}).json()["items"]
        ] == [shown.id]


@pytest.mark.parametrize("who", ["public", "author", "superuser"])
def test_a_category_counts_what_everybody_sees_whoever_asks(client, login, hidden, who):
    author, _, _ = hidden
    if who != "public":
        login(author if who == "author" else make_user(is_superuser=True))
    assert [category["post_count"] for category in client.get("/blog/categories").json()] == [1]
    assert client.get("/blog/categories/slug/space").json()["post_count"] == 1


@pytest.mark.parametrize(("method", "body"), [("PUT", {"title": "Mine"}), ("DELETE", None)])
def test_writing_tells_nothing_of_what_is_hidden(client, login, hidden, method, body):
    login(make_user())
    for post in hidden[2]:
        answer = client.request(method, f"/blog/posts/{post.id}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "post_not_found")


def test_a_post_of_tomorrow_appears_when_its_time_has_come(client, hidden, clock):
    plan = hidden[2][1]
    clock.move_to(plan.published_at - timedelta(seconds=5))
    assert client.get(f"/blog/posts/{plan.id}").status_code == 404
    clock.shift(10)
    assert client.get(f"/blog/posts/{plan.id}").status_code == 200


def test_a_disabled_authors_published_posts_stay_visible(client, hidden, db):
    author, shown, secret = hidden
    author.is_active = False
    db.merge(author)
    db.commit()
    assert everything_seen(client, secret) == ({shown.id}, {1})


@pytest.mark.parametrize("minutes", [-5, 5])
@pytest.mark.parametrize("way", ["created", "updated"])
def test_all_hosts_show_the_same_posts(client, login, db, minutes, way):
    """A published post appears on every host immediately.

    A planned post appears on no host before its time.
    """
    author = login(make_user())
    make_post(author, published_at=clock.now(timedelta(minutes=3)), title="Planned")
    body = {"title": "Now", "content": "Hello"}
    draft = (
        None
        if way == "created"
        else make_post(author, is_published=False, published_at=None, **body)
    )
    with host_ahead(minutes=minutes):
        if draft:
            done = client.put(f"/blog/posts/{draft.id}", json={"is_published": True})
        else:
            done = client.post("/blog/posts", json=body | {"is_published": True})
        assert done.is_success
    client.headers.pop("Authorization")
    for ahead in (0, -minutes, minutes):
        with host_ahead(minutes=ahead):
            assert [post["title"] for post in client.get("/blog/posts").json()["items"]] == ["Now"]


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_change_has_the_time_that_all_hosts_share(client, login, db, minutes):
    post = make_post(login(make_user()))
    with host_ahead(minutes=minutes):
        client.put(f"/blog/posts/{post.id}", json={"title": "Changed"})
    changed_at = db.scalars(select(BlogPost.updated_at).where(BlogPost.id == post.id)).one()
    assert abs(changed_at - clock.read_database_time(db)) < timedelta(minutes=1)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_list_is_in_the_order_in_which_posts_were_made(client, login, db, minutes):
    login(make_user())
    for number, ahead in enumerate((minutes, 0, -minutes, 0)):
        with host_ahead(minutes=ahead):
            client.post(
                "/blog/posts", json={"title": str(number), "content": "Hello", "is_published": True}
            )
    for sort in ("created_at", "published_at"):
        listed = client.get("/blog/posts", params={"sort": sort}).json()["items"]
        assert [post["title"] for post in listed] == ["0", "1", "2", "3"]

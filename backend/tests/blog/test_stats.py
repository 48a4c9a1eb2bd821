"""The numbers of visible posts never differ from a count of the posts."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.auth.models import User
from app.routers.blog.counts import folding, recounting
from app.routers.blog.models import BlogCategory, BlogCount, BlogPost, BlogUncounted
from app.routers.blog.queries import is_public
from tests.auth.factories import PASSWORD, make_user
from tests.blog.factories import make_category, make_post

LONG_AGO = datetime(2019, 12, 31, 23, 30, tzinfo=UTC)


def shown(client):
    """Return the statistics as `Counter` objects, and check that they have the same
    total.
    """
    stats = client.get("/blog/stats").json()
    authors = Counter({row["username"]: row["post_count"] for row in stats["by_author"]})
    months = Counter({(r["year"], r["month"]): r["post_count"] for r in stats["by_month"]})
    categories = Counter({row["slug"]: row["post_count"] for row in stats["by_category"]})
    total = client.get("/blog/posts?limit=1").json()["total"]
    assert stats["posts"] == authors.total() == months.total() == total
    listed = client.get("/blog/authors?limit=100").json()["items"]
    assert Counter({row["username"]: row["post_count"] for row in listed}) == authors
    named = client.get("/blog/categories").json()
    assert Counter({row["slug"]: row["post_count"] for row in named}) == categories
    return authors, categories, months


def counted(db):
    """Return the same numbers by counting the visible posts."""
    rows = db.execute(
        select(User.username, BlogCategory.slug, BlogPost.published_at)
        .join(User, User.id == BlogPost.author_id)
        .outerjoin(BlogCategory, BlogCategory.id == BlogPost.category_id)
        .where(is_public())
    ).all()
    return (
        Counter(row.username for row in rows),
        Counter(row.slug for row in rows if row.slug),
        Counter((row.published_at.year, row.published_at.month) for row in rows),
    )


def settle():
    assert folding.fold().finished


@pytest.fixture
def posts(db, login):
    """Store posts by two authors, which are already counted.

    The client is signed in as one of the authors, who is a superuser.
    """
    ada, bob = make_user(username="ada", is_superuser=True), make_user(username="bob")
    space, earth = make_category(slug="space"), make_category(slug="earth")
    made = [
        make_post(ada, category_id=space.id),
        make_post(ada, category_id=earth.id, published_at=LONG_AGO),
        make_post(ada),
        make_post(bob, category_id=space.id),
        make_post(bob, is_published=False, published_at=None),
        make_post(bob, published_at=utc_now() + timedelta(days=1)),
    ]
    login(ada)
    return made


def test_a_new_post_is_counted_at_once(client, db, posts):
    assert shown(client) == counted(db)
    settle()
    body = {"title": "New", "content": "x", "is_published": True}
    category = client.get("/blog/categories/slug/space").json()["id"]
    client.post("/blog/posts", json=body | {"category_id": category})
    authors, categories, _ = shown(client)
    assert (authors, categories) == ({"ada": 4, "bob": 1}, {"space": 3, "earth": 1})
    assert shown(client) == counted(db)


@pytest.mark.parametrize("changed", ["fresh", "counted"])
def test_every_change_of_a_post_is_counted_at_once(client, db, posts, changed):
    post = posts[0]
    path = f"/blog/posts/{post.id}"
    earth = client.get("/blog/categories/slug/earth").json()["id"]
    for change in (
        {"category_id": earth},
        {"category_id": None},
        {"published_at": LONG_AGO},
        {"title": "Only the title"},
        {"is_published": False},
        {"is_published": True},
        {"published_at": utc_now() + timedelta(days=1)},
        {"published_at": LONG_AGO, "author_id": posts[3].author_id},
    ):
        if changed == "counted":
            settle()
        with SessionLocal() as writer, writer.begin():
            row = writer.get_one(BlogPost, post.id)
            for name, value in change.items():
                setattr(row, name, value)
        assert shown(client) == counted(db), change
    assert client.delete(path).status_code == 204
    assert shown(client) == counted(db)
    settle()
    assert shown(client) == counted(db)
    assert db.scalars(select(BlogUncounted)).all() == []


def test_the_job_changes_nothing_that_readers_see(client, db, posts):
    before = client.get("/blog/stats").json()
    post = client.get(f"/blog/posts/{posts[0].id}")
    settle()
    assert client.get("/blog/stats").json() == before
    assert client.get(f"/blog/posts/{posts[0].id}").headers["etag"] == post.headers["etag"]
    marked = select(BlogPost.id).where(BlogPost.is_counted).order_by(BlogPost.id)
    assert db.scalars(marked).all() == [post.id for post in posts[:4]]


def test_a_scheduled_post_is_counted_when_it_is_due(client, db, posts, clock):
    settle()
    client.headers.pop("Authorization")  # the token expires
    clock.shift(2 * 24 * 3600)
    authors, _, _ = shown(client)
    assert authors == {"ada": 3, "bob": 2}
    settle()
    assert shown(client)[0] == authors


def test_a_post_written_by_plain_sql_is_counted(client, db, posts):
    settle()
    db.execute(
        text(
            "INSERT INTO blog_posts (author_id, title, slug, content, excerpt, is_published,"
            " is_featured, published_at, created_at, updated_at) SELECT author_id, title,"
            " 'copied', content, excerpt, is_published, is_featured, published_at, created_at,"
            " updated_at FROM blog_posts WHERE id = :id"
        ),
        {"id": posts[1].id},
    )
    assert shown(client) == counted(db)
    settle()
    assert shown(client) == counted(db)


def test_a_post_unpublished_by_plain_sql_is_taken_out(client, db, posts):
    settle()
    hidden = text("UPDATE blog_posts SET is_published = false WHERE id = :id")
    emptied = text("UPDATE blog_posts SET is_published = false, published_at = NULL WHERE id = :id")
    for change, post in zip((hidden, emptied), posts, strict=False):
        db.execute(change, {"id": post.id})
    settle()
    assert client.get("/blog/stats").json()["posts"] == 2


def test_a_recount_corrects_everything(client, db, posts):
    settle()
    db.execute(text("DELETE FROM blog_posts WHERE id = :id"), {"id": posts[0].id})
    db.execute(
        text("UPDATE blog_posts SET category_id = NULL, author_id = :author WHERE id = :id"),
        {"id": posts[1].id, "author": posts[3].author_id},
    )
    later = {"id": posts[2].id, "later": "2999-01-01 00:00:00.000000"}
    db.execute(text("UPDATE blog_posts SET published_at = :later WHERE id = :id"), later)
    assert recounting.recount(budget=None).finished
    assert shown(client) == counted(db)
    settle()
    assert shown(client) == counted(db)
    assert {count.round for count in db.scalars(select(BlogCount))} == {1}


def test_a_deleted_account_keeps_its_numbers(client, db, posts):
    settle()
    response = client.post("/auth/delete-account", json={"password": PASSWORD})
    assert response.status_code == 204
    client.headers.pop("Authorization")
    authors, _, _ = shown(client)
    (renamed,) = authors.keys() - {"bob"}
    assert (renamed[:8], authors[renamed]) == ("deleted-", 3)
    assert client.get(f"/blog/authors/{renamed}").json()["post_count"] == 3
    assert client.get("/blog/authors/ada").status_code == 404


@pytest.mark.parametrize("is_settled", [True, False])
def test_a_deleted_category_takes_no_post_with_it(client, db, posts, is_settled):
    category = client.get("/blog/categories/slug/space").json()["id"]
    if is_settled:
        settle()
        client.put(f"/blog/posts/{posts[0].id}", json={"is_published": False})
    assert client.delete(f"/blog/categories/{category}").status_code == 204
    assert shown(client) == counted(db)
    settle()
    assert shown(client) == counted(db)
    made = make_category(id=category)
    assert client.get(f"/blog/categories/{made.id}").json()["post_count"] == 0


def test_an_inactive_category_is_not_in_the_statistics(client, db, posts):
    category = client.get("/blog/categories/slug/space").json()["id"]
    for settled in (False, True):
        db.execute(
            text("UPDATE blog_categories SET is_active = false WHERE id = :id"), {"id": category}
        )
        stats = client.get("/blog/stats").json()
        assert [row["slug"] for row in stats["by_category"]] == ["earth"]
        assert stats["posts"] == 4
        if not settled:
            settle()

"""The blog in the admin: actions obey the rules of the blog."""

import pytest
from sqlalchemy import select

from app.db.database import SessionLocal
from app.routers.blog.models import BlogCategory, BlogPost, BlogRevision
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post
from tests.support.admin import desk_of, entries, newest_entry


@pytest.fixture
def desk(app, client, db):
    return desk_of(app)


@pytest.fixture
def post(db):
    return make_post(make_user(), title="First light")


def now(post):
    with SessionLocal() as db:
        return db.get(BlogPost, post.id)


def edited(desk, post, **fields):
    form = {"title": "Second light", "content": "New *text*", "excerpt": "Short"} | fields
    return desk.act("posts", post.id, "edit", **form)


def test_an_edit_keeps_a_revision_which_is_restored(desk, post):
    assert edited(desk, post).status_code == 303
    with SessionLocal() as db:
        titles = db.scalars(select(BlogRevision.title).order_by(BlogRevision.id)).all()
    assert titles == ["First light", "Second light"]
    entry = newest_entry("posts.edit")
    assert (entry.before["title"], entry.after["title"]) == ("First light", "Second light")
    assert "First light" in desk.get(f"/row/posts/{post.id}").text
    assert desk.act("posts", post.id, "restore", revision="1").status_code == 303
    assert now(post).title == "First light"
    assert desk.act("posts", post.id, "restore", revision="9").status_code == 404


def test_input_that_the_blog_refuses_is_explained(desk, post):
    for fields, word in (({"title": "x" * 201}, "Title"), ({"content": "x" * 60_001}, "Content")):
        answer = edited(desk, post, **fields)
        assert (answer.status_code, f"“{word}”" in answer.text) == (422, True)
    assert "x" * 100 not in now(post).title
    assert entries("posts.edit") == []


def test_a_post_is_withdrawn_published_and_featured(desk, post, client):
    assert desk.act("posts", post.id, "withdraw").status_code == 303
    assert client.get(f"/blog/posts/{post.id}").status_code == 404
    assert desk.act("posts", post.id, "withdraw").status_code == 409
    assert desk.act("posts", post.id, "publish").status_code == 303
    assert desk.act("posts", post.id, "feature").status_code == 303
    assert (now(post).is_published, now(post).is_featured) == (True, True)
    assert newest_entry("posts.feature").after["is_featured"] is True


def test_a_post_is_deleted(desk, post):
    answer = desk.act("posts", post.id, "delete")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/list/posts")
    assert now(post) is None
    entry = newest_entry("posts.delete")
    assert (entry.before["title"], entry.after["title"]) == ("First light", None)
    assert desk.get(f"/row/posts/{post.id}").status_code == 404


def test_a_category_is_created_changed_and_deleted(desk, db):
    form = {"name": "Field notes", "description": "", "reason": "A new topic"}
    assert desk.post("/tool/new-category", **form).status_code == 303
    assert desk.post("/tool/new-category", **form).status_code == 409
    row = db.scalars(select(BlogCategory)).one()
    change = {"name": "Notes", "description": "From outside"}
    assert desk.act("categories", row.id, "edit", **change).status_code == 303
    db.refresh(row)
    assert (row.name, row.is_active) == ("Notes", False)
    assert newest_entry("categories.edit").after["name"] == "Notes"
    assert desk.act("categories", row.id, "delete").status_code == 303
    assert db.scalars(select(BlogCategory.id)).all() == []


def test_posts_are_listed_and_found(desk, post):
    make_category()
    author = f"user:{post.author_id}"
    for query in ({}, {"q": post.slug}, {"q": "rst li"}, {"q": author}, {"state": "public"}):
        assert f"/admin/row/posts/{post.id}" in desk.get("/list/posts", params=query).text
    assert f"/admin/row/posts/{post.id}" not in desk.get("/list/posts?state=draft").text


def test_hostile_markdown_is_shown_as_text(desk, db):
    post = make_post(make_user(), content="<script>alert(1)</script>", title="<b>bold</b>")
    page = desk.get(f"/row/posts/{post.id}").text
    assert "<script>alert" not in page
    assert "<b>bold" not in page

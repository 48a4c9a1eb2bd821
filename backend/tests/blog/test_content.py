"""The content of a post is Markdown, which is rendered when the post is written."""

import pytest
from sqlalchemy import select, text

from app.core import markdown
from app.db.database import SessionLocal
from app.routers.blog.content import rendering
from app.routers.blog.models import BlogPost
from tests.auth.factories import make_user
from tests.blog.factories import make_post

CONTENT = "# Head\n\n| a |\n|---|\n| **b** |\n\n<script>alert(1)</script>[x](javascript:alert(1))"
HTML = '<h1 id="content-head">Head</h1>\n<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n'
POST = {"title": "First light", "content": CONTENT, "is_published": True}


@pytest.fixture
def rendered(monkeypatch):
    """Return the texts that were rendered, in order."""
    texts = []

    def noted(content):
        texts.append(content)
        return markdown.render(content)

    monkeypatch.setattr(rendering, "render", noted)
    return texts


def stored(post_id):
    columns = BlogPost.__table__.c
    wanted = (columns.content_html, columns.reading_minutes, columns.html_digest)
    with SessionLocal() as db:
        return db.execute(select(*wanted).where(columns.id == post_id)).one()


def test_a_post_is_rendered_when_it_is_written_and_only_then(client, db, login, rendered):
    login(make_user())
    made = client.post("/blog/posts", json=POST).json()
    assert made["content_html"].startswith(HTML)
    assert "<script" not in made["content_html"]
    assert "javascript" not in made["content_html"]
    assert made["content"] == CONTENT
    assert made["reading_minutes"] == 1
    path = f"/blog/posts/{made['id']}"
    changed = client.put(path, json={"content": "word " * 500}).json()
    assert changed["content_html"].startswith("<p>word word")
    assert changed["reading_minutes"] == 3
    client.put(path, json={"title": "Other"})
    for read in (client.get(path), client.get(f"/blog/posts/slug/{made['slug']}")):
        assert read.json()["content_html"] == changed["content_html"]
    assert client.get("/blog/posts").json()["items"][0]["reading_minutes"] == 3
    assert rendered == [CONTENT, "word " * 500]
    assert stored(made["id"])[:2] == (changed["content_html"], 3)


def test_a_row_without_html_is_served_as_if_it_had_some(client, db, login):
    """Code of the previous version and plain SQL write rows without HTML."""
    post = make_post(login(make_user()), content="# Old\n\n" + "word " * 300)
    read = client.get(f"/blog/posts/{post.id}").json()
    assert read["content_html"].startswith('<h1 id="content-old">Old</h1>\n<p>word')
    assert read["reading_minutes"] == 2
    assert stored(post.id) == ("", 1, "")
    changed = client.put(f"/blog/posts/{post.id}", json={"title": "Other"}).json()
    assert changed["content_html"] == read["content_html"]


def test_content_changed_by_plain_sql_is_never_shown_as_old_html(client, db, login):
    login(make_user())
    made = client.post("/blog/posts", json=POST).json()
    statement = text("UPDATE blog_posts SET content = 'New' WHERE id = :id")
    db.execute(statement, {"id": made["id"]})
    db.commit()
    read = client.get(f"/blog/posts/{made['id']}")
    assert read.json()["content_html"] == "<p>New</p>\n"
    changed = client.put(
        f"/blog/posts/{made['id']}",
        json={"title": "Other"},
        headers={"If-Match": read.headers["ETag"]},
    )
    assert changed.status_code == 200, changed.text


def test_html_of_an_earlier_renderer_is_not_shown(client, db, login, monkeypatch):
    login(make_user())
    made = client.post("/blog/posts", json=POST).json()
    db.execute(text("UPDATE blog_posts SET content_html = '<script>'"))
    db.commit()
    path = f"/blog/posts/{made['id']}"
    assert client.get(path).json()["content_html"] == "<script>"
    monkeypatch.setattr(markdown, "VERSION", markdown.VERSION + 1)
    assert client.get(path).json()["content_html"] == made["content_html"]


def test_an_excerpt_is_made_from_the_rendered_text(client, db, login):
    login(make_user())
    content = "A [b](http://x/y_z_) &amp; `c_d`\n\n<!-- hidden -->\n\n```\ncode\n```\n\n* e"
    made = client.post("/blog/posts", json=POST | {"content": content}).json()
    assert made["excerpt"] == "A b & c_d e"

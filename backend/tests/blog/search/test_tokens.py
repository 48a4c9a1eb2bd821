"""The search tokens of a post always match its text, whichever program writes the
text.
"""

import time

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import undefer
from typer.testing import CliRunner

from app.cli import cli
from app.db.database import SessionLocal
from app.routers.blog.models import BlogPost
from tests.auth.factories import make_user
from tests.blog.factories import make_post


@pytest.fixture
def author(committed):
    return make_user(username="ada")


@pytest.fixture
def found(client):
    def search(q):
        answer = client.get("/blog/posts", params={"q": q})
        return sorted(post["title"] for post in answer.json()["items"])

    return search


def unindexed():
    """Delete the tokens, as if code that knows no tokens had written the posts."""
    with SessionLocal() as db, db.begin():
        db.execute(text("UPDATE blog_posts SET search = NULL"))


def test_a_changed_post_is_found_by_its_new_text(client, author, found, login):
    login(author)
    body = {"title": "Heron", "content": "A grey bird", "is_published": True}
    post = client.post("/blog/posts", json=body).json()
    assert (found("heron"), found("grey")) == (["Heron"], ["Heron"])
    client.put(f"/blog/posts/{post['id']}", json={"title": "Stork"})
    assert (found("heron"), found("stork"), found("grey")) == ([], ["Stork"], ["Stork"])
    client.put(f"/blog/posts/{post['id']}", json={"content": "A white bird"})
    assert (found("grey"), found("white")) == ([], ["Stork"])
    client.delete(f"/blog/posts/{post['id']}")
    assert found("stork") == []


def test_fields_that_are_not_loaded_are_read(author, found):
    key = make_post(author, title="Tern", content="Small").id
    with SessionLocal() as db, db.begin():
        db.get_one(BlogPost, key).title = "Gull"
    assert found("small gull") == ["Gull"]


def test_other_changes_leave_the_tokens_alone(author, statements):
    key = make_post(author).id
    with SessionLocal() as db, db.begin():
        post = db.get_one(BlogPost, key)
        statements.clear()
        post.is_featured = True
    assert [one for one in statements if "search" in one] == []


def test_many_inserted_rows_have_tokens(author, found):
    rows = [
        {
            "author_id": author.id,
            "title": f"Row {n}",
            "slug": f"row-{n}",
            "content": f"number{n}",
            "excerpt": "",
            "is_published": True,
            "published_at": author.created_at,
        }
        for n in range(3)
    ]
    with SessionLocal() as db, db.begin():
        db.execute(insert(BlogPost), rows)
    assert (found("row"), found("number1")) == (["Row 0", "Row 1", "Row 2"], ["Row 1"])


def test_sql_past_the_application_keeps_the_index_right(author, found):
    """A row without tokens is not found, and does not disturb the index."""
    for title in ("Auk", "Loon"):
        make_post(author, title=title)
    with SessionLocal() as db, db.begin():
        db.execute(text("UPDATE blog_posts SET search = NULL WHERE title = 'Auk'"))
        db.execute(text("UPDATE blog_posts SET excerpt = 'x'"))
    assert (found("auk"), found("loon")) == ([], ["Loon"])
    with SessionLocal() as db, db.begin():
        db.execute(text("DELETE FROM blog_posts"))
    assert found("loon") == []
    make_post(author, title="Rail")
    assert found("rail") == ["Rail"]


def test_reindexing_finds_posts_again(author, found):
    for number in range(3):
        make_post(author, title=f"Plover {number}", content="wading")
    unindexed()
    assert found("plover") == []
    columns = select(BlogPost.updated_at, BlogPost.content).order_by(BlogPost.id)
    with SessionLocal() as db:
        before = db.execute(columns).all()
    done = CliRunner().invoke(cli, ["reindex", "blog_posts"])
    assert (done.exit_code, done.stdout) == (0, "Rows of blog_posts indexed: 3\n")
    assert len(found("wading plover")) == 3
    with SessionLocal() as db:
        assert db.execute(columns).all() == before
    refused = CliRunner().invoke(cli, ["reindex", "users"])
    assert refused.exit_code == 1
    assert "The table users has no full-text search" in str(refused.exception or "")


def test_a_language_finds_words_by_their_stems(author, found, settings):
    make_post(author, title="Running houses")
    assert (found("runs"), found('"running house"')) == ([], [])
    settings(SEARCH_LANGUAGE="english")
    assert CliRunner().invoke(cli, ["reindex"]).exit_code == 0
    assert found("runs") == found('"running house"') == ["Running houses"]


def test_the_longest_post_can_be_stored_and_found(client, author, found, login):
    """The tokens of the whole post would not fit into a tsvector.

    MariaDB indexes so many tokens in the background, so a search misses them for a
    moment.
    """
    login(author)
    letters = "".join(map(chr, range(0x4E00, 0x9FFF)))
    content = ("needle " + letters * 10)[:200_000]
    body = {"title": "Long", "content": content, "is_published": True}
    assert client.post("/blog/posts", json=body).status_code == 201
    deadline = time.monotonic() + 5
    while not found("needle") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found("needle") == found(letters[100:120]) == ["Long"]


def test_tokens_are_never_read_by_accident(author):
    make_post(author)
    with SessionLocal() as db:
        post = db.scalars(select(BlogPost).options(undefer(BlogPost.content))).one()
        with pytest.raises(Exception, match="raiseload"):
            _ = post.search
        db.execute(update(BlogPost).values(is_featured=True))

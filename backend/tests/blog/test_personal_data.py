"""Exports contain an author's posts, and `make forget` erases them."""

import pytest
from sqlalchemy import select

from app.core.features import discover
from app.routers.auth.privacy import owned_rows
from app.routers.blog import personal_data
from app.routers.blog.models import BlogPost, BlogRevision, BlogUncounted
from tests.auth.exports import download, forget
from tests.auth.factories import make_user
from tests.auth.letters import letters_to
from tests.blog.factories import make_post


@pytest.fixture
def author(db):
    return make_user()


def titles(db):
    db.expire_all()
    return set(db.scalars(select(BlogPost.title)))


def revise(db, post, editor, number):
    text = {"title": "t", "content": "c", "excerpt": ""}
    db.add(BlogRevision(post_id=post.id, id=number, editor_id=editor.id, **text))
    db.commit()


def test_an_export_has_the_authors_posts_and_revisions(client, db, author):
    other = make_user()
    for one in (author, other):
        revise(db, make_post(one, title=f"By {one.username}"), one, 100)
    files = download(client, author)
    (post,) = files["blog/posts.json"]
    assert post["title"] == f"By {author.username}"
    assert not post.keys() & {"search", "html_digest", "content_html"}
    assert {each["editor_id"] for each in files["blog/revisions.json"]} == {author.id}
    assert other.username not in str(files)


def test_forgetting_erases_the_posts(client, db, author):
    other = make_user()
    for one in (author, other):
        make_post(one, title=f"By {one.username}")
    assert forget("--yes", author.username)[0] == 0
    letters_to(author.email)
    assert titles(db) == {f"By {other.username}"}


def test_erased_posts_are_removed_from_the_counters(db, author):
    make_post(author, is_counted=True)
    make_post(author, is_counted=False)
    assert personal_data.erase(author.id)
    assert titles(db) == set()
    assert db.scalars(select(BlogUncounted.author_id)).all() == [author.id]


def test_posts_of_a_formerly_deleted_account_are_erased(client, db, author):
    assert forget("--yes", author.id)[0] == 0
    letters_to(author.email)
    make_post(author, title="Written by a request that was still running")
    assert forget("--yes", author.id)[0] == 0
    letters_to(author.email)
    assert titles(db) == set()


@pytest.fixture
def blog():
    """The blog, as if it had no `personal_data.py`."""
    return next(feature for feature in discover() if feature.name == "blog")


def test_rows_of_a_feature_without_hooks_are_exported(db, author, blog):
    make_post(author, title="Mine")
    make_post(make_user(), title="Not mine")
    parts = {name: list(found) for name, found in owned_rows.export(blog, author.id)}
    (post,) = parts["blog_posts_by_author_id"]
    assert post["title"] == "Mine"
    assert not post.keys() & {"search", "html_digest"}


def test_rows_of_a_feature_without_hooks_are_erased(db, author, blog):
    """A foreign key with `ondelete="SET NULL"` is cleared. Other rows are deleted."""
    other = make_user()
    make_post(author, title="Mine")
    theirs = make_post(other, title="Theirs")
    revise(db, theirs, author, 100)
    revise(db, theirs, other, 101)
    assert owned_rows.erase(blog, author.id)
    assert titles(db) == {"Theirs"}
    later = select(BlogRevision.editor_id).where(BlogRevision.id >= 100)
    assert db.scalars(later.order_by(BlogRevision.id)).all() == [None, other.id]

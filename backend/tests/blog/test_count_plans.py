"""Counts, lists, the feed and the sitemap read indexes, and never the whole table of
posts.

The tests explain the statements that the routes really send.
"""

from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from app.routers.blog.counts import recounting
from app.routers.blog.feeds import sitemap
from app.routers.blog.models import BlogPost
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

PARTIAL = "ix_blog_posts_is_counted_is_published_published_at_id"
POSTS = 12_000
AUTHORS = 100
CATEGORIES = 50
FILL = f"""
INSERT INTO blog_posts (author_id, category_id, title, slug, content, excerpt, is_published,
    is_counted, is_featured, published_at, created_at, updated_at)
SELECT author_id + n % {AUTHORS}, category_id + n % {CATEGORIES}, 'Title ' || n,
    'filled-' || n, content, excerpt, n % 11 > 0, n % 11 > 0, false,
    published_at - n * interval '1 hour', created_at, updated_at
FROM blog_posts, generate_series(1, {POSTS}) AS n WHERE id = :id
"""  # noqa: S608 - the numbers are ours
PATHS = {
    "/blog/stats": PARTIAL,
    "/blog/authors": PARTIAL,
    "/blog/authors?limit=1&offset=100": PARTIAL,
    "/blog/authors/ada": PARTIAL,
    "/blog/categories": PARTIAL,
    "/blog/categories/slug/space": PARTIAL,
    "/blog/feed.atom": "ix_blog_posts_is_published_published_at_id",
    "/blog/sitemap.xml": "pk_blog_posts",
    "/blog/sitemap-{file}.xml": "pk_blog_posts",
    "/blog/posts?category=space": "ix_blog_posts_category_id_is_published_published_at_id",
    "/blog/posts?author=ada": "ix_blog_posts_author_id_is_published_published_at_id",
}


@pytest.fixture
def sent():
    """Return the statements that read posts, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")) and BlogPost.__tablename__ in statement:
            found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def filled(db):
    """Store many counted posts, and a few that are not counted yet.

    Return the first post.
    """
    ada = make_user(username="ada")
    for _ in range(AUTHORS):
        make_user(hashed_password=None)
    space = make_category(slug="space")
    for _ in range(CATEGORIES):
        make_category()
    first = make_post(ada, category_id=space.id)
    db.execute(text(FILL), {"id": first.id})
    assert recounting.recount(budget=None).finished
    for table in ("blog_posts", "blog_counts", "users", "blog_categories"):
        db.execute(text(f"ANALYZE {table}"))
    for _ in range(3):
        make_post(ada)
    return first


@pytest.mark.only("postgresql")
def test_no_read_scans_the_posts(client, db, filled, sent):
    for template, index in PATHS.items():
        sent.clear()
        file = filled.id // sitemap.PER_FILE + 2
        assert client.get(template.format(file=file)).status_code == 200, template
        explained = [
            "\n".join(db.connection().exec_driver_sql(f"EXPLAIN {statement}", values).scalars())
            for statement, values in list(sent)
        ]
        assert explained, template
        assert not [plan for plan in explained if "Seq Scan on blog_posts" in plan], template
        assert index in "\n".join(explained), (template, explained)


@pytest.mark.only("postgresql", "sqlite")
def test_the_partial_index_has_only_posts_that_wait(db):
    """The index stays small, because posts leave it when they are counted.

    SQLite has a partial index, too. MySQL has an ordinary index.
    """
    definitions = {
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = :name",
        "sqlite": "SELECT sql FROM sqlite_master WHERE name = :name",
    }
    definition = db.scalar(text(definitions[db.get_bind().dialect.name]), {"name": PARTIAL})
    condition = definition.partition(" WHERE ")[2].strip("()")
    assert condition.replace("!=", "<>") == "is_counted <> is_published"

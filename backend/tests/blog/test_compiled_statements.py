"""Busy routes compile each statement once: the second request takes the SQL from
memory.

SQLAlchemy keeps the SQL of each statement under a key that does not depend on the
values. If the key of a statement does change, for example because its text contains
values, the statement is compiled for each request.
"""

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import CacheStats

from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

HOT = [
    ("GET", "/blog/posts"),
    ("GET", "/blog/posts?limit=3&offset=1"),
    ("GET", "/blog/posts?category=space&author=ada&sort=title"),
    ("GET", "/blog/posts?published_only=false"),
    ("GET", "/blog/posts/{post}"),
    ("GET", "/blog/posts/slug/first-{post}"),
    ("GET", "/blog/categories"),
    ("POST", "/blog/posts"),
    ("PUT", "/blog/posts/{post}"),
    ("DELETE", "/blog/posts/{post}"),
    ("GET", "/auth/me"),
]


@pytest.fixture
def compiled():
    """The statements that SQLAlchemy compiled."""
    found: list[str] = []

    def note(_c, _cursor, _text, _given, context, _many):
        if context.cache_hit is not CacheStats.CACHE_HIT:
            found.append(f"{context.cache_hit.name}: {context.statement}")

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("route", HOT, ids=" ".join)
def test_a_hot_route_compiles_nothing_the_second_time(client, login, db, compiled, route):
    method, path = route
    category = make_category(slug="space")
    author = login(make_user(username="ada", is_superuser=True))
    posts = [make_post(author, category_id=category.id).id for _ in range(8)]
    for post in posts:
        client.put(f"/blog/posts/{post}", json={"slug": f"first-{post}"})

    def ask(number):
        """Send a request whose values differ from those of the last request."""
        body = {"title": f"Title {number}", "content": "Hello", "is_published": True}
        json = {"POST": body, "PUT": {"title": f"Title {number}"}}.get(method)
        answer = client.request(method, path.format(post=posts[number]), json=json)
        assert answer.is_success, answer.text

    ask(0)
    compiled.clear()
    ask(1)
    assert [text for text in compiled if "SAVEPOINT" not in text] == []


def test_a_compiled_statement_is_noticed(client, db, compiled):
    """This test shows that the previous one would fail if a statement were compiled
    again.
    """
    client.get("/blog/posts")
    db.get_bind().engine.clear_compiled_cache()
    compiled.clear()
    client.get("/blog/posts")
    assert compiled

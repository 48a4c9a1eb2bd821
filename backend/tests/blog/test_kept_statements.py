"""The application keeps the SQL statement of a list, but never the values of a
request.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.db import pages
from tests.auth.factories import make_user, token_for
from tests.blog.factories import make_category, make_post

AUTHORS = ("ada", "bob", "cyd")


@pytest.fixture
def posts(db):
    category = make_category(slug="space")
    for name in AUTHORS:
        author = make_user(username=name)
        for number in range(5):
            make_post(
                author,
                title=f"{name} {number}",
                category_id=category.id if number % 2 else None,
                is_published=number != 4,
                published_at=None if number == 4 else author.created_at,
            )


def walk(client, query, headers=None):
    """Return the titles of all pages, by cursor and then by offset."""
    found, cursor = [], None
    while True:
        asked = {**query, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/blog/posts", params=asked, headers=headers).json()
        found += [item["title"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    whole = client.get("/blog/posts", params={**query, "limit": 50}, headers=headers).json()
    assert [item["title"] for item in whole["items"]] == found
    assert whole["total"] == len(found)
    return sorted(found)


def expected(name, numbers):
    return [f"{name} {number}" for number in numbers]


def test_each_request_gets_the_rows_of_its_own_values(client, posts):
    for _ in range(3):
        for name in AUTHORS:
            assert walk(client, {"author": name}) == expected(name, range(4))
            both = {"author": name, "category": "space", "sort": "title"}
            assert walk(client, both) == expected(name, (1, 3))
        assert walk(client, {"author": "nobody"}) == []


@pytest.mark.parametrize("most", [0, 1, 300])
def test_this_also_holds_when_statements_are_forgotten(client, posts, monkeypatch, most):
    """A new statement must not use the SQL that SQLAlchemy has kept for an old
    statement.
    """
    monkeypatch.setattr(pages, "MOST", most)
    for _ in range(2):
        for name in AUTHORS:
            assert walk(client, {"author": name}) == expected(name, range(4))
        for name in AUTHORS:
            assert walk(client, {"author": name, "category": "space"}) == expected(name, (1, 3))


@pytest.mark.only("postgresql", "mysql")
def test_viewers_at_once_see_their_own_drafts_only(client, committed):
    users = [make_user(username=name) for name in AUTHORS]
    for user in users:
        make_post(user, title=f"{user.username} draft", is_published=False, published_at=None)
    headers = {user.username: {"Authorization": f"Bearer {token_for(user)}"} for user in users}

    def drafts(name):
        query = {"published_only": "false"}
        answer = client.get("/blog/posts", params=query, headers=headers[name])
        return name, [item["title"] for item in answer.json()["items"]]

    with ThreadPoolExecutor(6) as threads:
        for name, found in threads.map(drafts, AUTHORS * 20):
            assert found == [f"{name} draft"]

"""Each route sends a bounded number of statements.

On PostgreSQL, each order of the public lists has an index.
"""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app.db.projection import projection_of
from app.routers.blog import lists
from app.routers.blog.models import BlogPost
from app.routers.blog.schemas import PostFilters, PostSummary
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

POST = {"title": "First light", "content": "Hello"}
SORTS = ("-published_at", "published_at", "-created_at", "created_at", "title")
ADMISSION = 1  # one statement reads the session and user of a signed-in caller

# Each row has a route, its body, and the number of statements allowed after the caller
# is known.
COSTS = [
    ("GET", "/blog/posts", None, 2),
    (
        "GET",
        "/blog/posts?published_only=false&category=space&author=ada&featured=true&sort=title",
        None,
        2,
    ),
    ("GET", "/blog/posts?limit=100&offset=3", None, 2),
    ("GET", "/blog/posts/{post}", None, 1),
    ("GET", "/blog/posts/slug/first", None, 1),
    ("GET", "/blog/categories", None, 1),
    ("GET", "/blog/stats", None, 1),
    ("GET", "/blog/authors", None, 1),
    ("GET", "/blog/authors/ada", None, 1),
    ("GET", "/blog/categories/slug/space", None, 1),
    ("GET", "/blog/categories/{category}", None, 1),
    ("POST", "/blog/posts", POST | {"is_published": True}, 1),
    ("POST", "/blog/posts", POST | {"slug": "mine"}, 1),
    ("POST", "/blog/posts", POST | {"category_id": "{category}"}, 2),  # read the category, insert
    ("POST", "/blog/posts", POST | {"title": "Taken"}, 4),  # attempt, turn, search, insert
    ("PUT", "/blog/posts/{post}", {"is_featured": True}, 3),  # read, update, read back
    ("PUT", "/blog/posts/{post}", {"title": "Other"}, 4),  # also inserts the post's revisions
    ("PUT", "/blog/posts/{post}", {"slug": "mine"}, 7),  # also: lock, forget, remember, count
    ("GET", "/blog/posts/{post}/revisions", None, 2),  # read the post, read a page
    ("GET", "/blog/posts/{post}/revisions/1", None, 1),
    ("DELETE", "/blog/posts/{post}", None, 3),  # read, lock, delete
    ("POST", "/blog/categories", {"name": "New"}, 2),  # insert, read back
    ("POST", "/blog/categories", {"name": "New", "slug": "mine"}, 2),
    ("PUT", "/blog/categories/{category}", {"name": "New"}, 3),
    ("DELETE", "/blog/categories/{category}", None, 5),  # also deletes the counters
    ("GET", "/auth/me", None, 0),
]


@pytest.fixture(autouse=True)
def _schema_was_looked_at(client, db):
    """Send one request, because only the first request of a process reads the schema's
    revision.
    """
    client.get("/nowhere")


@pytest.mark.parametrize("route", COSTS, ids=str)
def test_a_route_takes_no_more_statements_than_it_may(client, login, db, statements, route):
    method, path, body, cost = route
    category = make_category(slug="space")
    author = login(make_user(username="ada", is_superuser=True))
    posts = [
        make_post(author, slug=slug, category_id=category.id)
        for slug in ("first", *map(str, range(30)))
    ]
    make_post(author, slug="taken")
    url = path.format(post=posts[0].id, category=category.id)
    if body and "category_id" in body:
        body = body | {"category_id": category.id}
    statements.clear()
    answer = client.request(method, url, json=body)
    assert answer.is_success, answer.text
    print(f"{method:<7}{path:<95}{len(statements)} statements")  # noqa: T201 - pytest -s shows the table
    # In MySQL, an UPDATE returns no rows, so another statement reads `updated_at`. A
    # generated slug takes two more: one for its turn, and one for the search.
    mysql = db.get_bind().dialect.name == "mysql"
    read_again = method == "PUT" and mysql
    made = method == "POST" and "slug" not in (body or {}) and mysql
    # A change to a post is recorded in the author's timeline. On PostgreSQL, the
    # statement that records it is sent together with the COMMIT.
    recorded = method != "GET" and path.startswith("/blog/posts")
    most = cost + ADMISSION + read_again + 2 * made + recorded
    assert len(statements) <= most, "\n".join(statements)


def test_a_cursor_page_costs_an_anonymous_visitor_one_statement(client, db, statements):
    author = make_user()
    for _ in range(3):
        make_post(author)
    cursor = client.get("/blog/posts?limit=1").json()["next_cursor"]
    statements.clear()
    assert (
        len(client.get("/blog/posts", params={"limit": 1, "cursor": cursor}).json()["items"]) == 1
    )
    assert len(statements) == 1


def test_a_list_costs_the_same_for_one_post_and_for_many(client, db, statements):
    make_post(make_user())
    statements.clear()
    client.get("/blog/posts")
    assert len(statements) == 1  # the page itself shows how many posts there are
    for _ in range(20):
        make_post(make_user(), category_id=make_category().id)
    statements.clear()
    client.get("/blog/posts")
    assert len(statements) == 2


@pytest.fixture
def twenty_thousand(db):
    """Posts by 50 authors in 20 categories.

    The fixture also runs ANALYZE, which the database would do later by itself.
    """
    authors = [make_user() for _ in range(50)]
    categories = [make_category() for _ in range(20)]
    start = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [
        {
            "author_id": authors[number * 7 % 50].id,
            "category_id": categories[number * 11 % 20].id,
            "title": f"Title {number * 7919 % 20_000:05}",
            "slug": f"p-{number}",
            "content": "x",
            "excerpt": "x",
            "is_published": number % 11 > 0,
            "published_at": start + timedelta(minutes=number * 7919 % 20_000),
            "created_at": start + timedelta(minutes=number),
        }
        for number in range(20_000)
    ]
    db.execute(insert(BlogPost), rows)
    db.commit()
    db.execute(text("ANALYZE blog_posts"))
    db.execute(text("ANALYZE users"))
    db.execute(text("ANALYZE blog_categories"))
    return authors[0], categories[0]


def plan(db: Session, filters: PostFilters) -> str:
    statement = lists.select_posts(None, filters).limit(21)
    projection = projection_of(statement, PostSummary)
    assert projection
    statement = projection.apply(statement)
    compiled = statement.compile(db.get_bind(), compile_kwargs={"literal_binds": True})
    return "\n".join(
        db.scalars(
            text(
                "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) "
                f"{str(compiled).replace(':', chr(92) + ':')}"
            )
        )
    )


@pytest.mark.only("postgresql")
def test_every_public_list_is_read_from_an_index(db, twenty_thousand):
    author, category = twenty_thousand
    for narrowed in ({}, {"category": category.slug}, {"author": author.username}):
        for sort in SORTS:
            lines = plan(db, PostFilters(sort=sort, **narrowed))
            assert "Seq Scan on blog_posts" not in lines, (narrowed, sort, lines)
            if not narrowed or sort.endswith(
                "published_at"
            ):  # the other lists sort the posts of one author, not the whole table
                assert "Sort Key" not in lines, (narrowed, sort, lines)
            assert "actual rows=21" in lines.splitlines()[0]

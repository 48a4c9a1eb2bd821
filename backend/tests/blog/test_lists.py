"""Lists of posts are sorted and filtered, and their pages have no overlaps or gaps."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

MORNING = datetime(2026, 1, 1, tzinfo=UTC)
SORTS = ("-published_at", "published_at", "-created_at", "created_at", "title")


@pytest.fixture
def posts(db):
    """Seven posts. Pairs of them share a time, and pairs share a title.

    Only the id tells such posts apart.
    """
    author = make_user(username="ada")
    category = make_category(slug="space")
    for number in range(7):
        at = MORNING + timedelta(microseconds=number // 2)
        make_post(
            author,
            title=f"Title {(number * 3 % 7) // 2}",
            published_at=at,
            created_at=at + timedelta(days=number % 3),
            category_id=category.id if number % 2 else None,
            is_featured=number == 3,
        )
    return author


def ask(client, **query):
    answer = client.get("/blog/posts", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def by_cursor(client, **query):
    found: list[dict[str, object]] = []
    cursor: dict[str, str] = {}
    while True:
        page = ask(client, **query, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_is_total_and_equal_by_offset_and_by_cursor(client, posts, sort):
    whole = ask(client, sort=sort)["items"]
    name = sort.removeprefix("-")
    moment = str if name == "title" else datetime.fromisoformat
    expected = sorted(
        whole, key=lambda post: (moment(post[name]), post["id"]), reverse=sort.startswith("-")
    )
    assert whole == expected
    assert by_cursor(client, sort=sort, limit=2) == expected
    turned = [
        post
        for offset in range(0, 7, 2)
        for post in ask(client, sort=sort, limit=2, offset=offset)["items"]
    ]
    assert turned == expected


def test_the_newest_publication_comes_first_by_default(client, posts):
    assert ask(client)["items"] == ask(client, sort="-published_at")["items"]


def test_an_offset_page_counts_and_a_cursor_page_does_not(client, posts):
    first = ask(client, limit=3)
    assert {k: first[k] for k in ("total", "offset", "limit", "has_more")} == {
        "total": 7,
        "offset": 0,
        "limit": 3,
        "has_more": True,
    }
    second = ask(client, limit=3, cursor=first["next_cursor"])
    assert (second["total"], second["offset"], second["has_more"]) == (None, None, True)
    last = ask(client, limit=3, cursor=second["next_cursor"])
    assert (len(last["items"]), last["has_more"], last["next_cursor"]) == (1, False, None)


def test_a_page_behind_the_end_is_empty(client, posts):
    page = ask(client, offset=10_000)
    assert (page["items"], page["total"], page["has_more"], page["next_cursor"]) == (
        [],
        7,
        False,
        None,
    )


def test_cursor_pages_neither_repeat_nor_skip_as_posts_change(client, posts):
    first = ask(client, limit=3)
    make_post(posts)
    second = ask(client, limit=100, cursor=first["next_cursor"])
    ids = [post["id"] for post in first["items"] + second["items"]]
    assert len(ids) == len(set(ids)) == 7


def test_filters_narrow_the_list_and_combine(client, posts):
    other = make_post(make_user(username="eve"))
    assert ask(client, category="space")["total"] == 3
    assert [post["id"] for post in ask(client, author="eve")["items"]] == [other.id]
    assert ask(client, author="Eve")["total"] == 1
    assert ask(client, featured="true")["total"] == 1
    assert ask(client, featured="false")["total"] == 7
    assert ask(client, category="space", author="ada", featured="true")["total"] == 1
    assert ask(client, category="space", author="eve")["total"] == 0


@pytest.mark.parametrize("name", ["category", "author"])
@pytest.mark.parametrize(
    "value", ["' OR '1'='1", "%", "_pace", "spac%", "\\", '"', "space'--", "\u202e"]
)
def test_a_filter_is_compared_and_never_executed(client, posts, name, value):
    assert ask(client, **{name: value})["total"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "101"),
        ("limit", "9" * 5000),
        ("limit", "1e2"),
        ("offset", "-1"),
        ("offset", "10001"),
        ("offset", str(2**63)),
        ("offset", "NaN"),
        ("sort", "id"),
        ("sort", "-title"),
        ("sort", "title; DROP TABLE users"),
        ("featured", "maybe"),
        ("published_only", "2"),
        ("category", "x" * 121),
        ("author", "x" * 33),
        ("author", "\0"),
        ("cursor", "\0"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_parameter_out_of_bounds_is_refused(client, posts, name, value):
    answer = client.get("/blog/posts", params={name: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert [error["loc"] for error in answer.json()["errors"]] == [["query", name]]


@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("offset", [0, 10_000])
def test_the_bounds_themselves_are_served(client, posts, limit, offset):
    assert ask(client, limit=limit, offset=offset)["limit"] == limit


@pytest.fixture
def cursor(client, posts):
    return ask(client, limit=2)["next_cursor"]


def refused(client, cursor, **query):
    answer = client.get("/blog/posts", params={"cursor": cursor} | query)
    return (answer.status_code, answer.json().get("code")) == (422, "invalid_cursor")


def test_a_cursor_goes_on_with_another_limit(client, cursor):
    assert len(ask(client, cursor=cursor, limit=100)["items"]) == 5


def test_a_cursor_with_another_letter_anywhere_is_refused(client, cursor):
    for place, letter in enumerate(cursor):
        assert refused(
            client, cursor[:place] + ("A" if letter != "A" else "B") + cursor[place + 1 :]
        ), place


@pytest.mark.parametrize("other", ["x", "e30", "=" * 40, "\u00fc", "A" * 2000, "../.."])
def test_what_is_no_cursor_is_refused(client, posts, other):
    assert refused(client, other)


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "published_at"},
        {"sort": "title"},
        {"category": "space"},
        {"author": "ada"},
        {"published_only": "false"},
    ],
    ids=str,
)
def test_a_cursor_of_another_sort_or_filter_is_refused(client, cursor, query):
    assert refused(client, cursor, **query)


def test_a_cursor_of_another_viewer_is_refused(client, cursor, login):
    login(make_user())
    assert refused(client, cursor)
    mine = ask(client, limit=2)["next_cursor"]
    login(make_user())
    assert refused(client, mine)
    client.headers.pop("Authorization")
    assert refused(client, mine)


def test_a_cursor_of_the_longest_title_comes_back(client, db):
    author = make_user()
    for letter in "abc":
        make_post(author, title="\U0001f680" * 199 + letter)
    page = client.get("/blog/posts?sort=title&limit=2").json()
    following = client.get(
        "/blog/posts", params={"sort": "title", "limit": 2, "cursor": page["next_cursor"]}
    )
    assert following.status_code == 200
    assert len(following.json()["items"]) == 1


def test_a_list_with_empty_filters_is_the_whole_list(client, db):
    whole = client.get("/blog/posts").json()
    assert (
        client.get("/blog/posts?category=&featured=&limit=&cursor=&sort=&author=").json() == whole
    )

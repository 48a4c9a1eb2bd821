"""A search lists the most relevant posts first, in pages."""

from datetime import UTC, datetime, timedelta

import pytest

from app.db import totals
from app.db.search import ranking
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

MORNING = datetime(2026, 1, 1, tzinfo=UTC)
WEAK = "one two three four five six seven eight nine"


@pytest.fixture
def author(committed):
    return make_user(username="ada")


def ask(client, **query):
    answer = client.get("/blog/posts", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def titles(page):
    return [post["title"] for post in page["items"]]


def test_a_match_in_the_title_comes_first(client, author):
    make_post(author, title="Lighthouse", content=WEAK, published_at=MORNING)
    make_post(author, title="Often", content="lighthouse " * 30)
    make_post(author, title="Once", content=f"{WEAK} lighthouse {WEAK}")
    found = ask(client, q="lighthouse")
    assert titles(found) == ["Lighthouse", "Often", "Once"]
    assert ask(client, q="lighthouse", sort="relevance") == found
    assert titles(ask(client, q="lighthouse", sort="title")) == ["Lighthouse", "Often", "Once"]
    assert titles(ask(client, q="lighthouse", sort="published_at"))[0] == "Lighthouse"


def test_among_equal_posts_the_newest_comes_first(client, author):
    for number in range(5):
        at = MORNING + timedelta(days=number // 2)
        make_post(author, title=f"Beacon {number}", content=WEAK, published_at=at)
    newest_first = [f"Beacon {number}" for number in (4, 3, 2, 1, 0)]
    assert titles(ask(client, q="beacon")) == newest_first
    pages = [ask(client, q="beacon", limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [titles(page) for page in pages] == [
        newest_first[0:2],
        newest_first[2:4],
        ["Beacon 0"],
        [],
    ]
    assert {page["total"] for page in pages} == {5}
    assert [page["has_more"] for page in pages] == [True, True, False, False]
    by_cursor = ask(client, q="beacon", limit=2, cursor=pages[0]["next_cursor"])
    assert titles(by_cursor) == newest_first[2:4]
    assert (by_cursor["total"], by_cursor["offset"]) == (None, None)


@pytest.mark.parametrize("plan", ranking.Plan)
def test_only_the_newest_hits_are_ranked_and_counted(client, author, monkeypatch, plan):
    """The older post would be the most relevant, but it is not among the newest hits.

    Every plan gives the same result.
    """
    monkeypatch.setattr(ranking, "MOST", 3)
    monkeypatch.setattr(totals, "EXACT", 3)
    monkeypatch.setattr(ranking, "plan_for", lambda *_: (plan, 4))
    make_post(author, title="Buoy", content="buoy", published_at=MORNING)
    for number in range(3):
        make_post(author, title=f"Post {number}", content="A buoy")
    found = ask(client, q="buoy")
    assert titles(found) == ["Post 2", "Post 1", "Post 0"]
    assert (found["total"], found["has_more"], found["next_cursor"]) == (None, False, None)
    assert ask(client, q="buoy", offset=3)["items"] == []
    assert ask(client, q='"a buoy"')["total"] == 3
    by_date = ask(client, q="buoy", sort="published_at")
    assert (len(by_date["items"]), by_date["total"]) == (4, 4)
    first = ask(client, q="buoy", sort="published_at", limit=1)
    assert (first["total"], first["has_more"]) == (None, True)


@pytest.mark.only("postgresql")
@pytest.mark.parametrize("plan", ranking.Plan)
def test_if_some_rows_have_too_few_hits_the_others_are_read(client, author, monkeypatch, plan):
    monkeypatch.setattr(ranking, "plan_for", lambda *_: (plan, 2))
    for number in range(4):
        make_post(author, title=f"Mole {number}", published_at=MORNING + timedelta(number))
    assert ask(client, q="mole")["total"] == 4


@pytest.mark.parametrize(
    ("hits", "plan", "newest"),
    [
        (10, "index", 125_000_000),
        (5_000, "index", 250_000),
        (10_000, "both", 125_000),
        (20_000, "both", 62_500),
        (40_000, "order", 31_250),
        (200_000, "order", 6_250),
        (1_000_000, "order", 1_250),
    ],
)
def test_the_plan_depends_on_how_common_the_words_are(hits, plan, newest):
    assert ranking.cheapest(hits, 1_000_000) == (plan, newest)


def test_a_search_combines_with_filters_and_visibility(client, author, login):
    category = make_category(slug="sea")
    make_post(author, title="Harbour A", category_id=category.id, is_featured=True)
    make_post(author, title="Harbour B")
    make_post(author, title="Harbour draft", is_published=False, published_at=None)
    make_post(make_user(username="bob"), title="Harbour of Bob")
    make_post(author, title="Harbour later", published_at=MORNING + timedelta(days=100_000))
    public = {"Harbour A", "Harbour B", "Harbour of Bob"}
    for sort in ("relevance", "-published_at"):
        assert set(titles(ask(client, q="harbour", sort=sort))) == public
        for query, expected in (
            ({"category": "sea"}, {"Harbour A"}),
            ({"featured": "true"}, {"Harbour A"}),
            ({"author": "bob"}, {"Harbour of Bob"}),
            ({"published_only": "false"}, public),
        ):
            assert set(titles(ask(client, q="harbour", sort=sort, **query))) == expected
    login(author)
    mine = ask(client, q="harbour", published_only="false")
    assert set(titles(mine)) == public | {"Harbour draft", "Harbour later"}


@pytest.mark.parametrize(
    ("query", "name", "kind"),
    [
        ({"sort": "relevance"}, "sort", "relevance_without_q"),
        ({"sort": "relevance", "q": ""}, "sort", "relevance_without_q"),
        ({"q": "x" * 201}, "q", "string_too_long"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(client, db, query, name, kind):
    answer = client.get("/blog/posts", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert [(e["loc"], e["type"]) for e in answer.json()["errors"]] == [(["query", name], kind)]


def test_a_cursor_belongs_to_its_search(client, author):
    for number in range(3):
        make_post(author, title=f"Quay {number}")
    cursor = ask(client, q="quay", limit=1)["next_cursor"]
    for query in ({"q": "other"}, {"q": "quay", "sort": "title"}, {}):
        answer = client.get("/blog/posts", params={"cursor": cursor, **query})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


def test_a_search_takes_few_statements(client, author, statements):
    make_post(author, title="Pier")
    statements.clear()
    assert titles(ask(client, q="pier")) == ["Pier"]
    read = [one for one in statements if one.startswith(("SELECT", "EXPLAIN"))]
    assert len(read) <= 3

"""A generated slug gets a number if the slug is taken. A requested slug is refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.db.slugs import first_free
from app.routers.blog.models import BlogPost
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

POST = {"title": "First light", "content": "Hello"}


@pytest.fixture
def slug_of(client, login, db):
    login(make_user())

    def slug(title):
        answer = client.post("/blog/posts", json=POST | {"title": title})
        assert answer.status_code == 201, answer.text
        return answer.json()["slug"]

    return slug


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("First light", "first-light"),
        ("  10% off -- today only!  ", "10-off-today-only"),
        ("Crème brûlée für Łukasz", "creme-brulee-fur-lukasz"),
        ("Привет, мир", "privet-mir"),
        ("\u4e2d\u6587", "zhong-wen"),
        ("\U0001f511\U0001f511", "post"),
        ("!!!", "post"),
        ("Admin", "post"),
        ("../../etc/passwd", "etc-passwd"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
    ],
)
def test_a_title_of_any_script_makes_a_slug(slug_of, title, slug):
    assert slug_of(title) == slug


def test_a_long_title_is_cut_at_a_word_with_room_for_a_number(slug_of):
    slugs = [slug_of("word " * 39 + "end") for _ in range(3)]
    assert slugs[0].startswith("word-word")
    assert slugs == [slugs[0], f"{slugs[0]}-2", f"{slugs[0]}-3"]
    assert max(map(len, slugs)) <= 120


def test_a_generated_slug_gets_the_next_free_number(slug_of):
    author = make_user()
    for taken in ("first-light", "first-light-3", "first-lighthouse"):
        make_post(author, slug=taken)
    assert [slug_of("First light") for _ in range(3)] == [
        "first-light-2",
        "first-light-4",
        "first-light-5",
    ]


def test_a_requested_slug_that_is_taken_is_a_conflict(client, db, login):
    author = login(make_user())
    mine, _ = make_post(author, slug="mine"), make_post(author, slug="taken")
    for answer in (
        client.post("/blog/posts", json=POST | {"slug": "taken"}),
        client.post("/blog/posts", json=POST | {"slug": "TAKEN"}),
        client.put(f"/blog/posts/{mine.id}", json={"slug": "taken"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "slug_taken")
    assert db.scalars(select(BlogPost.slug).order_by(BlogPost.slug)).all() == ["mine", "taken"]


def test_the_slug_of_an_invisible_draft_is_taken_too(client, db, login):
    make_post(make_user(), slug="secret", is_published=False, published_at=None)
    login(make_user())
    assert client.post("/blog/posts", json=POST | {"slug": "secret"}).status_code == 409


@pytest.mark.parametrize("sent", ["First-Light", "\uff46irst-light", " first-light "])
def test_a_slug_is_kept_in_its_one_form(client, db, login, sent):
    login(make_user())
    assert client.post("/blog/posts", json=POST | {"slug": sent}).json()["slug"] == "first-light"


@pytest.mark.parametrize(
    "slug",
    ["", "a b", "-a", "a--b", "a_b", "\u00fc", "a/b", "x" * 121, "admin", "ADMIN", "null", "a\n"],
)
@pytest.mark.parametrize("path", ["/blog/posts", "/blog/categories"])
def test_an_invalid_or_reserved_slug_is_refused(client, db, login, slug, path):
    login(make_user(is_superuser=True))
    body = POST if path == "/blog/posts" else {"name": "One"}
    answer = client.post(path, json=body | {"slug": slug})
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["errors"]] == [["body", "slug"]]


@pytest.mark.parametrize("slug", ["%25", "' OR 1=1 --", "_", "\\"])
def test_a_slug_with_a_word_of_sql_finds_nothing(client, db, slug):
    make_category()
    assert client.get(f"/blog/posts/slug/{slug}").status_code == 404
    assert client.get(f"/blog/categories/slug/{slug}").status_code == 404


def test_an_old_title_keeps_its_slug(client, db, login):
    post = make_post(login(make_user()))
    assert (
        client.put(f"/blog/posts/{post.id}", json={"title": "Quite another"}).json()["slug"]
        == post.slug
    )


def test_a_slug_is_made_again_where_an_update_has_null(client, db, login):
    """The new slug gets a number if another post has it, but not if only this post has
    it.
    """
    author = login(make_user())
    post = make_post(author, slug="old")
    for taken in ("c", "c-3"):
        make_post(author, slug=taken)
    path = f"/blog/posts/{post.id}"
    for body in ({"title": "C++", "slug": None}, {"slug": None}, {"title": "C#", "slug": None}):
        assert client.put(path, json=body).json()["slug"] == "c-2"
    assert client.put(path, json={"title": "C"}).json()["slug"] == "c-2"
    answer = client.post("/blog/posts", json=POST | {"title": "C", "slug": None})
    assert answer.json()["slug"] == "c-4"


def test_4_updates_at_once_that_want_a_slug_from_one_title_get_4(client, committed, login):
    author = login(make_user())
    ids = [make_post(author, title="First light").id for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda number: client.put(f"/blog/posts/{number}", json={"slug": None}), ids)
        )
    assert {answer.status_code for answer in answers} == {200}
    slugs = sorted(answer.json()["slug"] for answer in answers)
    assert slugs == ["first-light", "first-light-2", "first-light-3", "first-light-4"]


def test_20_posts_with_one_title_at_once_get_20_slugs(client, committed, login):
    login(make_user())
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: client.post("/blog/posts", json=POST), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    slugs = {answer.json()["slug"] for answer in answers}
    assert slugs == {"first-light", *(f"first-light-{number}" for number in range(2, 21))}


def test_of_20_posts_with_one_wanted_slug_at_once_one_gets_it(client, committed, login):
    login(make_user())
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda _: client.post("/blog/posts", json=POST | {"slug": "mine"}), range(20))
        )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


def test_a_slug_is_found_behind_many_taken_ones(client, db, login, statements):
    """Slugs are looked up in blocks, however many slugs begin with the same text."""
    author = login(make_user())
    make_post(author, slug="launch")
    for number in range(2, 105):
        make_post(author, slug=f"launch-{number}")
    statements.clear()
    assert (
        client.post("/blog/posts", json={"title": "Launch", "content": "x"}).json()["slug"]
        == "launch-105"
    )
    assert len(statements) < 15


@pytest.mark.parametrize("taken", [5, 150, 5_000, 100_000])
def test_a_handful_of_questions_finds_the_next_number(taken):
    """R19: if a hundred thousand posts have one title, creating another does not query
    each of them.
    """
    asked = []

    def those_taken(numbers):
        asked.append(list(numbers))
        return {number for number in asked[-1] if number <= taken}

    assert first_free(those_taken) == taken + 1
    assert len(asked) <= 6
    assert max(map(len, asked)) <= 100


@given(st.sets(st.integers(1, 400)))
def test_the_number_before_a_free_one_is_taken(taken):
    number = first_free(taken.intersection)
    assert number not in taken
    assert number == 1 or number - 1 in taken


def test_a_slug_is_found_though_every_number_tried_was_taken():
    assert len(str(first_free(set))) <= 11

"""Authors write posts, and everyone reads them."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.blog.models import BlogPost
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

POST = {"title": "First light", "content": "Hello *world*", "is_published": True}
SUMMARY = {
    "id",
    "title",
    "slug",
    "excerpt",
    "reading_minutes",
    "is_published",
    "is_featured",
    "created_at",
    "updated_at",
    "published_at",
    "author",
    "category",
}


def row(post):
    with SessionLocal() as db:
        return db.execute(select(BlogPost.__table__).where(BlogPost.id == post.id)).one_or_none()


@pytest.mark.parametrize("field", ["title", "content"])
def test_a_post_of_nothing_but_space_is_refused(client, db, login, field):
    login(make_user())
    answer = client.post("/blog/posts", json=POST | {field: " \n\t\u3000 "})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", field]


def test_a_post_is_written_and_read(client, db, login):
    login(make_user())
    created = client.post("/blog/posts", json=POST)
    assert created.status_code == 201
    assert set(created.json()) == SUMMARY | {"content", "content_html"}
    assert client.get(created.headers["Location"]).json() == created.json()
    assert client.get(f"/blog/posts/slug/{created.json()['slug']}").json() == created.json()


def test_a_list_leaves_the_content_out(client, db):
    make_post(make_user())
    (item,) = client.get("/blog/posts").json()["items"]
    assert set(item) == SUMMARY
    assert set(item["author"]) == {"id", "username"}


def test_the_author_is_who_asks_and_the_category_comes_along(client, db, login):
    category, user = make_category(), login(make_user())
    post = client.post("/blog/posts", json=POST | {"category_id": category.id}).json()
    assert post["author"] == {"id": user.id, "username": user.username}
    assert post["category"] == {"id": category.id, "name": category.name, "slug": category.slug}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_post_that_is_not_there_is_not_found(client, db, login, method):
    login(make_user())
    answer = client.request(method, "/blog/posts/12345", json={} if method == "PUT" else None)
    assert (answer.status_code, answer.json()["code"]) == (404, "post_not_found")


@pytest.mark.parametrize(
    "post_id", ["0", "-1", "one", str(2**63), "9" * 400, "1.5", "%00", "1%00", "\u0661"]
)
def test_an_id_that_no_post_can_have_is_refused(client, db, post_id):
    answer = client.get(f"/blog/posts/{post_id}")
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PUT", "/1"), ("DELETE", "/1")])
def test_the_public_writes_nothing(client, db, method, path):
    answer = client.request(method, f"/blog/posts{path}", json=None if method == "DELETE" else POST)
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "body"), [("PUT", {"title": "Mine"}), ("DELETE", None)])
def test_anothers_post_is_forbidden_and_unchanged(client, db, login, method, body):
    post = make_post(make_user())
    before = row(post)
    login(make_user())
    answer = client.request(method, f"/blog/posts/{post.id}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_the_author")
    assert row(post) == before


def test_a_superuser_edits_and_deletes_any_post(client, db, login):
    author = make_user()
    post = make_post(author)
    login(make_user(is_superuser=True))
    edited = client.put(f"/blog/posts/{post.id}", json={"title": "Corrected"})
    assert (edited.json()["title"], edited.json()["author"]["id"]) == ("Corrected", author.id)
    assert client.delete(f"/blog/posts/{post.id}").status_code == 204
    assert row(post) is None


def test_an_author_deletes_a_post(client, db, login):
    post = make_post(login(make_user()))
    assert client.delete(f"/blog/posts/{post.id}").status_code == 204
    assert client.get(f"/blog/posts/{post.id}").status_code == 404
    assert client.delete(f"/blog/posts/{post.id}").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "Other"),
        ("content", "Other"),
        ("slug", "other"),
        ("excerpt", "Other"),
        ("excerpt", ""),
        ("is_published", False),
    ],
)
def test_an_update_changes_what_it_names_and_nothing_else(client, db, login, field, value):
    category, user = make_category(), login(make_user())
    post = make_post(user, category_id=category.id)
    before = client.get(f"/blog/posts/{post.id}").json()
    changed = client.put(f"/blog/posts/{post.id}", json={field: value})
    after = changed.json()
    made = {"content_html": "<p>Other</p>\n"} if field == "content" else {}
    assert after == before | {field: value, "updated_at": after["updated_at"]} | made
    assert after["updated_at"] > before["updated_at"]
    read = client.get(f"/blog/posts/{post.id}")
    assert (read.content, read.headers["ETag"]) == (changed.content, changed.headers["ETag"])


def test_only_the_category_may_be_set_to_null(client, db, login):
    user = login(make_user())
    post = make_post(user, category_id=make_category().id)
    assert (
        client.put(f"/blog/posts/{post.id}", json={"category_id": None}).json()["category"] is None
    )
    for field in ("title", "content", "excerpt", "is_published", "is_featured"):
        assert client.put(f"/blog/posts/{post.id}", json={field: None}).status_code == 422, field


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "author_id",
        "author",
        "created_at",
        "published_at",
        "content_html",
        "is_superuser",
        "Title",
    ],
)
def test_a_field_the_caller_may_not_set_is_refused(client, db, login, field):
    post = make_post(login(make_user()))
    before = row(post)
    for answer in (
        client.post("/blog/posts", json=POST | {field: 1}),
        client.put(f"/blog/posts/{post.id}", json={"title": "Other", field: 1}),
    ):
        assert answer.status_code == 422
    assert row(post) == before
    assert db.scalar(select(func.count(BlogPost.id))) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "   "),
        *(("title", f"a{sign}b") for sign in "\n\t\x1b\x85\u2028\u202e\u2066"),
        *(("title", text) for text in ("\u200b", "\u2800", "\u202egnp.exe")),
        ("title", "x" * 201),
        ("content", ""),
        ("content", "x" * 200_001),
        ("excerpt", "x" * 501),
        ("category_id", 0),
        ("category_id", 2**63),
        ("category_id", True),
        ("category_id", "1"),
        ("category_id", 1.0),
        ("is_published", "maybe"),
        ("is_published", 1),
        ("is_featured", "false"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_value_out_of_bounds_is_refused(client, db, login, field, value):
    login(make_user())
    answer = client.post("/blog/posts", json=POST | {field: value})
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["errors"]] == [["body", field]]


def test_the_longest_texts_in_any_script_are_kept_whole(client, db, login):
    login(make_user())
    longest = {
        "title": "\U0001f4dc" * 200,
        "content": "\u4e2d" * 200_000,
        "excerpt": "\U0001f511" * 500,
    }
    created = client.post("/blog/posts", json=longest)
    assert created.status_code == 201
    assert longest.items() <= client.get(created.headers["Location"]).json().items()


@pytest.mark.parametrize("category_id", [12345, 2**63 - 1])
def test_an_unknown_category_is_refused_on_create_and_update(client, db, login, category_id):
    post = make_post(login(make_user()))
    for answer in (
        client.post("/blog/posts", json=POST | {"category_id": category_id}),
        client.put(f"/blog/posts/{post.id}", json={"category_id": category_id}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "category_unknown")


def test_the_first_publication_sets_the_time_for_good(client, db, login, clock):
    login(make_user())
    draft = client.post("/blog/posts", json=POST | {"is_published": False}).json()
    assert draft["published_at"] is None
    path = f"/blog/posts/{draft['id']}"
    clock.shift(60)
    first = client.put(path, json={"is_published": True}).json()["published_at"]
    assert abs(datetime.fromisoformat(first) - utc_now()) < timedelta(seconds=30)
    clock.shift(60)
    assert client.put(path, json={"title": "Other"}).json()["published_at"] == first
    hidden = client.put(path, json={"is_published": False}).json()
    assert (hidden["is_published"], hidden["published_at"]) == (False, first)
    assert client.put(path, json={"is_published": True}).json()["published_at"] == first


def test_an_unpublished_post_is_a_draft_and_hidden(client, db, login):
    post = make_post(login(make_user()))
    assert client.put(f"/blog/posts/{post.id}", json={"is_published": False}).status_code == 200
    assert client.get(f"/blog/posts/{post.id}").status_code == 200
    client.headers.pop("Authorization")
    assert client.get(f"/blog/posts/{post.id}").status_code == 404


def test_only_superusers_feature_a_post_but_its_author_may_undo(client, db, login):
    author = login(make_user())
    post = make_post(author)
    path = f"/blog/posts/{post.id}"
    for answer in (
        client.post("/blog/posts", json=POST | {"is_featured": True}),
        client.put(path, json={"is_featured": True}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "superuser_only")
    assert db.scalar(select(func.count(BlogPost.id)).where(BlogPost.is_featured)) == 0
    login(make_user(is_superuser=True))
    assert client.put(path, json={"is_featured": True}).json()["is_featured"] is True
    login(author)
    assert client.put(path, json={"title": "Other", "is_featured": True}).status_code == 200
    assert client.put(path, json={"is_featured": False}).json()["is_featured"] is False


def test_a_write_passes_only_under_the_current_etag(client, db, login):
    path = f"/blog/posts/{make_post(login(make_user())).id}"
    read = client.get(path)
    etag = read.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    changed = client.put(path, json={"title": "One"}, headers={"If-Match": etag})
    assert changed.status_code == 200
    stale = client.put(path, json={"title": "Two"}, headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert client.get(path).json() == changed.json()
    current = client.get(path).headers["ETag"]
    for header in (current, "*", f'"other", {current}'):
        assert client.put(path, json={}, headers={"If-Match": header}).status_code == 200, header


def test_a_post_sent_twice_with_one_key_is_written_once(client, db, login):
    login(make_user())
    first, second = (
        client.post("/blog/posts", json=POST, headers={"Idempotency-Key": "once"}) for _ in range(2)
    )
    assert (first.status_code, second.status_code, second.content) == (201, 201, first.content)
    assert second.headers["Location"] == first.headers["Location"]
    assert db.scalar(select(func.count(BlogPost.id))) == 1

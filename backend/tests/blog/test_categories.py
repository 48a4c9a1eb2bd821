"""Everyone can read categories, and superusers manage them."""

import pytest
from sqlalchemy import select

from app.routers.blog.models import BlogCategory, BlogPost
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

CATEGORY = {"name": "Deep space", "description": "Far away"}


@pytest.fixture
def chief(client, db, login):
    return login(make_user(is_superuser=True))


def test_a_category_is_made_and_read(client, chief):
    made = client.post("/blog/categories", json=CATEGORY)
    assert made.status_code == 201
    more = {"slug": "deep-space", "is_active": True, "post_count": 0}
    expected = CATEGORY | more | {"id": made.json()["id"]}
    assert made.json() == expected
    client.headers.pop("Authorization")
    assert made.headers["Location"] == f"/blog/categories/{expected['id']}"
    for path in (made.headers["Location"], "/blog/categories/slug/deep-space"):
        assert client.get(path).json() == expected
    assert client.get("/blog/categories").json() == [expected]


def test_categories_stand_by_name(client, db):
    for name in ("Beta", "Alpha", "Gamma"):
        make_category(name=name)
    assert [category["name"] for category in client.get("/blog/categories").json()] == [
        "Alpha",
        "Beta",
        "Gamma",
    ]


@pytest.mark.parametrize("who", ["public", "user", "disabled superuser"])
def test_only_a_superuser_changes_categories(client, db, login, who):
    category = make_category()
    if who != "public":
        login(make_user())
    expected = 401 if who == "public" else 403
    if who == "disabled superuser":
        login(make_user(is_superuser=True, is_active=False))
        expected = 401
    for method, path, body in (
        ("POST", "", CATEGORY),
        ("PUT", f"/{category.id}", CATEGORY),
        ("DELETE", f"/{category.id}", None),
        ("DELETE", "/12345", None),
    ):
        assert client.request(method, f"/blog/categories{path}", json=body).status_code == expected
    assert db.scalars(select(BlogCategory.name)).all() == [category.name]


def test_an_update_changes_what_it_names_and_nothing_else(client, chief):
    category = make_category(description="Old")
    path = f"/blog/categories/{category.id}"
    for field, value in (
        ("name", "Other"),
        ("slug", "other"),
        ("description", "New"),
        ("description", ""),
    ):
        before = client.put(path, json={}).json()
        assert client.put(path, json={field: value}).json() == before | {field: value}
    assert client.get("/blog/categories/slug/other").json()["name"] == "Other"


@pytest.mark.parametrize(
    "names",
    [("C++", "C#", "C"), ("\U0001f680", "\U0001f31f", "\U0001f389"), ("Admin", "admin!", "ADMIN")],
)
def test_slugs_made_from_names_give_way(client, chief, names):
    """A slug made from a name gets a number if another category has that slug.

    An update with `null` as the slug also asks for a slug made from the name.
    """
    made = [client.post("/blog/categories", json={"name": name}) for name in names[:2]]
    assert [answer.status_code for answer in made] == [201, 201]
    first = made[0].json()["slug"]
    assert made[1].json()["slug"] == f"{first}-2"
    path = f"/blog/categories/{make_category().id}"
    for change in ({"name": names[2], "slug": None}, {"slug": None}):
        renamed = client.put(path, json=change)
        assert (renamed.status_code, renamed.json()["name"], renamed.json()["slug"]) == (
            200,
            names[2],
            f"{first}-3",
        )
    assert client.put(path, json={"slug": f"{first}-2"}).json()["code"] == "slug_taken"


@pytest.mark.parametrize(
    "body",
    [
        {"name": None},
        {"slug": ""},
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\nb"},
        {"name": "\u202ea"},
        {"name": "\u200b"},
        {"post_count": 7},
        {"id": 1},
    ],
)
def test_a_bad_update_is_refused_and_changes_nothing(client, chief, db, body):
    category = make_category()
    assert client.put(f"/blog/categories/{category.id}", json=body).status_code == 422
    assert client.post("/blog/categories", json=CATEGORY | body).status_code == 422
    assert db.scalars(select(BlogCategory.name)).all() == [category.name]


@pytest.mark.parametrize(("field", "code"), [("name", "name_taken"), ("slug", "slug_taken")])
def test_a_taken_name_or_slug_is_a_conflict(client, chief, field, code):
    taken, other = make_category(name="Near space"), make_category()
    value = {field: getattr(taken, field)}
    for answer in (
        client.post("/blog/categories", json=CATEGORY | value),
        client.put(f"/blog/categories/{other.id}", json=value),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, code)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "slug/none"), ("GET", "12345"), ("PUT", "12345"), ("DELETE", "12345")],
)
def test_a_category_that_is_not_there_is_not_found(client, chief, method, path):
    answer = client.request(
        method, f"/blog/categories/{path}", json={} if method == "PUT" else None
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "category_not_found")


def test_a_deleted_category_leaves_its_posts_without_one(client, chief, db):
    category = make_category()
    post = make_post(chief, category_id=category.id)
    assert client.delete(f"/blog/categories/{category.id}").status_code == 204
    assert client.get(f"/blog/posts/{post.id}").json()["category"] is None
    assert db.execute(select(BlogPost.id, BlogPost.category_id)).all() == [(post.id, None)]


def test_a_write_under_an_old_etag_is_refused(client, chief):
    category = make_category()
    etag = client.get(f"/blog/categories/slug/{category.slug}").headers["ETag"]
    path = f"/blog/categories/{category.id}"
    assert client.put(path, json={"name": "One"}, headers={"If-Match": etag}).status_code == 200
    stale = client.put(path, json={"name": "Two"}, headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert client.get(f"/blog/categories/slug/{category.slug}").json()["name"] == "One"


def test_a_reader_who_has_the_list_is_told_so(client, db):
    make_category()
    etag = client.get("/blog/categories").headers["ETag"]
    assert client.get("/blog/categories", headers={"If-None-Match": etag}).status_code == 304
    make_category()
    assert client.get("/blog/categories", headers={"If-None-Match": etag}).status_code == 200


def test_a_category_sent_twice_with_one_key_is_made_once(client, chief, db):
    key = {"Idempotency-Key": "once"}
    first, second = (client.post("/blog/categories", json=CATEGORY, headers=key) for _ in range(2))
    assert (first.status_code, second.content) == (201, first.content)
    assert len(db.scalars(select(BlogCategory.id)).all()) == 1

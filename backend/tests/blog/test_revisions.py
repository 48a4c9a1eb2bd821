"""Every change to a post's text keeps the previous text."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from app.routers.blog.content.history import KEPT
from app.routers.blog.models import BlogPost, BlogRevision
from tests.auth.factories import PASSWORD, make_user
from tests.auth.steps import bearer, sign_in
from tests.blog.factories import make_post

POST = {"title": "One", "content": "first\nline", "excerpt": "About", "is_published": True}


@pytest.fixture
def author(login, db):
    return login(make_user())


@pytest.fixture
def post(client, author):
    return client.post("/blog/posts", json=POST).json()


@pytest.fixture
def path(post):
    return f"/blog/posts/{post['id']}"


def listed(client, path, **query):
    answer = client.get(f"{path}/revisions", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(page):
    return [item["id"] for item in page["items"]]


def test_a_post_that_was_never_changed_has_one_revision(client, author, post, path, db):
    page = listed(client, path)
    editor = {"id": author.id, "username": author.username}
    shown = {"id": 1, "created_at": post["created_at"], "editor": editor, "title": "One"}
    assert (page["items"], page["total"], page["has_more"]) == ([shown], 1, False)
    assert listed(client, path, offset=1) | {"items": [], "total": 1} == listed(
        client, path, offset=1
    )
    whole = client.get(f"{path}/revisions/1").json()
    assert whole == shown | {"content": POST["content"], "excerpt": "About"}
    assert client.get(f"{path}/revisions/2").json()["code"] == "revision_not_found"
    assert db.scalar(select(func.count()).select_from(BlogRevision)) == 0


def test_the_first_change_keeps_the_first_state(client, author, post, path):
    before = client.get(f"{path}/revisions/1").json()
    changed = client.put(path, json={"title": "Two", "content": "second"}).json()
    page = listed(client, path)
    assert [item["title"] for item in page["items"]] == ["Two", "One"]
    assert (ids(page), page["total"]) == ([2, 1], 2)
    assert client.get(f"{path}/revisions/1").json() == before
    newest = client.get(f"{path}/revisions/2").json()
    assert (newest["content"], newest["excerpt"]) == ("second", "About")
    assert newest["created_at"] == changed["updated_at"]


def test_a_change_of_anything_else_makes_no_revision(client, path):
    for body in (
        {"is_published": False},
        {"slug": "other"},
        {"title": "One", "content": "first\nline", "excerpt": "About"},
        {},
    ):
        assert client.put(path, json=body).status_code == 200
    assert ids(listed(client, path)) == [1]
    for number, field in enumerate(("title", "content", "excerpt"), start=2):
        client.put(path, json={field: "Changed"})
        assert ids(listed(client, path)) == list(range(number, 0, -1))


def test_a_revision_names_its_own_editor(client, author, login, path):
    admin = login(make_user(is_superuser=True))
    client.put(path, json={"title": "Two"})
    editors = [item["editor"]["username"] for item in listed(client, path)["items"]]
    assert editors == [admin.username, author.username]


def test_a_restored_state_is_a_new_revision(client, post, path):
    client.put(path, json={"title": "Two", "content": "# second", "excerpt": "x", "slug": "two"})
    restored = client.post(f"{path}/revisions/1/restore")
    assert restored.status_code == 200
    shown = restored.json()
    for field in ("title", "content", "content_html", "excerpt"):
        assert shown[field] == post[field]
    assert shown["slug"] == "two"
    assert client.get(path).json() == shown
    page = listed(client, path)
    assert [(item["id"], item["title"]) for item in page["items"]] == [
        (3, "One"),
        (2, "Two"),
        (1, "One"),
    ]
    again = client.post(f"{path}/revisions/3/restore")  # this revision is the current state
    assert (again.status_code, ids(listed(client, path))) == (200, [3, 2, 1])
    assert client.post(f"{path}/revisions/4/restore").json()["code"] == "revision_not_found"


def test_revisions_are_compared_line_by_line(client, path):
    client.put(path, json={"content": "first\nnew\nline", "title": "Two"})
    client.put(path, json={"content": "first\nline\nlast"})
    latest = client.get(f"{path}/revisions/3/diff").json()
    assert latest == {
        "revision_id": 3,
        "against_id": 2,
        "title": None,
        "excerpt": None,
        "content": [
            {"line": 2, "before": ["new"], "after": []},
            {"line": 4, "before": [], "after": ["last"]},
        ],
    }
    back = client.get(f"{path}/revisions/1/diff?against=2").json()
    assert back["title"] == {"before": "Two", "after": "One"}
    assert back["content"] == [{"line": 2, "before": ["new"], "after": []}]
    first = client.get(f"{path}/revisions/1/diff").json()
    assert (first["against_id"], first["title"]) == (None, {"before": "", "after": "One"})
    assert first["content"] == [{"line": 1, "before": [], "after": ["first", "line"]}]
    assert client.get(f"{path}/revisions/1/diff?against=9").status_code == 404
    assert client.get(f"{path}/revisions/1/diff?against=1").json()["content"] == []


@pytest.mark.parametrize("visible", [True, False])
def test_only_the_author_and_superusers_see_revisions(client, login, path, visible, db):
    client.put(path, json={"title": "Two", "is_published": visible})
    ways = [
        ("GET", f"{path}/revisions"),
        ("GET", f"{path}/revisions/1"),
        ("GET", f"{path}/revisions/2/diff"),
        ("POST", f"{path}/revisions/1/restore"),
    ]
    login(make_user())
    for method, way in ways:
        answer = client.request(method, way)
        assert (answer.status_code, answer.json()["code"]) == (404, "post_not_found"), way
    client.headers.pop("Authorization")
    assert [client.request(*way).status_code for way in ways] == [401] * 4
    login(make_user(is_superuser=True))
    assert [client.request(*way).status_code for way in ways] == [200] * 4


def test_an_unverified_author_may_read_but_not_restore(client, author, path, db):
    client.put(path, json={"title": "Two"})
    author.is_verified = False
    db.merge(author)
    db.commit()
    assert ids(listed(client, path)) == [2, 1]
    refused = client.post(f"{path}/revisions/1/restore")
    assert (refused.status_code, refused.json()["code"]) == (403, "email_not_verified")


def test_the_oldest_revisions_are_deleted(client, path, post, db):
    row = db.get(BlogPost, post["id"])
    client.put(path, json={"title": "2"})
    row.last_revision = KEPT - 1
    db.commit()
    for number in range(KEPT, KEPT + 3):
        client.put(path, json={"title": str(number)})
    page = listed(client, path)
    assert ids(page) == [KEPT + 2, KEPT + 1, KEPT]
    assert page["items"][-1]["title"] == str(KEPT)


def test_revisions_have_pages(client, path):
    for number in range(2, 6):
        client.put(path, json={"title": str(number)})
    first = listed(client, path, limit=2)
    assert (ids(first), first["total"]) == ([5, 4], 5)
    rest = listed(client, path, limit=3, cursor=first["next_cursor"])
    assert ids(rest) == [3, 2, 1]


def test_a_deleted_account_leaves_its_revisions_without_a_name(client, db, login):
    editor, author = make_user(is_superuser=True), make_user()
    post = make_post(author)
    mine = bearer(sign_in(client, editor).json())
    assert client.put(f"/blog/posts/{post.id}", json={"title": "Two"}, headers=mine).is_success
    gone = client.post("/auth/delete-account", json={"password": PASSWORD}, headers=mine)
    assert gone.status_code == 204
    login(author)
    newest, oldest = listed(client, f"/blog/posts/{post.id}")["items"]
    assert newest["editor"]["username"].startswith("deleted-")
    assert oldest["editor"]["username"] == author.username


def test_revisions_go_with_their_post(client, path, db):
    client.put(path, json={"title": "Two"})
    assert client.delete(path).status_code == 204
    assert db.scalar(select(func.count()).select_from(BlogRevision)) == 0


def test_changes_at_once_get_numbers_of_their_own(client, committed, login):
    """The first state is stored once, whichever change comes first."""
    post = make_post(login(make_user()), title="0")
    path = f"/blog/posts/{post.id}"
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: client.put(path, json={"title": str(n)}), range(1, 9)))
    assert {answer.status_code for answer in answers} == {200}
    page = listed(client, path)
    assert ids(page) == list(range(9, 0, -1))
    assert page["items"][-1]["title"] == "0"
    assert sorted(item["title"] for item in page["items"]) == list("012345678")
    assert page["items"][0]["title"] == client.get(path).json()["title"]

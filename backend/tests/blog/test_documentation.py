"""The OpenAPI document describes the blog's routes, and how long their responses may be
kept.
"""

from app import main
from tests.auth.factories import make_user
from tests.blog.factories import make_post


def documented(path, method):
    return {
        code
        for answer in main.app.openapi()["paths"][path][method]["responses"].values()
        for content in answer.get("content", {}).values()
        for part in content["schema"].get("allOf", [])[1:]
        for code in part["properties"]["code"]["enum"]
    }


def test_what_a_route_and_its_dependencies_can_refuse():
    assert {"slug_taken", "not_authenticated", "email_not_verified"} <= documented(
        "/blog/posts", "post"
    )
    assert {"stale", "not_the_author", "post_not_found"} <= documented(
        "/blog/posts/{post_id}", "put"
    )
    assert "invalid_cursor" in documented("/blog/posts", "get")


def test_what_the_public_may_keep_is_never_kept_by_one_user(client, db, login):
    post = make_post(make_user())
    public = client.get(f"/blog/posts/{post.id}").headers
    assert (public["cache-control"], public["vary"]) == ("no-cache", "Authorization, Origin")
    login(make_user())
    for path in (f"/blog/posts/{post.id}", "/blog/posts"):
        assert client.get(path).headers["cache-control"] == "no-store"
    assert (
        client.post("/blog/posts", json={"title": "t", "content": "c"}).headers["cache-control"]
        == "no-store"
    )
    again = client.get(
        "/blog/posts", headers={"If-None-Match": client.get("/blog/posts").headers["etag"]}
    )
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-store")


def test_what_the_public_may_read_takes_a_user_too():
    """In OpenAPI, `{}` means that no user is needed.

    A route that never uses a user has an empty list.
    """
    paths = main.app.openapi()["paths"]
    public = ("/blog/posts", "/blog/posts/{post_id}", "/blog/posts/slug/{slug}", "/blog/categories")
    for path in public:
        assert paths[path]["get"]["security"] == [{"OAuth2PasswordBearer": []}, {}], path
    assert paths["/blog/posts"]["post"]["security"] == [{"OAuth2PasswordBearer": []}]
    assert paths["/auth/refresh"]["post"]["security"] == []


def test_a_page_is_named_after_what_is_on_it():
    content = main.app.openapi()["paths"]["/blog/posts"]["get"]["responses"]["200"]["content"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/PostSummaryPage"}

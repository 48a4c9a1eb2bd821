"""The demo data that `make dev` loads, so that a frontend has something to show."""

from sqlalchemy import func, select

from app import cli
from app.core.types import utc_now
from app.routers.auth.demo import PASSWORD
from app.routers.auth.models import User
from app.routers.blog.models import BlogCategory, BlogPost


def counts(session):
    with session() as db:
        return tuple(
            db.scalar(select(func.count(table.id))) for table in (User, BlogCategory, BlogPost)
        )


def test_the_demo_is_loaded_once_and_everybody_of_it_can_sign_in(client, committed):
    cli.seed()
    assert counts(committed) == (5, 6, 60)
    cli.seed()
    assert counts(committed) == (5, 6, 60)
    for name, superuser in (
        ("admin", True),
        ("author", False),
        ("editor", False),
        ("reader", False),
    ):
        for login in (f"{name}@example.com", name):
            token = client.post(
                "/auth/token", data={"username": login, "password": PASSWORD}
            ).json()["access_token"]
            me = client.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).json()
            assert (me["is_superuser"], me["is_verified"]) == (superuser, True), login


def test_the_demo_has_drafts_every_category_and_both_authors(client, committed):
    cli.seed()
    public = client.get("/blog/posts?limit=100").json()
    assert 40 < public["total"] < 60
    assert {post["author"]["username"] for post in public["items"]} == {"author", "editor"}
    assert all(category["post_count"] > 0 for category in client.get("/blog/categories").json())
    assert any(post["is_featured"] for post in public["items"])
    assert all(post["excerpt"] and "```" not in post["excerpt"] for post in public["items"])


def test_the_demo_shows_markdown_and_all_states_of_a_post(client, committed):
    cli.seed()
    html = client.get("/blog/posts/slug/bookings-that-know-about-buffers").json()["content_html"]
    assert html.count("<table>") == html.count('<h2 id="content-details-worth-knowing">') == 1
    moved = client.get("/blog/posts/slug/buffers-for-bookings", follow_redirects=False)
    assert moved.headers["Location"] == "/blog/posts/slug/bookings-that-know-about-buffers"
    assert len(client.get("/blog/categories").json()) == 5
    shown = client.get("/blog/posts?sort=created_at&limit=1").json()["items"][0]
    assert shown["category"] is None  # the category is inactive

    token = client.post("/auth/token", data={"username": "admin", "password": PASSWORD}).json()
    client.headers["Authorization"] = f"Bearer {token['access_token']}"
    assert [c["name"] for c in client.get("/blog/categories").json() if not c["is_active"]] == [
        "Archive"
    ]
    now = utc_now().isoformat()
    items = client.get("/blog/posts?published_only=false&limit=100").json()["items"]
    scheduled = [p for p in items if p["is_published"] and p["published_at"] > now]
    assert [post["title"] for post in scheduled] == [
        "Planning for the term break: close, service, reopen"
    ]
    post = client.get("/blog/posts/slug/bookings-that-know-about-buffers").json()
    revisions = client.get(f"/blog/posts/{post['id']}/revisions").json()["items"]
    assert [one["title"] for one in revisions] == [post["title"], "Buffers for bookings"]


def test_the_demo_leaves_a_blog_that_somebody_began_alone(client, committed):
    cli.seed()
    with committed() as db, db.begin():
        db.delete(db.scalar(select(BlogPost)))
    cli.seed()
    assert counts(committed) == (5, 6, 59)

"""The demo data that `make dev` loads for a frontend to show."""

from sqlalchemy import func, select

from app import cli
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
    assert counts(committed) == (5, 5, 60)
    cli.seed()
    assert counts(committed) == (5, 5, 60)
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


def test_the_demo_leaves_a_blog_that_somebody_began_alone(client, committed):
    cli.seed()
    with committed() as db, db.begin():
        db.delete(db.scalar(select(BlogPost)))
    cli.seed()
    assert counts(committed) == (5, 5, 59)

"""The timeline of an author records the changes of their posts."""

from sqlalchemy import select

from app.platform.models import ActivityEntry
from tests.auth.factories import make_user
from tests.blog.factories import make_post


def entries(db, author):
    theirs = select(ActivityEntry).where(
        ActivityEntry.user_id == author.id, ActivityEntry.kind == "post"
    )
    return list(db.scalars(theirs.order_by(ActivityEntry.id)))


def test_each_change_of_a_post_is_recorded(client, db, login):
    author = login(make_user())
    made = client.post("/blog/posts", json={"title": "Plums", "content": "x"}).json()["id"]
    for change in ({"content": "y"}, {"is_published": True}, {"title": "Plums!"}):
        assert client.put(f"/blog/posts/{made}", json=change).status_code == 200
    login(make_user(is_superuser=True))
    assert client.delete(f"/blog/posts/{made}").status_code == 204
    found = entries(db, author)
    assert [entry.data["event"] for entry in found] == [
        "created",
        "updated",
        "published",
        "updated",
        "deleted",
    ]
    assert found[-1].summary == "The post “Plums!” was deleted."
    assert {entry.data["post_id"] for entry in found} == {made}


def test_a_refused_change_is_not_recorded(client, db, login):
    author = login(make_user())
    make_post(author, slug="taken")
    mine = make_post(author)
    assert client.put(f"/blog/posts/{mine.id}", json={"slug": "taken"}).status_code == 409
    assert entries(db, author) == []

"""Posts: written by their authors, read by everybody."""

from tests.auth.factories import make_user

POST = {"title": "First light", "content": "Hello *world*", "is_published": True}


def test_a_post_is_written_and_read(client, db, login):
    login(make_user())
    created = client.post("/blog/posts", json=POST)
    assert created.status_code == 201
    assert client.get(created.headers["Location"]).json() == created.json()

"""No response about posts reveals private facts about their authors."""

import pytest
from sqlalchemy import select

from app.routers.auth.models import User
from tests.auth.factories import make_user
from tests.blog.factories import make_post

POST = {"title": "First light", "content": "Hello"}


@pytest.mark.parametrize("who", ["public", "reader", "author", "superuser"])
def test_no_answer_holds_a_hash_a_password_or_anothers_address(client, login, db, who):
    author = make_user()
    post = make_post(author)
    caller = {
        "reader": make_user(),
        "author": author,
        "superuser": make_user(is_superuser=True),
    }.get(who)
    if caller:
        login(caller)
    paths = ("/auth/me", "/blog/posts", f"/blog/posts/{post.id}", f"/blog/posts/slug/{post.slug}")
    answers = [client.get(path).text for path in paths]
    answers += [
        client.put(f"/blog/posts/{post.id}", json={"title": "x"}).text,
        client.post("/blog/posts", json=POST).text,
    ]
    everything = "".join(answers)
    assert "argon2" not in everything
    assert "password" not in everything.replace("has_password", "")
    own = caller.id if caller else None
    assert all(user.email not in everything for user in db.scalars(select(User)) if user.id != own)

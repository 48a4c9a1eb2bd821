"""Changes to an account affect the user's posts and the right to manage posts."""

import pytest

from tests.auth.factories import PASSWORD, make_user
from tests.auth.steps import bearer, sign_in
from tests.blog.factories import make_post


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_superuser": False}])
def test_a_disabled_or_demoted_accounts_next_request_is_refused(client, db, change):
    """Requirement 21."""
    user = make_user(is_superuser=True)
    token = sign_in(client, user).json()
    body = {"name": "News of us"}
    assert client.post("/blog/categories", json=body, headers=bearer(token)).status_code == 201
    for column, value in change.items():
        setattr(db.merge(user), column, value)
    db.commit()
    refused = client.post("/blog/categories", json={"name": "Other news"}, headers=bearer(token))
    assert refused.status_code == (401 if "is_active" in change else 403)


def test_what_was_published_stays_without_a_name(client, db):
    user = make_user()
    post = make_post(user)
    mine = bearer(sign_in(client, user).json())
    assert (
        client.post("/auth/delete-account", json={"password": PASSWORD}, headers=mine).status_code
        == 204
    )
    answer = client.get(f"/blog/posts/{post.id}")
    assert answer.status_code == 200
    assert answer.json()["author"]["username"].startswith("deleted-")
    assert user.username not in answer.text

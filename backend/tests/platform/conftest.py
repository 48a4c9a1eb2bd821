"""Fixtures of the platform's tests.

Fixtures import modules that need the database themselves, because pytest may read this
file before the environment is set.
"""

import json
import time

import pytest


@pytest.fixture
def refused(client, db, monkeypatch):
    """`refused(method, url, …)` sends a request as a superuser, so that the route reads
    the input.

    The response is never a 500 and never slow.
    """
    from app.platform import limits
    from tests.auth.factories import make_user, token_for

    user = make_user(is_superuser=True)

    def sign_in():
        client.headers["Authorization"] = f"Bearer {token_for(user)}"

    def ask(method, url, **options):
        limits.made_counters.cache_clear()  # with the old counts, most responses would be 429
        started = time.process_time()
        answer = client.request(method, url, **options)
        assert time.process_time() - started < 1  # other processes do not count
        assert answer.status_code < 500, (method, url[:80], str(options)[:200], answer.text)
        if answer.status_code >= 400:
            json.dumps(answer.json(), allow_nan=False).encode()
        if answer.status_code == 204:
            sign_in()  # the request may have ended the session
        return answer.status_code

    sign_in()
    return ask

"""Our entity tags still work behind a compressing proxy, which makes them weak.

The proxy is a real nginx in front of a real server.
"""

import httpx2
import pytest

from tests.auth.factories import PASSWORD, make_user
from tests.blog.factories import make_post
from tests.support.proxy import running_proxy
from tests.support.server import running_server

pytestmark = [pytest.mark.slow, pytest.mark.only("sqlite")]  # no database is involved


@pytest.fixture
def browser(committed, tmp_path):
    settings = {"PUBLIC_URL": "https://localhost", "TRUSTED_PROXIES": "127.0.0.1"}
    with (
        running_server(**settings) as server,
        running_proxy(server, folder=tmp_path, compresses=True) as proxy,
        httpx2.Client(base_url=proxy.url, verify=proxy.trust, timeout=60) as browser,
    ):
        yield browser


def test_a_tag_that_nginx_has_weakened_still_names_the_version(browser):
    author = make_user()
    post = make_post(author)
    form = {"username": author.email, "password": PASSWORD}
    token = browser.post("/auth/token", data=form).json()["access_token"]
    browser.headers["Authorization"] = f"Bearer {token}"
    path = f"/blog/posts/{post.id}"

    def write(title, etag):
        return browser.put(path, json={"title": title}, headers={"If-Match": etag})

    read = browser.get(path)
    first = read.headers["etag"]
    assert (read.headers["content-encoding"], first[:3]) == ("gzip", 'W/"')
    assert browser.get(path, headers={"If-None-Match": first}).status_code == 304

    changed = write("Changed once", first)
    second = changed.headers["etag"]
    assert (changed.status_code, changed.headers["content-encoding"], second[:3]) == (
        200,
        "gzip",
        'W/"',
    )
    assert browser.get(path).headers["etag"] == second
    assert write("Changed by somebody who has not read that", first).json()["code"] == "stale"
    assert write("Changed twice", second).json()["title"] == "Changed twice"

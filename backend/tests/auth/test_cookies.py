"""Neither scripts nor pages of other sites can reach the refresh token in a cookie."""

import pytest

from app.routers.auth.sessions import cookies
from tests.auth.factories import PASSWORD, make_user
from tests.auth.steps import bearer, lives, outcome, refresh, sign_in

ORIGIN = {"Origin": "https://app.example.com"}  # one of CORS_ORIGINS


def sign_in_by_cookie(client, user):
    data = {"username": user.email, "password": PASSWORD}
    return client.post("/auth/token?session=cookie", data=data)


def test_the_refresh_token_is_only_in_an_http_only_cookie(client, db):
    """Requirement 25. Over HTTP, the cookie is not `Secure`, which is the documented
    exception in development.
    """
    answer = sign_in_by_cookie(client, make_user())
    assert answer.json()["refresh_token"] is None
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith("liftoff-refresh=")
    assert {a.lower() for a in attributes} == {
        "httponly",
        "samesite=strict",
        "path=/",
        "max-age=2592000",
    }


@pytest.mark.parametrize(
    ("hosts", "same_site"),
    [
        (("https://example.com", "https://example.com"), "strict"),
        (("https://example.com:8443", "https://EXAMPLE.com/app"), "strict"),
        (("https://api.example.com", "https://example.com"), "strict"),
        (("https://example.com", "https://www.example.com"), "strict"),
        (("https://api.example.com", "https://app.example.com"), "none"),
        (("https://ada.co.uk", "https://bob.co.uk"), "none"),
        (("https://ada.github.io", "https://bob.github.io"), "none"),
        (("https://example.com", "https://notexample.com"), "none"),
        (("https://api.example.com", "https://app.example.net"), "none"),
    ],
)
def test_on_https_it_is_bound_to_the_host(client, db, settings, hosts, same_site):
    """Requirement 25.

    `SameSite=Strict` is used only if the browser certainly treats both URLs as one
    site. Two names under one suffix may be two sites, and then the browser would not
    send a `Strict` cookie.
    """
    settings(PUBLIC_URL=hosts[0], FRONTEND_URL=hosts[1])
    answer = sign_in_by_cookie(client, make_user())
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-refresh=")
    attributes = {a.lower() for a in attributes}
    assert attributes == {
        "secure",
        "httponly",
        f"samesite={same_site}",
        "path=/",
        "max-age=2592000",
    }


def test_a_page_of_an_allowed_origin_refreshes_by_the_cookie(client, db):
    first = sign_in_by_cookie(client, make_user())
    second = client.post("/auth/refresh", headers=ORIGIN)
    assert (second.status_code, second.json()["refresh_token"]) == (200, None)
    assert second.cookies["liftoff-refresh"] != first.cookies["liftoff-refresh"]
    assert lives(client, second.json())


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "https://evil.example",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "HTTPS://APP.EXAMPLE.COM",
        "https://app.example.com/",
        "://",
    ],
)
def test_with_a_foreign_or_no_origin_the_cookie_does_not_count(client, db, origin):
    """Requirement 25: the refused attempt does not use up the token."""
    sign_in_by_cookie(client, make_user())
    refused = client.post("/auth/refresh", headers={"Origin": origin} if origin is not None else {})
    assert outcome(refused) == (403, "origin_not_allowed")
    assert "set-cookie" not in refused.headers
    assert client.post("/auth/refresh", headers=ORIGIN).status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_what_a_form_of_another_site_could_send_is_refused(client, db, kind):
    """Requirement 25: a browser sends such a request without a preflight."""
    sign_in_by_cookie(client, make_user())
    answer = client.post(
        "/auth/refresh", content=b'{"refresh_token": "x"}', headers=ORIGIN | {"Content-Type": kind}
    )
    assert answer.status_code == 415


def test_the_cookie_alone_authenticates_nothing(client, db):
    """Requirement 25: the cookie alone allows neither reading nor changing."""
    user = make_user()
    token = sign_in_by_cookie(client, user).json()
    for method, path, body in (
        ("GET", "/auth/me", None),
        ("GET", "/auth/sessions", None),
        ("POST", "/auth/logout-all", None),
        ("PATCH", "/auth/me", {"username": "eve"}),
        ("POST", "/auth/delete-account", {"password": PASSWORD}),
        (
            "POST",
            "/auth/password/change",
            {"current_password": PASSWORD, "new_password": "another long pass phrase"},
        ),
    ):
        assert client.request(method, path, json=body, headers=ORIGIN).status_code == 401, path
    assert lives(client, token)


def test_a_token_in_the_body_wins_and_needs_no_origin(client, db):
    """Bearer mode is for programs, which have no origin."""
    sign_in_by_cookie(client, make_user())
    body_mode = sign_in(client, make_user()).json()
    answer = refresh(client, body_mode)
    assert answer.status_code == 200
    assert answer.json()["refresh_token"]
    assert "set-cookie" not in answer.headers


def test_without_body_and_cookie_there_is_nothing_to_refresh(client, db):
    assert outcome(client.post("/auth/refresh", headers=ORIGIN)) == (401, "invalid_refresh_token")


@pytest.mark.parametrize("body", [None, {}, {"refresh_token": None}])
def test_every_way_to_leave_the_token_out_means_the_cookie(client, db, body):
    """A client may send back the `null` that the response in cookie mode had."""
    sign_in_by_cookie(client, make_user())
    answer = client.post("/auth/refresh", json=body, headers=ORIGIN)
    assert (answer.status_code, answer.json()["refresh_token"]) == (200, None)
    client.cookies.clear()
    assert outcome(client.post("/auth/refresh", json=body, headers=ORIGIN)) == (
        401,
        "invalid_refresh_token",
    )


FORGOTTEN = 'liftoff-refresh=""; HttpOnly; Max-Age=0; Path=/; SameSite=strict'


@pytest.mark.parametrize("others", ["none", "expired", "rubbish", "of another session"])
@pytest.mark.parametrize("body", [None, {}])
def test_logging_out_needs_the_cookie_alone(client, db, clock, others, body):
    """Requirement 66: after a night the access token has expired, and a page that is
    loaded again has no access token.
    """
    other = sign_in(client, make_user()).json()
    token = sign_in_by_cookie(client, make_user()).json()
    cookie = {"Cookie": f"{cookies.cookie_name()}={client.cookies['liftoff-refresh']}"}
    if others == "expired":
        clock.shift(16 * 60)
    sent = {
        "rubbish": {"Authorization": "Bearer rubbish"},
        "expired": bearer(token),
        "of another session": bearer(other),
    }
    answer = client.post("/auth/logout", json=body, headers=ORIGIN | sent.get(others, {}))
    assert answer.status_code == 204
    assert FORGOTTEN in answer.headers["set-cookie"]
    client.cookies.clear()
    assert client.post("/auth/refresh", headers=ORIGIN | cookie).status_code == 401
    assert refresh(client, other).status_code == (401 if others == "of another session" else 200)


def test_a_cookie_of_a_session_that_has_ended_is_forgotten_too(client, db):
    token = sign_in_by_cookie(client, make_user()).json()
    cookie = {"Cookie": f"{cookies.cookie_name()}={client.cookies['liftoff-refresh']}"}
    assert client.post("/auth/logout", headers=bearer(token)).status_code == 204
    client.cookies.clear()
    for dead in (cookie, {"Cookie": f"{cookies.cookie_name()}=of-another-secret-key"}):
        answer = client.post("/auth/logout", headers=ORIGIN | dead)
        assert (answer.status_code, FORGOTTEN in answer.headers["set-cookie"]) == (204, True)


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example"])
def test_another_sites_page_signs_nobody_out(client, db, origin):
    token = sign_in_by_cookie(client, make_user()).json()
    headers = {"Origin": origin} if origin else {}
    refused = client.post("/auth/logout", headers=headers)
    assert outcome(refused) == (403, "origin_not_allowed")
    assert "set-cookie" not in refused.headers
    assert lives(client, token)
    assert client.post("/auth/logout", headers=headers | bearer(token)).status_code == 204


@pytest.mark.parametrize("by", ["expired access token", "refresh token", "used refresh token"])
def test_logging_out_needs_one_token_of_the_body_mode(client, db, clock, by):
    token = sign_in(client, make_user()).json()
    newer = refresh(client, token).json() if by.startswith("used") else token
    if by.startswith("expired"):
        clock.shift(16 * 60)
        sent = {"headers": bearer(token)}
    else:
        sent = {"json": {"refresh_token": token["refresh_token"]}}
    assert [client.post("/auth/logout", **sent).status_code for _ in range(2)] == [204, 204]
    assert outcome(refresh(client, newer)) == (401, "invalid_refresh_token")


def test_logging_out_with_nothing_is_a_401(client, db):
    signed_with_another_key = sign_in(client, make_user()).json()["access_token"][:-4] + "AAAA"
    for headers in ({}, {"Authorization": f"Bearer {signed_with_another_key}"}):
        answer = client.post("/auth/logout", json={}, headers=headers)
        assert outcome(answer) == (401, "not_authenticated")


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
def test_a_development_401_says_that_two_host_names_were_mixed(client, db, settings, path):
    """The browser has not sent the cookie, because it treats the two host names as two
    sites.
    """
    mixed = {"Origin": "http://127.0.0.1:5173", "Host": "localhost:8000"}
    same = {"Origin": "http://localhost:5173", "Host": "localhost:8000"}
    hosts = {"ALLOWED_HOSTS": "localhost,testserver"}
    settings(ENVIRONMENT="development", **hosts)
    answer = client.post(path, headers=mixed)
    assert answer.status_code == 401
    assert "the page is at 127.0.0.1 and calls this API at localhost" in answer.json()["detail"]
    assert "The browser sent no cookie" not in client.post(path, headers=same).json()["detail"]
    assert (
        "The browser sent no cookie" not in client.post(path, headers=same | {"Host": "[::1"}).text
    )
    settings(ENVIRONMENT="test", **hosts)
    assert "The browser sent no cookie" not in client.post(path, headers=mixed).json()["detail"]


@pytest.mark.parametrize(
    "origin", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"]
)
def test_in_development_our_pages_pass_by_every_host_name(client, db, settings, origin):
    frontend = {
        "PORT": "8000",
        "PUBLIC_URL": "http://testserver",
        "FRONTEND_URL": "https://app.example.com",
    }
    settings(ENVIRONMENT="development", ALLOWED_HOSTS="testserver", **frontend)
    sign_in_by_cookie(client, make_user())
    assert client.post("/auth/refresh", headers={"Origin": origin}).status_code == 200
    settings(ENVIRONMENT="test", **frontend)
    assert outcome(client.post("/auth/refresh", headers={"Origin": origin})) == (
        403,
        "origin_not_allowed",
    )


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-all"])
def test_logging_out_takes_the_cookie_back(client, db, path):
    """Requirement 19."""
    token = sign_in_by_cookie(client, make_user()).json()
    answer = client.post(path, headers=bearer(token))
    assert FORGOTTEN in answer.headers["set-cookie"]
    assert client.post("/auth/refresh", headers=ORIGIN).status_code == 401


def test_a_used_cookie_ends_the_session(client, db, clock):
    """Requirement 17."""
    first = sign_in_by_cookie(client, make_user())
    second = client.post("/auth/refresh", headers=ORIGIN)
    clock.shift(11)
    stolen = {"Cookie": f"{cookies.cookie_name()}={first.cookies['liftoff-refresh']}"}
    client.cookies.clear()
    assert client.post("/auth/refresh", headers=ORIGIN | stolen).status_code == 401
    assert not lives(client, second.json())


def test_no_get_changes_anything(client, db, statements):
    """Requirement 25."""
    token = sign_in_by_cookie(client, make_user()).json()
    statements.clear()
    for path in ("/auth/me", "/auth/sessions"):
        assert client.get(path, headers=bearer(token)).status_code == 200
    assert all(statement.startswith("SELECT") for statement in statements)

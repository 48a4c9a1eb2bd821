"""Fixtures for the sign-in with Google: a provider, and an application that uses it."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from app.core.config import get_settings
from app.routers.auth.google.gateway import openid
from tests.support.openid import (
    CLIENT,
    Impostor,
    OpenIdProvider,
    running_impostor,
    running_provider,
)

CALLBACK = "http://testserver/auth/google/callback"
LANDING = "http://localhost:8000/demo/auth/callback"


def said(answer: Response) -> dict[str, str]:
    """Return the query of the frontend's URL to which the response redirects the
    browser.
    """
    page, _, query = answer.headers["Location"].partition("?")
    assert page == LANDING
    return {name: values[0] for name, values in parse_qs(query).items()}


class Journey:
    """A browser that signs in with Google.

    `asked` has the parameters of the application's last request to the provider.
    """

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.asked: dict[str, str] = {}

    def begin(self, **query: str) -> Response:
        answer = self.client.get("/auth/google/login", params=query, follow_redirects=False)
        self.note(answer.headers["Location"])
        return answer

    def note(self, url: str) -> None:
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    def come_back(self, **query: str) -> Response:
        """Go back from the impostor to the application with a made-up code."""
        query = {"code": "made up", "state": self.asked.get("state", "")} | query
        return self.client.get("/auth/google/callback", params=query, follow_redirects=False)

    def exchange(self, code: str, mode: str = "body", **shown: str) -> Response:
        return self.client.post(
            "/auth/google/exchange", json={"code": code, **shown}, params={"session": mode}
        )


@pytest.fixture
def journey(client, db) -> Journey:
    return Journey(client)


@pytest.fixture
def ask_to_link(journey, login) -> Callable[[Any], Any]:
    """`ask_to_link(user)` sends a signed-in user to Google to link an account."""

    def begin(user: Any) -> Any:
        login(user)
        journey.note(journey.client.post("/auth/google/link").json()["url"])
        return user

    return begin


@pytest.fixture
def use(monkeypatch) -> Iterator[Callable[[str], None]]:
    """`use(issuer)` configures this provider. The application forgets the documents of
    any earlier provider.
    """

    def configure(issuer: str) -> None:
        for name, value in {**CLIENT, "GOOGLE_ISSUER": issuer}.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()
        openid.provider_documents.cache_clear()

    yield configure
    monkeypatch.undo()
    get_settings.cache_clear()
    openid.provider_documents.cache_clear()


@pytest.fixture(scope="session")
def real_provider() -> Iterator[OpenIdProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(real_provider: OpenIdProvider, use) -> OpenIdProvider:
    use(real_provider.url)
    real_provider.expect(CALLBACK)
    return real_provider


@pytest.fixture
def impostor(use) -> Iterator[Impostor]:
    with running_impostor() as impostor:
        use(impostor.url)
        yield impostor


@pytest.fixture
def sign_in(journey, impostor) -> Callable[..., Response]:
    """`sign_in("subject", "mail@example.com", **claims)` signs in with these claims,
    which the impostor makes.
    """

    def there_and_back(subject: str, email: str, /, **claims: object) -> Response:
        journey.begin()
        impostor.vouch(subject, email, journey.asked["nonce"], **claims)
        answer: Response = journey.come_back()
        return answer

    return there_and_back

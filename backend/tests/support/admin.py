"""Helpers for tests of `/admin`, which use it over HTTP as staff do."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select

from app.db.database import SessionLocal
from app.platform.models import AuditEntry
from app.routers.auth.models import User
from tests.auth.factories import PASSWORD, make_user

HERE = {"Origin": "http://testserver"}
TOKEN = re.compile(r'name="csrftoken" value="([^"]+)"')
CHALLENGE = re.compile(r'name="challenge" value="([^"]+)"')


class Desk:
    """A browser that uses the admin. It follows no redirect, and sends forms as pages
    do.
    """

    def __init__(self, app: FastAPI, address: str = "testclient") -> None:
        self.web = TestClient(app, follow_redirects=False, client=(address, 50000))

    def get(self, path: str, **options: Any) -> Response:
        return self.web.get(f"/admin{path}", **options)

    def post(self, path: str, headers: Any = HERE, **form: Any) -> Response:
        return self.web.post(
            f"/admin{path}", data={"csrftoken": self.token(), **form}, headers=headers
        )

    def token(self) -> str:
        found = TOKEN.search(self.get("/login").text)
        assert found
        return found[1]

    def sign_in(self, user: User, password: str = PASSWORD) -> Response:
        return self.post("/login", username=user.email, password=password)

    def act(self, view: str, row_id: int, action: str, **form: Any) -> Response:
        return self.post(f"/act/{view}/{row_id}/{action}", **{"reason": "A test"} | form)


def desk_of(app: FastAPI, user: User | None = None) -> Desk:
    """Return a browser in which this user, or a new superuser, is signed in."""
    desk = Desk(app)
    desk.sign_in(user or make_user(is_superuser=True))
    return desk


def entries(action: str) -> list[AuditEntry]:
    """Return the entries of an action, newest first."""
    with SessionLocal() as db:
        of_action = select(AuditEntry).where(AuditEntry.action == action)
        return list(db.scalars(of_action.order_by(AuditEntry.id.desc())))


def newest_entry(action: str) -> AuditEntry:
    return entries(action)[0]


def challenge_of(page: Response) -> str:
    """Return the hidden challenge of the page that asks for a code."""
    found = CHALLENGE.search(page.text)
    assert found
    return found[1]

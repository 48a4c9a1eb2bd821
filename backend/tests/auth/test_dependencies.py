"""The four dependencies that tell the routes of other features who the caller is.

The tests define their own routes.
"""

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.core.config import get_settings
from app.db.database import SessionLocal
from app.platform import middleware, openapi_routes, problems
from app.platform.routing import Router
from app.routers.auth.dependencies import CurrentUser, OptionalUser, Superuser, VerifiedUser
from app.routers.auth.models import User
from tests.auth.factories import make_user, token_for
from tests.support.client import DocumentedClient

router = Router(prefix="/desk", tags=["desk"])


@router.get("/optional")
def for_all(user: OptionalUser) -> str:
    return user.username if user else "the public"


@router.get("/current")
def for_users(user: CurrentUser) -> str:
    return user.username


@router.get("/verified")
def for_verified(user: VerifiedUser) -> str:
    return user.username


@router.get("/superuser")
def for_superusers(user: Superuser) -> str:
    return user.username


@pytest.fixture(scope="module")
def application(migrated):
    app = FastAPI(
        middleware=middleware.middleware_stack(get_settings()),
        generate_unique_id_function=openapi_routes.operation_id,
    )
    problems.install_problem_handlers(app)
    app.include_router(router)
    with DocumentedClient(app) as client:
        yield client


@pytest.fixture
def desk(application, db):
    """`desk(name, user)` returns the route's response to this user, or to the
    public.
    """

    def ask(name, user=None):
        headers = {"Authorization": f"Bearer {token_for(user)}"} if user else {}
        answer = application.get(f"/desk/{name}", headers=headers)
        return answer.json() if answer.is_success else (answer.status_code, answer.json()["code"])

    return ask


def test_everybody_passes_where_a_user_is_optional(desk):
    user = make_user(is_verified=False)
    assert desk("optional") == "the public"
    assert desk("optional", user) == user.username


@pytest.mark.parametrize("name", ["current", "verified", "superuser"])
def test_the_public_is_asked_to_sign_in_elsewhere(desk, name):
    assert desk(name) == (401, "not_authenticated")


def test_an_unverified_user_passes_only_where_any_user_may(desk):
    user = make_user(is_verified=False)
    assert desk("current", user) == user.username
    assert desk("verified", user) == (403, "email_not_verified")


def test_only_a_superuser_passes_where_one_is_asked_for(desk):
    user, chief = make_user(), make_user(is_superuser=True)
    assert desk("verified", user) == user.username
    assert desk("superuser", user) == (403, "superuser_only")
    assert desk("superuser", chief) == chief.username


def test_a_demoted_superuser_is_refused_at_the_next_request(application, db):
    chief = make_user(is_superuser=True)
    headers = {"Authorization": f"Bearer {token_for(chief)}"}
    assert application.get("/desk/superuser", headers=headers).status_code == 200
    with SessionLocal() as session, session.begin():
        session.execute(update(User).where(User.id == chief.id).values(is_superuser=False))
    answer = application.get("/desk/superuser", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "superuser_only")


@pytest.mark.parametrize("name", ["optional", "current"])
@pytest.mark.parametrize(
    "header",
    ["Bearer bad", "Basic YTpi", "Bearer", "bearer ", "Token x", "", "x" * 500, "Bearer\u00a0x"],
)
def test_a_bad_token_is_refused_even_if_the_user_is_optional(application, db, name, header):
    answer = application.get(f"/desk/{name}", headers={"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_private_responses_are_no_store_and_public_ones_no_cache(application, db):
    headers = {"Authorization": f"Bearer {token_for(make_user())}"}
    assert application.get("/desk/optional", headers=headers).headers["Cache-Control"] == "no-store"
    assert application.get("/desk/optional").headers["Cache-Control"] == "no-cache"

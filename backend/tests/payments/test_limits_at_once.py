"""A limit holds for simultaneous requests, with or without an Idempotency-Key.

request 1   lock user, count 2, insert ...... commit
request 2            lock user (waits) ................ count 3 → 402
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.db.database import SessionLocal, db_dependency
from app.platform import problems
from app.platform.routing import Router
from app.routers.payments.dependencies import within_limit
from tests.auth.factories import make_user, token_for
from tests.payments.factories import store_plans
from tests.support.widgets import Widget, WidgetCreate, WidgetRead

LIMIT = 3  # the number of projects in the free plan
router = Router(prefix="/places")


def count(db, _user):
    return db.scalar(select(func.count(Widget.id)))


@router.post(
    "",
    status_code=201,
    response_model=WidgetRead,
    dependencies=[Depends(within_limit("projects", count))],
)
def take_place(db: db_dependency, data: WidgetCreate) -> Widget:
    widget = Widget(name=data.name)
    db.add(widget)
    db.flush()
    return widget


@pytest.mark.parametrize("keyed", [False, True])
def test_two_requests_at_once_do_not_both_take_the_last_place(committed, keyed):
    store_plans()
    app = FastAPI()
    problems.install_problem_handlers(app)
    app.include_router(router)
    bearer = {"Authorization": f"Bearer {token_for(make_user())}"}

    def take(number):
        headers = bearer | ({"Idempotency-Key": str(number)} if keyed else {})
        return client.post("/places", json={"name": f"w{number}"}, headers=headers).status_code

    with TestClient(app) as client, ThreadPoolExecutor(5) as threads:
        answers = sorted(threads.map(take, range(10)))
    assert answers == [201] * LIMIT + [402] * (10 - LIMIT)
    with SessionLocal() as db:
        assert count(db, None) == LIMIT

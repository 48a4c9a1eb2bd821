"""The stores of timelines: a table, and MongoDB."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.orm import Session

from app.db.documents import open_documents
from tests.support.mongo import SERVERS, documents_url, emptied, neosqlite

if TYPE_CHECKING:
    from app.routers.activity.events import Store

__all__ = ["documents_url", "neosqlite"]


@pytest.fixture(params=["sql", *SERVERS])
def store(
    request: pytest.FixtureRequest, db: Session, settings: Callable[..., None]
) -> Iterator["Store"]:
    """Yield an empty store. Each test runs once with each kind of store."""
    # These modules need the environment, and this file is imported before the
    # environment is set.
    from app.routers.activity.documents import COLLECTION, index_once
    from app.routers.activity.sql_store import SqlStore
    from app.routers.activity.stores import store_of

    if request.param == "sql":
        yield SqlStore(db)
        return
    with emptied(request.param, request, settings):
        index_once.cache_clear()
        if request.param == "neosqlite":
            # neosqlite ignores a text index with a second field, and then compares the
            # query as a whole. A real server allows only one text index.
            open_documents()[COLLECTION].create_index([("words", "text")])
        yield store_of(db)

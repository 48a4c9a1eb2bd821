"""Fixtures of the database layer's tests."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, QueuePool, create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from app.core.config import Settings
from app.db.engines import make_engine
from app.db.urls import normalise_database_url
from tests.support import databases


@pytest.fixture
def kind(request) -> str:
    """The kind of the database: `sqlite`, `postgresql` or `mysql`."""
    return str(request.config.getoption("--database"))


@pytest.fixture
def scratch_url(kind, worker_id) -> str:
    """The URL of a second, empty database, which no migration has touched."""
    return databases.create(kind, f"{worker_id}_scratch")


@pytest.fixture
def scratch(scratch_url) -> Iterator[Engine]:
    """A connection to `scratch_url` from outside of the application."""
    own = create_engine(normalise_database_url(scratch_url), isolation_level="AUTOCOMMIT")
    yield own
    own.dispose()


@pytest.fixture
def pool() -> QueuePool:
    """The pool of connections that requests use."""
    from app.db.database import (
        engine,
    )  # made on import, and this file is imported before the environment is set

    assert isinstance(engine.pool, QueuePool)
    return engine.pool


@pytest.fixture
def engine_of_ours(migrated) -> Iterator[Engine]:
    """A second engine, made as the application makes its own, with two connections."""
    own = make_engine(Settings(), pool_size=2, max_overflow=0, name="liftoff")
    yield own
    own.dispose()


@pytest.fixture
def pairs(engine_of_ours) -> Iterator[sessionmaker[Session]]:
    """A session factory for a table with a row 1 and a row 2, to provoke conflicts."""
    with engine_of_ours.begin() as connection:
        connection.execute(text("CREATE TABLE pairs (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO pairs VALUES (1, 0), (2, 0)"))
    yield sessionmaker(engine_of_ours)
    with engine_of_ours.begin() as connection:
        connection.execute(text("DROP TABLE pairs"))

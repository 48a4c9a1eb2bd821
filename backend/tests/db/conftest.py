"""Fixtures of the database layer's tests."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, QueuePool, create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from app.core.config import Settings
from app.db.engines import make_engine
from app.db.urls import normalise_database_url
from tests.support import databases
from tests.support.freezer import Freezer, freezer, place_of, through


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
    """An engine for `scratch_url` that the application does not know."""
    own = create_engine(normalise_database_url(scratch_url), isolation_level="AUTOCOMMIT")
    yield own
    own.dispose()


@pytest.fixture
def pool() -> QueuePool:
    """The pool of connections that requests use."""
    from app.db.database import (
        engine,
    )  # the import creates the engine, and this file is imported before the environment is set

    assert isinstance(engine.pool, QueuePool)
    return engine.pool


@pytest.fixture
def engine_of_ours(migrated) -> Iterator[Engine]:
    """A second engine with two connections, made in the same way as the
    application's.
    """
    own = make_engine(Settings(), pool_size=2, max_overflow=0, name="liftoff")
    yield own
    own.dispose()


@pytest.fixture
def pairs(engine_of_ours) -> Iterator[sessionmaker[Session]]:
    """A factory of sessions, and a table whose rows 1 and 2 serve to provoke
    conflicts.
    """
    with engine_of_ours.begin() as connection:
        connection.execute(text("CREATE TABLE pairs (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO pairs VALUES (1, 0), (2, 0)"))
    yield sessionmaker(engine_of_ours)
    with engine_of_ours.begin() as connection:
        connection.execute(text("DROP TABLE pairs"))


@pytest.fixture
def counted(migrated) -> Iterator[tuple[Engine, Freezer]]:
    """An engine like the application's, and a listener between the engine and the
    database. The listener counts the engine's messages.
    """
    address = normalise_database_url(Settings().database_url.get_secret_value())
    with freezer(place_of(address)) as listener:
        url = through(address, listener).render_as_string(hide_password=False)
        own = make_engine(Settings(database_url=SecretStr(url)), pool_size=1, max_overflow=0)
        own.connect().close()
        yield own, listener
        own.dispose()

"""Fixtures for every test. All of them use the production `get_db` unchanged."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from fastapi import FastAPI
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from app import cli, main
from app.core.config import get_settings
from app.core.features import load_models
from app.core.logging import configure_logging
from app.db import changes, totals
from app.db.database import Base, HealthSession, SessionLocal, SideSession, WorkerSession, engine
from app.platform import jobs, limits
from app.platform.cache import messages, shared, values
from app.platform.jobs import job_runs, recurrence
from app.platform.monitoring import health
from app.routers.auth.models import User
from tests.auth.factories import token_for
from tests.support import leaflets
from tests.support.client import DocumentedClient
from tests.support.clocks import database_travels
from tests.support.services import required
from tests.support.smtp import Recorder, mail_server
from tests.support.statements import Statements, listen_to_statements, no_row_written
from tests.support.widgets import FormerGadgetSlug, Gadget, Widget, widget_app

REDIS_DATABASES = 16  # the default number of databases in Redis
SESSIONS = (SessionLocal, SideSession, WorkerSession, HealthSession)


@pytest.fixture(scope="session", autouse=True)
def no_database_on_the_event_loop() -> Iterator[None]:
    """Fail a test that calls the database on a thread with an event loop."""

    def refuse(*_: object, **__: object) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise AssertionError("a database call ran on the event loop's thread")

    names = ("before_cursor_execute", "begin", "commit", "rollback")
    for name in names:
        event.listen(Engine, name, refuse)
    yield
    for name in names:
        event.remove(Engine, name, refuse)


@pytest.fixture(scope="session", autouse=True)
def _database_travels() -> Iterator[None]:
    with database_travels():
        yield


@pytest.fixture(scope="session", autouse=True)
def _logs_go_nowhere() -> Iterator[None]:
    """Discard logs, because pytest's stream is closed before the last record.

    Tests that read logs use a separate stream.
    """
    with Path(os.devnull).open("w") as nowhere:
        configure_logging(get_settings(), nowhere)
        yield
        logging.getLogger().handlers.clear()


@contextmanager
def logs_put_back() -> Iterator[None]:
    """Restore the destination of the logs after a test, because the test's stream is
    then closed.
    """
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _logs_put_back() -> Iterator[None]:
    with logs_put_back():
        yield


@pytest.fixture(scope="session")
def migrated(_logs_go_nowhere: None) -> Iterator[None]:
    """Migrate the database, and create the tables of the features that are made for
    tests.
    """
    load_models()
    with logs_put_back():
        cli.migrate()
    made = (Widget, Gadget, FormerGadgetSlug, *leaflets.TABLES)
    tables = [Base.metadata.tables[model.__tablename__] for model in made]
    Base.metadata.create_all(engine, tables)
    yield
    for factory in SESSIONS:
        factory.kw["bind"].dispose()


@pytest.fixture
def db(migrated: None) -> Iterator[Session]:
    """A session in an outer transaction that is rolled back.

    Most tests use this, because it is fast.
    """
    connection = engine.connect()
    outer = connection.begin()
    engines = {factory: factory.kw["bind"] for factory in SESSIONS}
    for factory in engines:
        factory.configure(bind=connection, join_transaction_mode="create_savepoint")
    with SessionLocal() as session:
        yield session
    outer.rollback()
    connection.close()
    for factory, own in engines.items():
        factory.configure(bind=own, join_transaction_mode="conditional_savepoint")


@pytest.fixture
def committed(migrated: None) -> Iterator[Callable[[], Session]]:
    """A session factory with real commits, for tests of races and of several processes.

    Every row is deleted afterwards.
    """
    yield SessionLocal
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # a trigger guards the audit log
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    """Reset counters and plans, so that each test begins like a new process."""
    limits.made_counters.cache_clear()
    recurrence.planner.forget()
    health.database.forget()
    changes.forget()
    totals.forget()
    for made in (shared.open_region, values.open_region, messages.announcer):
        made.cache_clear()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """`settings(SMTP_HOST="…")` changes settings until the test ends.

    Processes that the test starts get the changed settings, too.
    """

    def change(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()

    yield change
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def real_hashing(settings: Callable[..., None]) -> None:
    """Hash passwords at the cost that production uses."""
    settings(PASSWORD_HASH_KIB="")


@pytest.fixture
def smtp(settings: Callable[..., None]) -> Iterator[Recorder]:
    """A mail server that records the emails that it gets. Our settings point to it."""
    with mail_server() as (recorder, port):
        settings(SMTP_HOST="127.0.0.1", SMTP_PORT=str(port), SMTP_TLS="none")
        yield recorder


@pytest.fixture(scope="session")
def app(migrated: None) -> FastAPI:
    return main.app


@pytest.fixture(scope="session")
def _client(app: FastAPI) -> Iterator[DocumentedClient]:
    with DocumentedClient(app) as client:
        yield client


@pytest.fixture
def client(_client: DocumentedClient, request: pytest.FixtureRequest) -> Iterator[DocumentedClient]:
    """A client of the whole application.

    A test that writes also needs `db` or `committed`, so that its rows do not stay.
    """
    writes = bool({"db", "committed"} & set(request.fixturenames))
    with nullcontext() if writes else no_row_written():
        yield _client
    _client.headers.pop("Authorization", None)
    _client.cookies.clear()


@pytest.fixture(scope="session")
def _widgets(migrated: None) -> Iterator[DocumentedClient]:
    with DocumentedClient(widget_app()) as client:
        yield client


@pytest.fixture
def widgets(_widgets: DocumentedClient) -> Iterator[DocumentedClient]:
    """A client of an application with one feature, which is made for tests of the
    platform.
    """
    yield _widgets
    _widgets.headers.pop("Authorization", None)


@pytest.fixture
def login(client: DocumentedClient, request: pytest.FixtureRequest) -> Callable[[User], User]:
    """`login(user)` makes `client` act as this user from now on."""
    assert {"db", "committed"} & set(request.fixturenames), (
        "without `db` or `committed` the rows stay for other tests"
    )

    def as_user(user: User) -> User:
        client.headers["Authorization"] = f"Bearer {token_for(user)}"
        return user

    return as_user


@pytest.fixture
def redis_url() -> str:
    """The URL of a real, empty Redis database.

    Each worker of a run has its own database. These databases are numbered downwards
    from the database in REDIS_TEST_URL.
    """
    url = required(os.environ.get("REDIS_TEST_URL"), "REDIS_TEST_URL is not set")
    from redis import Redis

    server, _, number = url.rpartition("/")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    url = f"{server}/{(int(number) - int(worker)) % REDIS_DATABASES}"

    with Redis.from_url(url) as redis:
        redis.flushdb()
    return url


@pytest.fixture
def statements() -> Iterator[Statements]:
    """The SQL statements of the test, except those that begin or end a transaction.

    `with statements(2):` fails if the block sends more than two.
    """
    with listen_to_statements() as sent:
        yield sent


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that keeps running. `clock.shift(seconds)` moves the host's clock and the
    database's clock.
    """
    with time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=True) as traveller:
        yield traveller


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> dict[str, jobs.Kind]:
    """The declared kinds of jobs. During the test, only the kinds that it declares
    exist.
    """
    known: dict[str, jobs.Kind] = {}
    monkeypatch.setattr(jobs, "declared_kinds", known)
    jobs.job_kinds.cache_clear()
    monkeypatch.setattr(jobs, "job_kinds", lambda: known)
    monkeypatch.setattr(job_runs, "job_kinds", lambda: known)
    return known


@pytest.fixture
def adding(handlers: dict[str, jobs.Kind]) -> None:
    """Declare a kind of job, `test.add`, which adds a widget with the given name."""

    @jobs.job("test.add")
    def add(db: Session, payload: dict[str, Any]) -> None:
        db.add(Widget(name=payload["name"]))
        db.flush()

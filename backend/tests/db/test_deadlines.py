"""Every call ends by itself if the database accepts connections but never responds."""

import math
import threading
import time
from functools import partial

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, exc, text

from app.core.config import Settings
from app.db import deadlines
from app.db.database import WorkerSession, engine
from app.db.engines import CONNECT_SECONDS, JOB_STATEMENT_SECONDS, Limits, make_engine
from app.db.errors import translate_database_error
from app.db.silence import LISTEN_SECONDS, Silence, silence_of
from app.db.urls import normalise_database_url
from app.platform import jobs, models
from app.platform.mail import outbox
from app.platform.mail.smtp_client import TOTAL_SECONDS
from tests.support.freezer import Freezer, freezer, place_of, through
from tests.support.smtp import wait_until

PATIENCE = 60  # seconds after which a call is stuck, however busy the machine is
servers = pytest.mark.only("postgresql", "mysql")
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "


@pytest.fixture
def frozen():
    """A freezer in front of the test server. `behind` connects through the freezer."""
    with freezer(
        place_of(normalise_database_url(Settings().database_url.get_secret_value()))
    ) as own:
        yield own


def behind_freezer(frozen: Freezer, limits: Limits) -> Engine:
    url = through(normalise_database_url(Settings().database_url.get_secret_value()), frozen)
    settings = Settings(database_url=SecretStr(url.render_as_string(hide_password=False)))
    return make_engine(settings, pool_size=2, max_overflow=0, limits=limits)


@pytest.fixture
def behind(frozen):
    """An engine with short limits and one connection that has been used."""
    own = behind_freezer(frozen, Limits(0.5, 0.5))
    with own.connect() as connection:
        connection.execute(text("SELECT 1"))
    yield own
    frozen.thaw()
    own.dispose()


def ends(call):
    """Run `call` in a separate thread, and return what it raised. The test fails if the
    call never ends.
    """
    raised = []

    def run():
        try:
            call()
        except exc.DBAPIError as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the call never ended"
    assert raised, "the call succeeded"
    return raised[0]


def execute(connection):
    connection.execute(text("SELECT 2"))


def execute_in_savepoint(connection):
    with connection.begin_nested():
        execute(connection)


def ask(own):
    with own.connect() as connection:
        execute(connection)


CALLS = {
    "statement": execute,
    "commit": lambda connection: connection.commit(),
    "rollback": lambda connection: connection.rollback(),
    "savepoint": execute_in_savepoint,
}


@servers
@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_is_never_answered_is_a_503(behind, frozen, call):
    with behind.connect() as connection:
        connection.execute(text("SELECT 1"))
        frozen.freeze()
        answer = translate_database_error(ends(lambda: CALLS[call](connection)))
    assert answer
    assert (answer.status, answer.code) == (503, "database_unavailable")
    assert behind.pool.checkedout() == 0
    frozen.thaw()
    with behind.connect() as connection:
        assert connection.scalar(text("SELECT 3")) == 3


@servers
def test_a_pooled_connection_that_is_dead_is_not_used(behind, frozen):
    """The statement meets its deadline, and the next caller gets a new connection."""
    frozen.freeze()
    assert translate_database_error(ends(partial(ask, behind)))
    assert behind.pool.checkedout() == 0
    frozen.thaw()
    with behind.connect() as connection:
        execute(connection)


@servers
def test_the_rollback_of_a_failed_block_ends(behind, frozen):
    """Leaving the block asks a server that never responds to roll back."""

    def fail():
        with behind.begin() as connection:
            connection.execute(text("SELECT 1"))
            frozen.freeze()
            raise exc.DBAPIError("a failure", None, Exception())

    ends(fail)
    assert behind.pool.checkedout() == 0


@servers
def test_while_nobody_is_answered_nobody_waits(frozen):
    patient = behind_freezer(frozen, Limits(LISTEN_SECONDS))
    hasty = behind_freezer(
        frozen, Limits(0.5, 0.5)
    )  # the limits of a health check; reaching such a limit is not a sign of a silent database
    patient.connect().close()
    with hasty.connect() as connection:
        idle = connection.connection.dbapi_connection
    frozen.freeze()
    ends(partial(ask, patient))
    time.sleep(LISTEN_SECONDS)
    before = frozen.connections
    silence = silence_of(str(patient.url))
    assert silence.lasts
    for _ in range(20):
        refused = translate_database_error(ends(patient.connect))
        assert refused
        assert (refused.status, refused.code) == (503, "database_unavailable")
    assert frozen.connections <= before + 1, "only the listener connects"
    ends(hasty.connect)
    frozen.thaw()
    wait_until(lambda: not silence.lasts, PATIENCE)
    with patient.connect() as connection:
        execute(connection)
    with hasty.connect() as connection:
        assert connection.connection.dbapi_connection is idle, "it was not even tried"
    patient.dispose()
    hasty.dispose()


def test_one_dead_connection_among_living_ones_is_no_silence():
    own = Silence()
    own.reach = partial(threading.Event().wait, PATIENCE)  # asking the database would never return
    began = time.monotonic() - 10
    own.heard_at = began + 1
    own.missed(began)
    assert not own.lasts


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("call", ["execute", "fetch"])
def test_sqlite_is_interrupted(tmp_path, call):
    """SQLite has no server that could end a statement, so the application interrupts
    it. This also works while rows are fetched.
    """
    settings = Settings(database_url=SecretStr(f"sqlite:///{tmp_path / 'own.db'}"))
    own = make_engine(settings, pool_size=1, max_overflow=0, limits=Limits(0.5))
    endless = {"execute": "SELECT count(*) FROM n", "fetch": "SELECT i FROM n WHERE i = 1 OR i < 0"}
    with own.connect() as connection:
        answer = translate_database_error(
            ends(lambda: connection.execute(text(ENDLESS + endless[call])).all())
        )
        assert answer
        assert (answer.status, answer.code) == (503, "database_timeout")
        connection.rollback()
        assert connection.scalar(text("SELECT 1")) == 1
    own.dispose()


def test_a_call_that_was_answered_meanwhile_is_not_cut():
    """The watchdog decides to cut a call. Then the call ends, and another socket gets
    the call's file descriptor.

    The watchdog must not cut that other socket.
    """
    cuts = []

    class Connection:
        limit = 0.0
        silence = Silence()

        def cut(self) -> None:
            cuts.append(1)

    deadlines.cut_call((Connection(), time.monotonic()))
    assert cuts == []


def test_limits_of_requests_jobs_and_migrations():
    request = Limits(Settings().database_statement_timeout)
    assert (request.statement, request.call) == (4, 4.25)
    assert CONNECT_SECONDS < request.call <= 4.5, "R20: a request is refused within 5 s"
    assert Limits(JOB_STATEMENT_SECONDS).call == 60.25
    assert Limits(0).call == math.inf, "a migration takes as long as it needs"


def test_leases_outlast_what_runs_under_them():
    statement = Limits(JOB_STATEMENT_SECONDS).call
    assert jobs.LEASE.total_seconds() > 2 * statement
    assert outbox.LEASE.total_seconds() > TOTAL_SECONDS + statement
    assert (
        models.LEASE.total_seconds() > 3 * 10 + Limits(Settings().database_statement_timeout).call
    )


@pytest.mark.only("postgresql")
def test_workers_and_requests_have_limits_of_their_own(migrated):
    with engine.connect() as request, WorkerSession() as worker:
        shown = text("SELECT current_setting('statement_timeout')")
        assert (request.scalar(shown), worker.scalar(shown)) == ("4s", "1min")

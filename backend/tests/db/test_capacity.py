"""If the numbers of threads, processes and connections do not fit together, the start
fails with a message that names the setting to change.
"""

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import text

from app.core.config import Settings
from app.db.capacity import TooSmall, check_capacity
from app.db.database import HEALTH_POOL, SIDE_POOL, SideSession, admission, engine
from app.db.engines import make_engine


def test_fewer_threads_than_connections_are_refused_by_name():
    Settings(worker_threads=20, database_pool_size=15, database_max_overflow=5)
    with pytest.raises(ValidationError) as refused:
        Settings(worker_threads=19, database_pool_size=15, database_max_overflow=5)
    ((name, why),) = refused.value.errors()[0]["ctx"]["error"].problems
    assert name == "WORKER_THREADS"
    assert "at least DATABASE_POOL_SIZE" in why


@pytest.mark.only("postgresql", "mysql")
def test_more_processes_than_database_connections_are_refused(migrated, kind):
    with engine.connect() as connection:
        variable = (
            "current_setting('max_connections')::int"
            if kind == "postgresql"
            else "@@max_connections"
        )
        allowed = int(connection.scalar(text(f"SELECT {variable}")) or 0)
    each = admission.slots + SIDE_POOL + HEALTH_POOL
    check_capacity(Settings(web_concurrency=1))
    crowd = Settings().model_copy(update={"web_concurrency": allowed})
    with pytest.raises(TooSmall, match=f"WEB_CONCURRENCY .* is {allowed * each} connections"):
        check_capacity(crowd)


@pytest.mark.only("postgresql")
def test_a_database_that_is_away_is_no_reason_not_to_start(migrated, monkeypatch):
    away = make_engine(
        Settings(database_url=SecretStr("postgresql://u:p@127.0.0.1:1/d")),
        pool_size=1,
        max_overflow=0,
    )
    monkeypatch.setitem(SideSession.kw, "bind", away)
    check_capacity(Settings())

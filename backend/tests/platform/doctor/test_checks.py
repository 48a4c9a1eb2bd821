"""The platform's checks of `make doctor` run against real services."""

import os
import shutil
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from app.core.config import get_settings
from app.core.types import utc_now
from app.db.database import SessionLocal
from app.db.engines import make_engine
from app.platform.doctor import all_checks
from app.platform.models import IdempotencyKey, Job, Lane, Mail, Priority
from tests.support.pooler import running_pooler
from tests.support.server import free_port
from tests.support.smtp import mail_server


def run(name):
    return all_checks()[name].run()


def state(name):
    found = run(name)
    return found.state if found else None


def test_a_sound_database_passes(db):
    names = ("database", "database schema", "database clock", "work", "dead letters", "purges")
    assert {name: state(name) for name in names} == dict.fromkeys(names, "ok")
    assert state("database connections") in ("ok", None)


def test_an_old_schema_is_a_failure(db):
    db.execute(text("DELETE FROM alembic_version"))
    assert (run("database schema").state, run("database schema").remedy) == (
        "failure",
        "Run `make migrate`.",
    )


def test_a_schema_of_newer_code_is_a_warning(db):
    db.execute(text("UPDATE alembic_version SET version_num = 'from tomorrow'"))
    assert state("database schema") == "warning"


@pytest.mark.only("postgresql", "mysql")
@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "ok"), (-20, "warning"), (20, "warning"), (90, "failure")]
)
def test_clocks_that_differ_are_reported(db, seconds, expected, monkeypatch):
    from app.platform.doctor import database

    monkeypatch.setattr(database, "utc_now", lambda: utc_now() + timedelta(seconds=seconds))
    assert state("database clock") == expected


@pytest.mark.only("postgresql", "mysql")
def test_more_connections_than_allowed_are_a_failure(db, settings):
    settings(WEB_CONCURRENCY="64", REDIS_URL="redis://127.0.0.1:1/0")
    found = run("database connections")
    assert (found.state, "One server and one worker" in found.detail) == ("failure", True)


def test_redis_is_asked(redis_url, settings):
    assert run("redis") is None
    settings(REDIS_URL=redis_url)
    assert state("redis") == "ok"


def test_a_redis_that_does_not_respond_is_a_failure(settings):
    settings(REDIS_URL=f"redis://:hunter2@127.0.0.1:{free_port()}/0")
    found = run("redis")
    assert found.state == "failure"
    assert "hunter2" not in found.detail


def test_the_mail_server_is_asked_and_gets_no_mail(smtp):
    assert state("smtp") == "ok"
    assert (smtp.connections, smtp.received) == (1, [])


def test_the_storage_is_written_read_and_deleted(settings, tmp_path):
    settings(STORAGE_URL=(tmp_path / "objects").as_uri())
    assert state("storage") == "ok"
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]
    settings(STORAGE_URL=(tmp_path / "file").as_uri())
    (tmp_path / "file").write_text("")
    found = run("storage")
    assert found.state == "failure"
    assert "STORAGE_URL" in found.remedy


def test_a_deployment_without_storage_is_a_warning(monkeypatch):
    without = get_settings().model_copy(update={"storage_url": None})
    for module in ("app.platform.storage", "app.platform.doctor.services"):
        monkeypatch.setattr(f"{module}.get_settings", lambda: without)
    assert run("storage") is None
    without = without.model_copy(update={"environment": "production"})
    assert "STORAGE_URL" in run("storage").remedy


def test_a_mail_server_without_tls_is_a_failure(smtp, settings):
    settings(SMTP_TLS="starttls")
    found = run("smtp")
    assert (found.state, "SMTP_TLS" in found.detail) == ("failure", True)


def test_a_refused_sign_in_is_a_failure(settings):
    with mail_server(auth_require_tls=False) as (_, port):
        settings(
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(port),
            SMTP_TLS="none",
            SMTP_USERNAME="ada",
            SMTP_PASSWORD="hunter2",
        )
        found = run("smtp")
    assert (found.state, "SMTP_USERNAME, SMTP_PASSWORD" in found.detail) == ("failure", True)
    assert "hunter2" not in found.detail


def test_without_a_mail_server_there_is_no_row():
    assert run("smtp") is None


@pytest.mark.parametrize(("minutes", "expected"), [(1, "ok"), (10, "warning"), (90, "failure")])
def test_a_job_that_waits_is_reported(db, minutes, expected):
    due = utc_now() - timedelta(minutes=minutes)
    times = {"due_at": due, "give_up_at": due + timedelta(days=1)}
    db.add(Job(kind="purge.mails", payload={}, lane=Lane.RECURRING, **times))
    db.flush()
    assert state("work") == expected


def test_mails_wait_only_if_there_is_a_mail_server(db, settings):
    due = utc_now() - timedelta(minutes=10)
    times = {"due_at": due, "give_up_at": due + timedelta(days=1)}
    letter = {"recipient": "ada@example.com", "subject": "Hello", "message_id": "1@example.com"}
    db.add(Mail(**letter, body=b"x", priority=Priority.NOTICE, **times))
    db.flush()
    assert state("work") == "ok"
    settings(SMTP_HOST="127.0.0.1")
    assert run("work").detail == "The oldest email has been due for 10 minutes."


def test_dead_letters_are_counted(db):
    gone = utc_now()
    times = {"due_at": None, "give_up_at": gone, "dead_at": gone}
    db.add(Job(kind="purge.mails", payload={}, lane=Lane.RECURRING, **times))
    db.flush()
    assert run("dead letters").detail == "Jobs and emails that have failed for good: 1"


def test_expired_rows_that_stay_are_a_failure(db):
    db.add(IdempotencyKey(digest="1", fingerprint="x", expires_at=utc_now() - timedelta(days=3)))
    db.flush()
    found = run("purges")
    assert (found.state, "idempotency_keys" in found.detail) == ("failure", True)


@pytest.mark.parametrize(
    ("free", "expected"), [(2**40, "ok"), (500 * 2**20, "warning"), (2**20, "failure")]
)
def test_a_full_disk_is_reported(free, expected, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert state("disk") == expected


def test_doubtful_settings_are_a_warning(settings):
    assert state("settings") == "ok"
    settings(SMTP_HOST="127.0.0.1", SMTP_PORT="465", SMTP_TLS="starttls")
    assert run("settings").detail.startswith("SMTP_TLS rarely fits SMTP_PORT")


def test_without_a_pooler_there_is_no_row(db):
    assert run("database pooler") is None


@pytest.mark.only("postgresql", "mysql")
def test_a_direct_address_is_tried(db, settings):
    settings(DATABASE_DIRECT_URL=os.environ["DATABASE_URL"])
    assert state("database pooler") == "ok"
    settings(DATABASE_DIRECT_URL=f"postgresql://a:hunter2@127.0.0.1:{free_port()}/a")
    found = run("database pooler")
    assert found.state == "failure"
    assert "hunter2" not in found.detail


@pytest.mark.only("postgresql")
def test_a_pooler_without_a_direct_address_is_a_warning(migrated, tmp_path, monkeypatch):
    with running_pooler(os.environ["DATABASE_URL"], tmp_path) as url:
        pooled = make_engine(
            get_settings().model_copy(update={"database_url": SecretStr(url)}),
            pool_size=1,
            max_overflow=0,
        )
        monkeypatch.setitem(SessionLocal.kw, "bind", pooled)
        assert run("database connections") is None
        assert state("database pooler") == "warning"
        pooled.dispose()


def test_development_needs_no_backups(db, settings):
    assert run("backups") is None


@pytest.mark.parametrize(
    ("hours", "expected"), [(1, "ok"), (30, "warning"), (60, "failure"), (None, "failure")]
)
def test_old_backups_are_reported(db, settings, tmp_path, hours, expected):
    settings(BACKUP_DIR=str(tmp_path))
    if hours is not None:
        made = utc_now() - timedelta(hours=hours)
        (tmp_path / f"liftoff-{made:%Y%m%dT%H%M%SZ}-abc.backup").write_bytes(b"x")
    assert state("backups") == expected


@pytest.mark.only("postgresql")
def test_replicas_that_cannot_be_used_are_a_warning(db, settings, monkeypatch):
    """The first replica does not run, and the second one is the primary itself."""
    from app.db import replicas
    from app.platform.doctor import database

    assert run("database replicas") is None
    url = make_url(os.environ["DATABASE_URL"]).update_query_dict({"application_name": "other"})
    primary = url.render_as_string(hide_password=False)
    dead = f"postgresql://liftoff:hunter2@127.0.0.1:{free_port()}/liftoff"
    settings(DATABASE_REPLICA_URLS=f"{dead},{primary}")
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.5)
    replicas.replicas.cache_clear()
    try:
        found = run("database replicas")
    finally:
        with replicas.replicas().watched():
            pass
        replicas.replicas.cache_clear()
    assert found.state == "warning"
    assert all(word in found.detail for word in ("unreachable", "promoted"))
    assert "hunter2" not in found.detail + found.remedy

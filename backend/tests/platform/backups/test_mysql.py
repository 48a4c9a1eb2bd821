"""Backups of MySQL and MariaDB: the effects of other connections, users, foreign keys
and passwords.
"""

import os
import shutil

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from app.platform.backups import BackupFailed
from app.platform.backups.stores import store_of

pytestmark = pytest.mark.only("mysql")


@pytest.fixture
def ordinary(place, worker_id):
    """The settings name a user who may use only this database."""
    user = f"liftoff_ordinary_{worker_id}"
    url = make_url(place.settings.database_url.get_secret_value())
    place.execute(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'hunter2 with a space'")
    place.execute(f"CREATE USER '{user}'@'localhost' IDENTIFIED BY 'hunter2 with a space'")
    for host in ("%", "localhost"):
        place.execute(f"GRANT ALL ON `{url.database}`.* TO '{user}'@'{host}'")
    there = url.set(username=user, password="hunter2 with a space")
    given = SecretStr(there.render_as_string(hide_password=False))
    place.settings = place.settings.model_copy(update={"database_url": given})
    yield user
    for host in ("%", "localhost"):
        place.execute(f"DROP USER '{user}'@'{host}'")


def test_an_idle_transaction_is_ended(place):
    place.back_up(check=False)
    place.execute("DELETE FROM kept_names")
    with place.engine.connect() as idle:
        idle.execute(text("SELECT * FROM kept_names"))
        place.restore()
        with pytest.raises(DBAPIError):
            idle.execute(text("SELECT 1"))
    assert place.names() == ["Ada", "Grace"]


def test_foreign_keys_point_at_the_restored_tables(place):
    place.back_up(check=False)
    place.restore()
    elsewhere = place.ask(
        "SELECT count(*) FROM information_schema.referential_constraints "
        "WHERE constraint_schema = DATABASE() AND unique_constraint_schema <> DATABASE()"
    )
    assert elsewhere == 0
    assert place.ask(
        "SELECT count(*) FROM information_schema.referential_constraints "
        "WHERE constraint_schema = DATABASE()"
    )


def test_no_scratch_database_stays(place):
    place.back_up()
    place.restore()
    assert store_of(place.settings).leftovers() == []


def test_a_user_who_cannot_create_databases_is_told(place, ordinary):
    place.back_up()
    told = [line for line in place.said if "may not create databases" in line]
    assert len(told) == 1
    place.execute("DELETE FROM kept_names")
    with pytest.raises(BackupFailed, match=r"may not create databases.*as it was before"):
        place.restore()
    assert place.names() == []


def test_no_password_is_on_a_command_line(place, ordinary, tmp_path, monkeypatch):
    tools = tmp_path / "tools"
    tools.mkdir()
    real = shutil.which("mariadb-dump") or shutil.which("mysqldump")
    dumper = tools / "mariadb-dump"
    dumper.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/commands\nexec {real} "$@"\n')
    dumper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    place.back_up(check=False)
    commands = (tmp_path / "commands").read_text()
    assert "hunter2" not in commands
    assert f"--user={ordinary}" in commands

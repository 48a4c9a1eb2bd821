"""A restore brings everything back, or changes nothing (R16)."""

import dataclasses
import gzip
import threading
import time

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from app.db.urls import normalise_database_url
from app.platform.backups import BackupFailed, files
from app.platform.backups.manifest import read_backup, verify_backup
from app.platform.backups.sealing import Sealer
from tests.platform.backups.conftest import KEY

CHECKED = "Checked: the backup was restored into a scratch database, and has all rows."


def rewritten(file, **facts):
    """Write a backup again with different facts in its manifest. No command of ours can
    do this.
    """
    manifest, dump = read_backup(file, KEY)
    content = b"".join(dump)
    with file.open("wb") as changed:
        sealer = Sealer(changed, KEY)
        sealer.write(dataclasses.replace(manifest, **facts).to_line() + content)
        sealer.close()


def test_all_rows_come_back_and_later_ones_go(place):
    file = place.back_up()
    assert CHECKED in place.said
    manifest = verify_backup(file, KEY)
    assert manifest.rows["kept_names"] == 2
    assert manifest.revision == place.ask("SELECT version_num FROM alembic_version")
    place.execute("DELETE FROM kept_names WHERE name = 'Ada'")
    place.execute("INSERT INTO kept_names VALUES ('Mallory')")
    place.execute("CREATE TABLE made_later (id INTEGER)")
    place.restore()
    assert place.names() == ["Ada", "Grace"]
    with pytest.raises(Exception, match="made_later"):
        place.ask("SELECT count(*) FROM made_later")


def test_nothing_of_the_content_is_readable_in_the_file(place):
    file = place.back_up(check=False)
    content = file.read_bytes()
    for word in (b"kept_names", b"PGDMP", b"SQLite", b"revision", gzip.compress(b"")[:3]):
        assert word not in content[:200]
    assert b"kept_names" not in content


def test_the_check_can_be_left_out(place):
    place.back_up(check=False)
    assert CHECKED not in place.said
    place.restore()
    assert place.names() == ["Ada", "Grace"]


def test_old_backups_are_deleted(place):
    names = []
    for _ in range(3):
        names.append(place.back_up(keep=2, check=False).name)
        time.sleep(1.1)  # names differ by seconds
    assert [file.name for file in files.all_backups(place.folder)] == names[1:]


def test_another_key_changes_nothing(place):
    place.back_up(check=False)
    place.execute("DELETE FROM kept_names")
    other = {"backup_key": SecretStr("another key of at least 32 characters")}
    place.settings = place.settings.model_copy(update=other)
    with pytest.raises(BackupFailed, match="BACKUP_KEY is not the key"):
        place.restore()
    assert place.names() == []


def test_a_shortened_file_changes_nothing(place):
    file = place.back_up(check=False)
    file.write_bytes(file.read_bytes()[:-1000])
    place.execute("DELETE FROM kept_names")
    with pytest.raises(BackupFailed, match="damaged or incomplete"):
        place.restore()
    assert place.names() == []


LACKING = [
    pytest.param({"never_made": 0}, id="a table"),
    pytest.param({"kept_names": 3}, id="rows", marks=pytest.mark.only("sqlite", "postgresql")),
]


@pytest.mark.parametrize("lacking", LACKING)
def test_a_restore_that_fails_changes_nothing(place, lacking):
    """The comparison with the manifest is the last step that can fail."""
    file = place.back_up(check=False)
    manifest, _ = read_backup(file, KEY)
    rewritten(file, rows=manifest.rows | lacking)
    place.execute("INSERT INTO kept_names VALUES ('Mallory')")
    with pytest.raises(BackupFailed, match="The database is as it was before"):
        place.restore()
    assert place.names() == ["Ada", "Grace", "Mallory"]


def test_a_dump_that_breaks_off_changes_nothing(place):
    """The rows that were restored before the break must not be committed."""
    file = place.back_up(check=False)
    manifest, dump = read_backup(file, KEY)
    content = b"".join(dump)
    with file.open("wb") as changed:
        sealer = Sealer(changed, KEY)
        sealer.write(manifest.to_line() + content[: len(content) // 2])
        sealer.close()
    place.execute("INSERT INTO kept_names VALUES ('Mallory')")
    with pytest.raises(BackupFailed, match="The database is as it was before"):
        place.restore()
    assert place.names() == ["Ada", "Grace", "Mallory"]


def test_a_backup_that_does_not_pass_its_check_has_no_name(place, monkeypatch):
    from app.platform.backups import checking

    def refuse(*_):
        raise BackupFailed("The restored copy does not have the revision of the backup.")

    monkeypatch.setattr(checking, "broken_rules", refuse)
    with pytest.raises(BackupFailed, match="does not have the revision"):
        place.back_up()
    assert [file.name for file in place.folder.iterdir()] == [files.LOCK]


def test_a_backup_of_newer_code_is_refused(place):
    rewritten(place.back_up(check=False), revision="0123456789ab")
    with pytest.raises(BackupFailed, match="was made by newer code"):
        place.restore()


def test_a_backup_of_another_database_is_refused(place):
    rewritten(place.back_up(check=False), kind="another")
    with pytest.raises(BackupFailed, match="another kind of database"):
        place.restore()


def test_rows_that_are_written_meanwhile_do_not_matter(place):
    """A writer adds rows during the dump.

    The manifest counts only the rows in the dump.
    """
    ended = threading.Event()
    insert = "INSERT INTO kept_names VALUES ('writer {}')"

    def write():
        for number in range(10_000):
            if ended.is_set():
                return
            place.execute(insert.format(number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        place.back_up()
    finally:
        ended.set()
        writer.join()
    assert CHECKED in place.said


@pytest.mark.parametrize(
    ("missing", "told"), [("backup_key", "BACKUP_KEY is not set"), ("backup_dir", "BACKUP_DIR is")]
)
def test_missing_settings_are_named(place, missing, told):
    place.settings = place.settings.model_copy(update={missing: None})
    with pytest.raises(BackupFailed, match=told):
        place.back_up()


def test_a_full_disk_is_a_sentence(place, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Sealer, "close", full)
    with pytest.raises(BackupFailed, match=r"could not be written: .*No space left"):
        place.back_up()
    assert files.all_backups(place.folder) == []


def test_a_backup_fills_an_empty_database(place, fresh_url):
    """A new host has no tables, and needs no migration before the restore."""
    place.back_up(check=False)
    fresh = {"database_url": SecretStr(fresh_url)}
    place.settings = place.settings.model_copy(update=fresh)
    place.restore()
    engine = create_engine(normalise_database_url(fresh_url))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM kept_names")) == 2
    engine.dispose()

"""Backups have names that show their time. The newest one is found, and old ones are
deleted.
"""

from datetime import UTC, datetime, timedelta

import pytest

from app.platform.backups import BackupFailed, files
from app.platform.backups.manifest import Manifest

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def manifest(hours=0):
    return Manifest("sqlite", "SQLite 3", "abc123", NOON + timedelta(hours=hours), {})


@pytest.fixture
def three(tmp_path):
    """Three backups, an hour apart, and two other files."""
    for hours in (1, 0, 2):
        (tmp_path / files.name_of(manifest(hours))).write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("not a backup")
    (tmp_path / "liftoff-20260101T000000Z-abc.backup.old").write_text("not one either")
    return tmp_path


def test_a_name_has_the_time_and_the_revision():
    name = files.name_of(manifest())
    assert name == "liftoff-20261130T120000Z-abc123.backup"


def test_the_time_is_read_from_the_name(three):
    assert [files.time_of(file).hour for file in files.all_backups(three)] == [12, 13, 14]


def test_the_newest_is_found_and_others_by_name(three):
    first, _, newest = files.all_backups(three)
    assert files.find_backup(three, "") == newest
    assert files.find_backup(three, first.name) == first
    assert files.find_backup(None, str(first)) == first


@pytest.mark.parametrize(
    ("folder", "wanted", "told"),
    [
        (True, "other.backup", "There is no backup other.backup"),
        (True, "", "There is no backup in"),
        (False, "", "BACKUP_DIR is not set"),
    ],
)
def test_a_missing_backup_is_named(tmp_path, folder, wanted, told):
    with pytest.raises(BackupFailed, match=told):
        files.find_backup(tmp_path / "none" if folder else None, wanted)


def test_only_the_oldest_backups_are_deleted(three):
    first, second, newest = files.all_backups(three)
    assert files.delete_old(three, 2) == [first]
    assert files.all_backups(three) == [second, newest]
    assert files.delete_old(three, 2) == []
    assert (three / "notes.txt").exists()


def test_only_one_backup_runs_at_a_time(tmp_path):
    folder = tmp_path / "new"
    with files.only_backup(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(BackupFailed, match="Another backup"), files.only_backup(folder):
            pass
    with files.only_backup(folder):
        pass


def test_what_an_interrupted_backup_left_is_deleted(tmp_path):
    left = tmp_path / f"{files.name_of(manifest())}{files.PARTIAL}"
    left.write_bytes(b"x")
    with files.only_backup(tmp_path):
        assert not left.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BackupFailed, match="BACKUP_DIR cannot be written"),
        files.only_backup(tmp_path / "file" / "folder"),
    ):
        pass


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path):
    name = files.name_of(manifest())
    with files.new_file(tmp_path, name) as file:
        file.write(b"x")
        assert files.all_backups(tmp_path) == []
    published = files.publish(tmp_path, name)
    assert (files.all_backups(tmp_path), published.read_bytes()) == ([published], b"x")
    assert published.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_not_finished_is_deleted(tmp_path):
    def write():
        with files.new_file(tmp_path, "a") as file:
            file.write(b"x")
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        write()
    assert list(tmp_path.iterdir()) == []

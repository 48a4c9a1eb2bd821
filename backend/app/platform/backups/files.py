"""The files in BACKUP_DIR: their names, the newest file, and deleting old files."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from . import BackupFailed
from .manifest import Manifest

TIME = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"liftoff-(?P<time>\d{8}T\d{6}Z)-\w+\.backup", re.ASCII)
PARTIAL = ".partial"
LOCK = ".lock"
PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def name_of(manifest: Manifest) -> str:
    """Return the name of a backup. Names sort by time."""
    return f"liftoff-{manifest.made_at:{TIME}}-{manifest.revision}.backup"


def time_of(file: Path) -> datetime:
    found = NAME.fullmatch(file.name)
    assert found
    return datetime.strptime(found["time"], TIME).replace(tzinfo=UTC)


def all_backups(folder: Path) -> list[Path]:
    """Return the backups in this folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if NAME.fullmatch(file.name))


def find_backup(folder: Path | None, wanted: str) -> Path:
    """Return the backup that `wanted` names, or the newest. Raises `BackupFailed`."""
    if wanted:
        places = [Path(wanted), *([folder / wanted] if folder else [])]
        if found := next((place for place in places if place.is_file()), None):
            return found
        raise BackupFailed(f"There is no backup {wanted}.")
    if folder is None:
        raise BackupFailed("BACKUP_DIR is not set, and no backup was named with from=….")
    if not (there := all_backups(folder)):
        raise BackupFailed(f"There is no backup in {folder}.")
    return there[-1]


def delete_old(folder: Path, keep: int) -> list[Path]:
    """Delete all backups except the newest `keep`, and return the deleted backups."""
    old = all_backups(folder)[:-keep]
    for file in old:
        file.unlink()
    return old


@contextmanager
def only_backup(folder: Path) -> Iterator[None]:
    """Prepare the folder, and lock it. Raises `BackupFailed`.

    Files left by an interrupted backup are deleted.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / LOCK).open("wb")
    except OSError as error:
        raise BackupFailed(
            f"BACKUP_DIR cannot be written: {error.filename}: {error.strerror}."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupFailed("Another backup to this folder is running.") from None
        for left in folder.glob(f"*{PARTIAL}"):
            left.unlink()
        yield


@contextmanager
def new_file(folder: Path, name: str) -> Iterator[BinaryIO]:
    """Open a file that gets its name only after its content is on the disk.

    Only the file's owner may read it.
    """
    partial = folder / f"{name}{PARTIAL}"
    try:
        with os.fdopen(os.open(partial, PRIVATE, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def publish(folder: Path, name: str) -> Path:
    """Give a finished file its name. The new name survives a power failure."""
    file = folder / name
    (folder / f"{name}{PARTIAL}").rename(file)
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
    return file

"""`make backup`: dump, encrypt, check, and delete old backups."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.core.config import ROOT, Settings
from app.platform.doctor.running import first_line

from . import BackupFailed, NoScratch, checking, files
from .manifest import Manifest, read_backup
from .sealing import Sealer
from .stores import Store, key_of, store_of

KEEP = 14
Say = Callable[[str], Any]


def folder_of(settings: Settings) -> Path:
    """Return BACKUP_DIR. Raises `BackupFailed` if it is not set."""
    if settings.backup_dir is None:
        raise BackupFailed("BACKUP_DIR is not set. Name a folder on another disk or host.")
    return ROOT / settings.backup_dir


def make_backup(settings: Settings, say: Say, *, keep: int = KEEP, check: bool = True) -> Path:
    """Write a backup, and return its file. Raises `BackupFailed`.

    The file gets its name only after the check. So any file with the name of a backup
    is complete.
    """
    folder, key, store = folder_of(settings), key_of(settings), store_of(settings)
    if keep < 1:
        raise BackupFailed("keep must be at least 1.")
    try:
        with files.only_backup(folder):
            manifest, name = _write(store, folder, key)
            say(f"Written: {manifest}")
            try:
                if check:
                    _check(store, folder / f"{name}{files.PARTIAL}", key, say)
                file = files.publish(folder, name)
            except BaseException:
                (folder / f"{name}{files.PARTIAL}").unlink(missing_ok=True)
                raise
            say(f"{file} ({file.stat().st_size / 2**20:,.1f} MiB)")
            for old in files.delete_old(folder, keep):
                say(f"Deleted, because {keep} newer backups exist: {old.name}")
            return file
    except OSError as error:
        raise BackupFailed(f"The backup could not be written: {error}") from error
    except SQLAlchemyError as error:
        raise BackupFailed(f"The database cannot be used: {first_line(error)}") from error


def _write(store: Store, folder: Path, key: str) -> tuple[Manifest, str]:
    with store.snapshot() as snapshot:
        manifest: Manifest = snapshot.manifest
        name = files.name_of(manifest)
        with files.new_file(folder, name) as file:
            sealer = Sealer(file, key)
            sealer.write(manifest.to_line())
            for block in store.dump(snapshot):
                sealer.write(block)
            sealer.close()
    return manifest, name


def _check(store: Store, file: Path, key: str, say: Say) -> None:
    """Restore the backup into a scratch database, and check the copy."""
    for left in store.leftovers():
        say(f"An interrupted check has left the database {left}. Drop it.")
    manifest, dump = read_backup(file, key)
    try:
        with store.trial(manifest, dump) as engine:
            broken = list(checking.broken_rules(engine, manifest))
    except NoScratch as reason:
        _, dump = read_backup(file, key)
        store.read(dump)
        say(
            f"{reason}, so this backup was read to its end, but not restored. Allow it with "
            "ALTER ROLE … CREATEDB, or pass check=no."
        )
        return
    say("Checked: the backup was restored into a scratch database, and has all rows.")
    for rule in broken:
        say(f"The database itself breaks a rule. {rule}")

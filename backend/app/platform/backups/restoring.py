"""`make restore`: replace the database with a backup."""

from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import ROOT, Settings
from app.core.database_urls import database_host
from app.platform.doctor.running import first_line

from . import BackupFailed, checking, files
from .making import Say
from .manifest import Manifest, read_backup, verify_backup
from .stores import Store, key_of, store_of

UNCHANGED = "The database is as it was before."


def choose_backup(settings: Settings, wanted: str) -> tuple[Path, Manifest]:
    """Return a backup that fits our database and our code.

    The whole file is read before anything is changed. Raises `BackupFailed`.
    """
    folder = ROOT / settings.backup_dir if settings.backup_dir else None
    key, store = key_of(settings), store_of(settings)
    file = files.find_backup(folder, wanted)
    manifest = verify_backup(file, key)
    if manifest.kind != store.kind:
        raise BackupFailed(
            f"{file.name} is a backup of {manifest.server}, and DATABASE_URL names another kind "
            "of database."
        )
    if checking.expected_state(manifest) == "ahead":
        raise BackupFailed(
            f"{file.name} was made by newer code. Its revision {manifest.revision} is unknown "
            "here. Deploy that code first."
        )
    return file, manifest


def is_older(manifest: Manifest) -> bool:
    """Return whether the database must be migrated after this restore."""
    return checking.expected_state(manifest) == "behind"


def describe_target(settings: Settings) -> str:
    """Return the name of the database that a restore overwrites."""
    if file := settings.sqlite_file:
        return str(file)
    url = (settings.database_direct_url or settings.database_url).get_secret_value()
    name = url.partition("?")[0].rpartition("/")[2]
    return f"the database {name} at {database_host(url)}"


def restore_backup(settings: Settings, file: Path, say: Say) -> None:
    """Replace the database with this backup, or leave the database as it is.

    Raises `BackupFailed`.
    """
    key, store = key_of(settings), store_of(settings)
    manifest, dump = read_backup(file, key)
    try:
        store.replace(manifest, dump)
    except BackupFailed as error:
        raise BackupFailed(f"{str(error).rstrip('.')}. {UNCHANGED}") from error
    except (SQLAlchemyError, OSError) as error:
        raise BackupFailed(f"{first_line(error)}. {UNCHANGED}") from error
    say(f"Restored: {manifest}")
    for rule in _broken(store, manifest):
        say(f"The backup breaks a rule. {rule}")


def _broken(store: Store, manifest: Manifest) -> list[str]:
    engine = create_engine(store.url)
    try:
        return list(checking.broken_rules(engine, manifest))
    finally:
        engine.dispose()

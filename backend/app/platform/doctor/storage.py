"""Checks of the folders that we write to: free space, and the age of the backups."""

import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from app.core.config import ROOT, get_settings
from app.db import clock
from app.db.database import SessionLocal
from app.platform.backups import files

from . import Finding, check, failure, ok, warning

MIB = 2**20
LITTLE, TOO_LITTLE = 1024 * MIB, 100 * MIB
# The first limit fits a backup each night, with two hours to spare. The second limit
# allows for one failed backup.
OLD, TOO_OLD = timedelta(hours=26), timedelta(hours=50)


@check("disk")
def disk() -> Finding:
    """Check the free space of each file system, and report the fullest."""
    settings = get_settings()
    file = settings.sqlite_file
    folders = [file.parent if file else ROOT, Path(tempfile.gettempdir())]
    folders += [ROOT / settings.backup_dir] if settings.backup_dir else []
    there = [_nearest(folder) for folder in folders]
    free, folder = min((shutil.disk_usage(folder).free, folder) for folder in there)
    detail = f"{folder} has {free / MIB:,.0f} MiB left."
    remedy = "Delete unneeded files there, or use a larger disk."
    if free < TOO_LITTLE:
        return failure(detail, remedy)
    return warning(detail, remedy) if free < LITTLE else ok(detail)


@check("backups", needs="database")
def backups() -> Finding | None:
    settings = get_settings()
    if settings.backup_dir is None:
        if not settings.is_deployed:
            return None
        return warning(
            "BACKUP_DIR is not set, so nothing here makes backups.",
            "Set BACKUP_DIR and BACKUP_KEY, and run `make backup` every night. If your provider "
            "makes backups, make sure that you have restored one.",
        )
    there = files.all_backups(ROOT / settings.backup_dir)
    remedy = "Run `make backup` every night, and read what it says."
    if not there:
        return failure(f"There is no backup in {ROOT / settings.backup_dir}.", remedy)
    with SessionLocal() as db:
        age = clock.read_database_time(db) - files.time_of(there[-1])
    hours = age / timedelta(hours=1)
    detail = f"The newest of {len(there)} backups is {hours:.0f} hours old."
    if age > TOO_OLD:
        return failure(detail, remedy)
    return warning(detail, remedy) if age > OLD else ok(detail)


def _nearest(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place))

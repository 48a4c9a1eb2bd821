"""The commands `backup` and `restore` of `app.cli`."""

import signal
import sys
from typing import Annotated

import typer

from app.core.config import get_settings
from app.core.features import load_models

from . import BackupFailed


def backup(
    keep: Annotated[int, typer.Option(help="Number of backups to keep in BACKUP_DIR.")] = 14,
    *,
    check: Annotated[bool, typer.Option(help="Test the backup in a scratch database.")] = True,
) -> None:
    """Write an encrypted backup of the database to BACKUP_DIR, and check it."""
    from . import making

    _end_cleanly()
    load_models()
    try:
        making.make_backup(get_settings(), typer.echo, keep=keep, check=check)
    except BackupFailed as error:
        sys.exit(f"No backup was made: {error}")


def restore(
    source: Annotated[
        str, typer.Option("--from", help="Name or path of a backup. Default: the newest backup.")
    ] = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Overwrite the database.")] = False,
) -> None:
    """Replace the database with a backup. The database's current content is lost."""
    from alembic import command

    from app.db.migrations import alembic_config

    from . import restoring

    _end_cleanly()
    load_models()
    settings = get_settings()
    try:
        file, manifest = restoring.choose_backup(settings, source)
        typer.echo(f"{file}: {manifest}")
        if not yes:
            sys.exit(
                f"Nothing was changed. This would overwrite {restoring.describe_target(settings)} "
                "and everything in it. To do that, add yes=1 (--yes)."
            )
        restoring.restore_backup(settings, file, typer.echo)
    except BackupFailed as error:
        sys.exit(f"Nothing was restored: {error}")
    if restoring.is_older(manifest):
        typer.echo("The backup is older than this code. Migrating it now.")
        command.upgrade(alembic_config(), "head")
    typer.echo("Restart all processes, because they may still have old data in memory.")


def _end_cleanly() -> None:
    """On SIGTERM, remove unfinished files and databases, as on Ctrl-C."""

    def end(*_: object) -> None:
        sys.exit("Terminated.")

    signal.signal(signal.SIGTERM, end)

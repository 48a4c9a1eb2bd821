"""Encrypted backups of the database, for `make backup` and `make restore`.

- `sealing`: encryption, which reveals a changed, shortened or reordered file.
- `manifest`: the first line of a backup, which names its contents and numbers of rows.
- `files`: names in `BACKUP_DIR`, the newest backup, and the deletion of old backups.
- `programs`: the database's own client programs.
- `stores`: the database that is backed up or restored.
- `postgresql`, `mysql`, `sqlite`: dumping and restoring each database.
- `postgresql_script`: the SQL around a dump of PostgreSQL.
- `checking`: checks whether the rows of a restored copy follow the features' rules.
- `making`, `restoring`, `commands`: the two commands.

A dump is read, compressed, encrypted and written in one stream. So a dump may be larger
than the memory, and is never on the disk unencrypted.
"""


class BackupFailed(Exception):
    """A backup was not made, not checked or not restored.

    The message is for operators, and contains no secret.
    """


class NoScratch(BackupFailed):
    """The role is not allowed to create a scratch database for a trial restore."""
